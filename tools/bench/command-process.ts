import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import "../sources.ts";

/** How a call of the command ended. */
export interface Called {
  exitCode: number;
  /** From the parsed arguments to the last thing done, without the start of Node. */
  ms: number;
  /** CPU time of the process in it. */
  cpuMs: number;
}

/** A process of its own that calls the `coffre` command's `main`, as often as it is told: warm from the second call on. */
export class CommandProcess {
  readonly #child: ChildProcess;

  /** @param env the whole environment of the command */
  constructor(env: Record<string, string>) {
    // What the command prints for people is nobody's here; what it complains of is.
    this.#child = fork(import.meta.filename, { env, stdio: ["ignore", "ignore", "inherit", "ipc"] });
  }

  /** @throws Error if the process ends before it answers */
  async call(args: readonly string[]): Promise<Called> {
    const ended = new AbortController();
    const answer = once(this.#child, "message", { signal: ended.signal });
    const exit = once(this.#child, "exit", { signal: ended.signal }).then(([code]) => {
      throw new Error(`the command's process ended with ${String(code)}`);
    });
    this.#child.send(args);
    try {
      const [called] = (await Promise.race([answer, exit])) as [Called]; // from the loop below
      return called;
    } finally {
      ended.abort();
      await Promise.allSettled([answer, exit]);
    }
  }

  async stop(): Promise<void> {
    const exit = once(this.#child, "exit");
    this.#child.disconnect();
    await exit;
  }
}

if (process.send && process.argv[1] === import.meta.filename) {
  const { main } = await import("../../provider/cli/main.js");
  process.on("message", (args: string[]) => {
    const began = performance.now();
    const before = process.cpuUsage();
    void main(args).then((exitCode) => {
      const { user, system } = process.cpuUsage(before);
      const called: Called = { exitCode, ms: performance.now() - began, cpuMs: (user + system) / 1000 };
      if (process.connected) process.send?.(called);
    });
  });
}
