import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { type Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Masker, type MaskPatterns } from "../delivery/mask.js";
import type { CommandContext } from "./context.js";
import { stderr, stdout } from "./streams.js";

/** Secrets that a command needs no more once somebody else has opened the vault. Files stay named: whoever runs as this user can open them. */
const SECRET_VARIABLES = [
  "COFFRE_KEY",
  "COFFRE_PASSPHRASE",
  "COFFRE_TOKEN",
  "COFFRE_LOCKSELF_AUTH_TOKEN",
  "COFFRE_LOCKSELF_LS_TOKEN",
];
/** What a shell answers for a command that wasn't found, or can't be run. */
export const NOT_FOUND = 127;
export const NOT_EXECUTABLE = 126;
/** What a process in the foreground gets from its terminal by itself: twice would mean "at once" to some. */
const FROM_TERMINAL: readonly NodeJS.Signals[] = ["SIGINT", "SIGQUIT"];
const PASSED_ON: readonly NodeJS.Signals[] = ["SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", ...FROM_TERMINAL];

export interface ChildOptions {
  /** Variables besides those that this process has; its secrets of the vault aren't handed on. */
  env: Readonly<Record<string, string>>;
  /** Aborted when the command is to end, too. */
  ended?: AbortSignal;
  /** What is replaced in its stdout and stderr, which are pipes then; without it they are this process's own. */
  mask?: MaskPatterns | undefined;
}

/**
 * Runs a command on this process's own stdin, and hands signals on to it.
 * @returns its exit code; 128 and the signal's number if one ended it
 */
export async function runChild(
  { env, terminal }: Pick<CommandContext, "env" | "terminal">,
  [command = "", ...args]: readonly string[],
  { env: more, ended, mask }: ChildOptions,
): Promise<number> {
  const kept = Object.fromEntries(Object.entries(env).filter(([name]) => !SECRET_VARIABLES.includes(name)));
  const output = mask === undefined ? "inherit" : "pipe";
  let child: ChildProcess | undefined;
  const pass = (signal: NodeJS.Signals) => {
    if (!(process.stdin.isTTY && FROM_TERMINAL.includes(signal))) child?.kill(signal);
  };
  const end = () => pass("SIGTERM");
  // Before it starts: a signal of that moment isn't to end this process alone.
  for (const signal of PASSED_ON) process.on(signal, pass);
  try {
    child = spawn(command, args, { stdio: ["inherit", output, output], env: { ...kept, ...more } });
    ended?.addEventListener("abort", end, { once: true });
    const shown = [show(child.stdout, stdout, mask), show(child.stderr, stderr, mask)];
    const code = await exitOf(child, (problem) => terminal.complain(`coffre: The command ${command} ${problem}`));
    await Promise.all(shown);
    return code;
  } finally {
    for (const signal of PASSED_ON) process.off(signal, pass);
    ended?.removeEventListener("abort", end);
  }
}

function exitOf(child: ChildProcess, complain: (problem: string) => void): Promise<number> {
  return new Promise((done) => {
    child.on("error", ({ code }: NodeJS.ErrnoException) => {
      if (child.pid !== undefined) return; // a signal that it couldn't be sent
      complain(code === "ENOENT" ? "wasn't found" : "can't be run");
      done(code === "ENOENT" ? NOT_FOUND : NOT_EXECUTABLE);
    });
    child.on("close", (code, signal) => done(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
}

/** What it prints, masked. Nothing is made for that before there is something: many commands print nothing. */
function show(
  from: Readable | null,
  to: () => NodeJS.WritableStream,
  patterns: MaskPatterns | undefined,
): Promise<void> {
  if (from === null || patterns === undefined) return Promise.resolve();
  return new Promise((done) => {
    const isGone = () => done();
    from.once("close", isGone); // of a command that never began
    from.once("readable", () => {
      from.off("close", isGone);
      if (from.readableLength > 0) {
        // Now, not a turn later: what flows is lost where nobody takes it.
        void passMasked(from, to(), new Masker(patterns)).then(done);
      } else {
        from.resume(); // it has ended, and is closed once that was read
        done();
      }
    });
  });
}

async function passMasked(from: Readable, to: NodeJS.WritableStream, masker: Masker): Promise<void> {
  const masked = new Transform({
    transform: (piece: Buffer, _encoding, done) => done(null, masker.add(piece)),
    flush: (done) => done(null, masker.end()),
  });
  // A reader that went away ends the pipe, and the command hears of it as if it had written to the reader itself.
  await pipeline(from, masked, to, { end: false }).catch(() => undefined);
}
