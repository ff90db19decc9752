import { type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir, userInfo } from "node:os";
import { join, resolve } from "node:path";
import { type Clock, systemClock } from "../../provider/core/clock.js";
import { Secret } from "../../provider/core/secret.js";
import { createEmbeddedVault } from "../../provider/vault/embedded/create.js";
import { openEmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";
import { newKeyText, writeKeyFile } from "../../provider/vault/embedded/key-file.js";
import type { CategoryInput, CredentialInput, Vault } from "../../provider/vault/port.js";

const ROOT = resolve(import.meta.dirname, "../..");
const PROGRAM = join(ROOT, "bin", "coffre.js");
const BUILT = join(ROOT, "dist", "cli", "main.js");

/** A call takes a quarter of a second on a quiet machine, and several on a busy one. */
export const SLOW_MS = 60_000;

/** How a command ended, and what it said. */
export interface Said {
  stdout: string;
  stderr: string;
  exitCode: number | null;
}

export interface CallOptions {
  input?: string;
  env?: Record<string, string>;
  cwd?: string;
}

/** A user's shell with a home of its own, in which the built `coffre` is called as a child process. */
export class Shell {
  readonly home: string;
  readonly env: Record<string, string>;

  private constructor(home: string) {
    this.home = home;
    this.env = {
      HOME: home,
      PATH: process.env["PATH"] ?? "",
      LANG: "C.UTF-8",
      // Saves a tenth of a second a call.
      NODE_COMPILE_CACHE: join(ROOT, "test", ".work", "compile-cache"),
    };
  }

  static async open(): Promise<Shell> {
    if (!existsSync(BUILT)) throw new Error("the command isn't built: run `npm test`, or `npm run build` first");
    return new Shell(await mkdtemp(join(tmpdir(), "coffre-cli-")));
  }

  /** Where the shell's vault and key are, as `coffre vault init` puts them. */
  get vaultFile(): string {
    return join(this.home, ".local", "share", "coffre", "main.db");
  }

  get keyFile(): string {
    return join(this.home, ".config", "coffre", "main.key");
  }

  /** Calls `coffre` with these arguments and waits for its end. */
  coffre(args: readonly string[], { input = "", env = {}, cwd = this.home }: CallOptions = {}): Promise<Said> {
    return new Promise((done, fail) => {
      const child = this.start(args, { env: { ...this.env, ...env }, cwd });
      const said = { stdout: "", stderr: "" };
      child.stdout?.setEncoding("utf8").on("data", (text: string) => (said.stdout += text));
      child.stderr?.setEncoding("utf8").on("data", (text: string) => (said.stderr += text));
      child.on("error", fail);
      child.on("close", (exitCode) => done({ ...said, exitCode }));
      child.stdin?.on("error", () => undefined); // a command that reads no input may end before it is written
      child.stdin?.end(input);
    });
  }

  /** Starts `coffre` and leaves the rest to the test. */
  start(args: readonly string[], options: SpawnOptions = {}) {
    // As the program's first line does it: behind -- no option is Node's own.
    return spawn(process.execPath, ["--", PROGRAM, ...args], { cwd: this.home, env: this.env, ...options });
  }

  /** Starts an agent, and names it to all that is called from now on. @returns ends it, and all is as before */
  async withAgent(): Promise<() => Promise<void>> {
    const runtime = join(this.home, "run");
    await mkdir(runtime, { mode: 0o700 });
    const agent = this.start(["agent"], { env: { ...this.env, XDG_RUNTIME_DIR: runtime } });
    const [line] = (await once(agent.stdout as NonNullable<typeof agent.stdout>, "data")) as [Buffer]; // a pipe, by default
    this.env["COFFRE_AGENT"] = String(line).trim();
    return async () => {
      delete this.env["COFFRE_AGENT"];
      const ended = once(agent, "exit");
      agent.kill("SIGTERM");
      await ended;
      await rm(runtime, { recursive: true });
    };
  }

  /**
   * Calls `coffre` on a terminal of its own, where `typed` is typed; stdout and stderr come as one, as on a screen.
   * `asked` runs once the first question stands there, before it is answered.
   */
  onTerminal(
    args: readonly string[],
    typed: string,
    asked: () => Promise<void> = async () => undefined,
  ): Promise<{ screen: string; exitCode: number | null }> {
    const command = [process.execPath, PROGRAM, ...args].map((word) => `'${word}'`).join(" ");
    return new Promise((done, fail) => {
      const child = spawn("script", ["-q", "-e", "-c", command, "/dev/null"], {
        cwd: this.home,
        env: { ...this.env, TERM: "xterm" },
      });
      const answers = typed.split("\n").slice(0, -1);
      let screen = "";
      let ready: Promise<void> | undefined;
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        screen += text;
        // Typed when it is asked for, as a person does.
        if (!/: $/.test(text) || answers.length === 0) return;
        ready = (ready ?? asked()).then(() => void child.stdin.write(`${answers.shift() ?? ""}\r`));
        ready.catch(fail);
      });
      child.on("error", fail);
      child.on("close", (exitCode) => done({ screen, exitCode }));
    });
  }

  /** `coffre … --json`, whose answer is wanted as a value. @throws Error if it failed */
  async json(args: readonly string[], options?: CallOptions): Promise<unknown> {
    const { stdout, stderr, exitCode } = await this.coffre([...args, "--json"], options);
    if (exitCode !== 0) throw new Error(`coffre ${args.join(" ")} ended with ${String(exitCode)}: ${stderr}`);
    return JSON.parse(stdout);
  }

  /** Makes the shell's vault, as `coffre vault init` does, without the time that a child process takes. */
  async makeVault(name = "main"): Promise<Vault> {
    const key = newKeyText();
    await mkdir(join(this.home, ".config", "coffre"), { recursive: true });
    writeKeyFile(this.keyFile, key);
    await createEmbeddedVault({
      path: this.vaultFile,
      name,
      key: { keyText: key },
      actor: "a test",
      clock: systemClock,
    });
    const configuration = `url: file://${this.vaultFile}\nkeyFile: ${this.keyFile}\n`;
    await writeFile(join(this.home, ".config", "coffre", "config.yaml"), configuration);
    return this.openVault();
  }

  /** The shell's vault, for what the command can't do: to declare entries is a stack's business. */
  openVault(clock: Clock = systemClock): Vault {
    const key = { keyFile: this.keyFile };
    return openEmbeddedVault({ path: this.vaultFile, key: () => key, actor: "a test", clock });
  }

  /** What was said, without what differs from one run to the next. */
  plain(text: string): string {
    return text
      .replaceAll(this.home, "~")
      .replaceAll(`${userInfo().username}@${hostname()}`, "<user>")
      .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?(?= UTC)/g, "<date>")
      .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, "<date>")
      .replaceAll(/\b(cr|ct)_[A-Za-z0-9_-]{22}/g, "<$1>")
      .replaceAll(/\b\d+:[0-9a-f]{32}\b/g, "<head>")
      .replaceAll(/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, "<uuid>");
  }

  async close(): Promise<void> {
    await rm(this.home, { recursive: true, force: true });
  }
}

/** A category at this place of the tree, made if it is missing. @returns its id */
export async function category(vault: Vault, path: string, more: Partial<CategoryInput> = {}): Promise<string> {
  let parentId: string | null = null;
  const names = path.split("/");
  for (const [index, name] of names.entries()) {
    const found = await vault.findCategory(names.slice(0, index + 1));
    const isLast = index === names.length - 1;
    parentId = (found ?? (await vault.createCategory({ name, parentId, ...(isLast ? more : {}) }))).id;
  }
  if (parentId === null) throw new Error("a path has a name");
  return parentId;
}

/** An entry at a path, with a value of its own unless `value` is `null`. @returns its id */
export async function entry(
  vault: Vault,
  path: string,
  { value = "a value that tests know", ...more }: Partial<CredentialInput> & { value?: string | null } = {},
): Promise<string> {
  const names = path.split("/");
  const above = names.slice(0, -1).join("/");
  const categoryId = above === "" ? null : await category(vault, above);
  const initial = value === null ? {} : { initial: { value: new Secret(value), causes: ["command:test"] } };
  const [made] = await vault.createCredentials([{ name: names.at(-1) ?? "", categoryId, ...initial, ...more }]);
  if (!made) throw new Error("nothing was made");
  return made.id;
}
