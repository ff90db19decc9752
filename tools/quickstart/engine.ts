import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { delimiter } from "node:path";
import { type Engine, locateEngine } from "../engine/locate.ts";
import { cleanEnvironment, type Ended, run } from "./children.ts";
import { NAME, type Places } from "./places.ts";
import { print, style, Trouble } from "./screen.ts";

/** Pulumi on the quickstart's stack: its state in a folder, its passphrase in a file. */
export class Stack {
  readonly #engine: Engine;
  readonly #places: Places;

  private constructor(engine: Engine, places: Places) {
    this.#engine = engine;
    this.#places = places;
  }

  /** @throws Trouble without an engine */
  static async open(places: Places): Promise<Stack> {
    const engine = await locateEngine();
    if (engine) return new Stack(engine, places);
    throw new Trouble(
      "There is no Pulumi engine",
      "Start the quickstart with `npm run quickstart`, which provides one.",
    );
  }

  /** True once the stack was made. */
  get exists(): boolean {
    return existsSync(this.#places.stackFile) && existsSync(this.#places.state);
  }

  /** Makes the stack if it is missing, and tells its program where the database is. */
  async configure(settings: Readonly<Record<string, string>>): Promise<void> {
    const { state, pulumiHome, passphrase } = this.#places;
    for (const folder of [state, pulumiHome]) await mkdir(folder, { recursive: true, mode: 0o700 });
    if (!existsSync(passphrase)) {
      await writeFile(passphrase, `${randomBytes(24).toString("base64url")}\n`, { mode: 0o600, flag: "wx" });
    }
    await this.#succeed(["stack", "select", "--create", NAME]);
    const pairs = Object.entries(settings).flatMap(([name, value]) => ["--plaintext", `${name}=${value}`]);
    await this.#succeed(["config", "set-all", "--stack", NAME, ...pairs]);
  }

  /** Brings the stack up. @returns what was changed, by kind of change: `{ create: 3 }`; empty if nothing was */
  async up(): Promise<Record<string, number>> {
    const { output } = await this.#succeed(
      ["up", "--yes", "--skip-preview", "--suppress-outputs", "--stack", NAME],
      true,
    );
    return countChanges(output);
  }

  /** Takes the stack down. */
  async destroy(): Promise<void> {
    await this.#succeed(["destroy", "--yes", "--skip-preview", "--stack", NAME], true);
  }

  async #succeed(args: readonly string[], live = false): Promise<Ended> {
    let ended = await this.#run(args, live);
    if (ended.exitCode !== 0 && isStaleLock(ended.output)) {
      // An earlier run was killed: nobody holds the lock any more.
      await this.#run(["cancel", "--yes", "--stack", NAME], false);
      ended = await this.#run(args, live);
    }
    if (ended.exitCode === 0) return ended;
    const said = ended.output.split("\n").filter((line) => line.trim() !== "");
    throw new Trouble(
      `\`pulumi ${args[0] ?? ""}\` failed:\n${said.slice(-30).join("\n")}`,
      "Run the quickstart again to go on; nothing is lost. `npx coffre attention` and `npx coffre events` say more.",
    );
  }

  #run(args: readonly string[], live: boolean): Promise<Ended> {
    const { state, pulumiHome, passphrase } = this.#places;
    const inherited = cleanEnvironment();
    return run(this.#engine.executable, ["--non-interactive", "--color", "never", ...args], {
      env: {
        ...inherited,
        PATH: [...this.#engine.pathFolders, inherited["PATH"] ?? ""].join(delimiter),
        PULUMI_HOME: pulumiHome,
        PULUMI_BACKEND_URL: `file://${state}`,
        PULUMI_CONFIG_PASSPHRASE: undefined, // it would win over the file
        PULUMI_CONFIG_PASSPHRASE_FILE: passphrase,
        PULUMI_STACK: undefined,
        PULUMI_SKIP_UPDATE_CHECK: "true",
        PULUMI_DISABLE_REGISTRY_RESOLVE: "true",
        PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      },
      ...(live ? { onLine: showProgress } : {}),
    });
  }
}

/** Of the engine's lines those that end a step, and what the program or a resource says. */
function showProgress(line: string): void {
  const step =
    /^\s*([-+~]+)\s+(\S+)\s+(\S+) (created|updated|deleted|replaced|creat\S* failed|updat\S* failed)(.*)$/.exec(line);
  if (!step) return;
  const [, sign = "", type = "", name = "", what = "", more = ""] = step;
  if (type.startsWith("pulumi:")) return; // the stack itself, and Coffre's provider
  print(
    style(
      "dim",
      `      ${sign} ${type.split(":").at(-1) ?? type} ${name} ${what}${more.replace(/\[.*/, "")}`.trimEnd(),
    ),
  );
}

function countChanges(output: string): Record<string, number> {
  const counts = [...output.matchAll(/^\s+[-+~]+\s+(\d+) (created|updated|deleted|replaced)/gm)];
  return Object.fromEntries(counts.map(([, count, what]) => [what ?? "", Number(count)]));
}

/** True if the lock that the engine complains of belongs to a process of this machine that has ended. */
function isStaleLock(output: string): boolean {
  const pids = [...output.matchAll(/created by .*\(pid (\d+)\)/g)].map(([, pid]) => Number(pid));
  return pids.length > 0 && pids.every((pid) => !isAlive(pid));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}
