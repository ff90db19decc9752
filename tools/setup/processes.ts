import { spawn } from "node:child_process";
import { resolve } from "node:path";

/** The checkout's folder. */
export const ROOT = resolve(import.meta.dirname, "../..");

/** One line on standard error: standard output belongs to what the task itself prints. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** A child's exit code that is passed on as it is; its own words stand above. */
export class ChildFailed extends Error {
  readonly exitCode: number;
  constructor(command: string, exitCode: number) {
    super(`${command} ended with exit code ${exitCode}`);
    this.exitCode = exitCode;
  }
}

export interface RunOptions {
  env?: Record<string, string>;
  /** Standard output is answered instead of shown. */
  capture?: boolean;
  /** Standard output goes to standard error: for steps of the setup. Default true; false for the task itself. */
  quietStdout?: boolean;
  /**
   * Runs it in a session of its own: a terminal's Ctrl-C, which goes to every process of a session, then reaches the child
   * by this process only, and the child's own children not at all. For what finishes its work with them first.
   */
  ownSession?: boolean;
}

/** Runs a program in the checkout and waits. @throws ChildFailed unless it ends with 0 */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const child = spawn(command, args, {
    cwd: ROOT,
    env: { ...process.env, ...options.env },
    detached: options.ownSession === true,
    stdio: ["inherit", options.capture === true ? "pipe" : options.quietStdout === false ? "inherit" : 2, "inherit"],
  });
  const forward = (signal: NodeJS.Signals) => child.kill(signal);
  // A terminal's Ctrl-C reaches the child by itself; this process stays to pass on how the child ended.
  const wait = (signal: NodeJS.Signals) => {
    if (!process.stdin.isTTY || options.ownSession === true) forward(signal);
  };
  process.on("SIGTERM", forward).on("SIGHUP", forward).on("SIGINT", wait);
  let captured = "";
  child.stdout?.on("data", (chunk: Buffer) => (captured += chunk.toString()));
  try {
    const code = await new Promise<number>((done, failed) => {
      child.on("error", failed);
      child.on("close", (exitCode, signal) => done(exitCode ?? (signal === "SIGINT" ? 130 : 1)));
    });
    if (code !== 0) throw new ChildFailed(`${command} ${args.join(" ")}`, code);
    return captured;
  } finally {
    process.off("SIGTERM", forward).off("SIGHUP", forward).off("SIGINT", wait);
  }
}
