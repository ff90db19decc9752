import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { systemClock } from "../../provider/core/clock.js";
import type { TokenInput } from "../../provider/server/identities/tokens.js";
import { openState, statePath } from "../../provider/server/state.js";
import { openEmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";

const MAIN = join(import.meta.dirname, "main.ts");

/** Where a vault in a file is. */
export interface VaultPlace {
  path: string;
  keyFile: string;
}

export interface ServeOptions {
  /** Default: any free one at the first start, and the same at the next. */
  port?: number;
  /** Words before `node`, such as `taskset -c 0`. */
  wrapper?: readonly string[];
  /** The command's file. Default: the sources, which take some 60 MB more memory than what was built. */
  main?: string;
  /** Options of the command. */
  args?: readonly string[];
}

/** `coffre serve`, from the sources, in a process of its own: it can be killed and started again at its port. */
export class ServedVault {
  readonly #place: VaultPlace;
  readonly #options: ServeOptions;
  #child: ChildProcessByStdio<null, Readable, null> | undefined;
  #port: number;

  private constructor(place: VaultPlace, options: ServeOptions) {
    this.#place = place;
    this.#options = options;
    this.#port = options.port ?? 0;
  }

  static async start(place: VaultPlace, options: ServeOptions = {}): Promise<ServedVault> {
    const served = new ServedVault(place, options);
    await served.restart();
    return served;
  }

  /** Of the server's process: a wrapper has put it in its own place. `undefined` while it is gone. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get port(): number {
    return this.#port;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Starts it where it is gone, at the port that it had. @throws Error if it ends before it listens */
  async restart(): Promise<void> {
    const { wrapper = [], main = MAIN, args = ["--no-access-log"] } = this.#options;
    const [program = "", ...words] = [
      ...wrapper,
      process.execPath,
      "--disable-warning=ExperimentalWarning",
      main,
      "serve",
      "--listen",
      `127.0.0.1:${this.#port}`,
      ...args,
    ];
    const env = {
      PATH: process.env["PATH"] ?? "",
      HOME: join(this.#place.path, ".."),
      COFFRE_URL: `file://${this.#place.path}`,
      COFFRE_KEY_FILE: this.#place.keyFile,
    };
    const child = spawn(program, words, { env, stdio: ["ignore", "pipe", "inherit"] });
    this.#child = child;
    const lines = createInterface({ input: child.stdout });
    const [line] = (await Promise.race([
      once(lines, "line"),
      once(child, "exit").then(([code]) => {
        throw new Error(`coffre serve ended with ${String(code)}`);
      }),
    ])) as [string];
    lines.on("line", () => {}); // its log is read on, so that it never waits for a reader
    this.#port = Number(new URL((JSON.parse(line) as { listening: string }).listening).port); // the command's own line
  }

  /** As `kill -9` does; it is gone when this returns. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** As an operator does: what is under way is answered. */
  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill(signal);
    await gone;
  }
}

/** Makes tokens for the server of this vault, whether it runs or not. @returns their texts */
export async function makeTokens({ path, keyFile }: VaultPlace, inputs: readonly TokenInput[]): Promise<string[]> {
  const vault = openEmbeddedVault({ path, key: { keyFile }, actor: "controller", clock: systemClock });
  const { tokens, file } = await openState(vault, statePath(path), systemClock);
  try {
    const texts: string[] = [];
    for (const input of inputs) texts.push((await tokens.create(input)).text.reveal());
    return texts;
  } finally {
    file.close();
    await vault.close();
  }
}
