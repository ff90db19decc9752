import { spawn } from "node:child_process";
import { constants } from "node:os";
import type { CommandContext } from "./context.js";

/** Secrets that a command needs no more once it has an agent. Files stay named: whoever runs as this user can open them. */
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

/**
 * Runs a command that finds its agent by `COFFRE_AGENT`, on this process's own stdin, stdout and stderr.
 * @param url of the vault, if the command wouldn't find it configured as this process did: by a flag
 * @param ended aborted when the command is to end, too
 * @returns its exit code; 128 and the signal's number if one ended it
 */
export function runWithAgent(
  { env, terminal }: Pick<CommandContext, "env" | "terminal">,
  [command = "", ...args]: readonly string[],
  { socket, url, ended }: { socket: string; url: string | undefined; ended: AbortSignal },
): Promise<number> {
  const kept = Object.fromEntries(Object.entries(env).filter(([name]) => !SECRET_VARIABLES.includes(name)));
  const child = spawn(command, args, {
    stdio: "inherit",
    env: { ...kept, ...(url === undefined ? {} : { COFFRE_URL: url }), COFFRE_AGENT: socket },
  });
  // A Ctrl-C on a terminal goes to the command itself, as to everything in front: twice would mean "at once" to some.
  const signals: NodeJS.Signals[] = process.stdin.isTTY ? ["SIGTERM", "SIGHUP"] : ["SIGTERM", "SIGHUP", "SIGINT"];
  const pass = (signal: NodeJS.Signals) => void child.kill(signal);
  for (const signal of signals) process.on(signal, pass);
  const end = () => pass("SIGTERM");
  ended.addEventListener("abort", end, { once: true });
  return new Promise<number>((done) => {
    child.on("error", ({ code }: NodeJS.ErrnoException) => {
      terminal.complain(`coffre: The command ${command} ${code === "ENOENT" ? "wasn't found" : "can't be run"}`);
      done(code === "ENOENT" ? NOT_FOUND : NOT_EXECUTABLE);
    });
    child.on("close", (code, signal) => done(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  }).finally(() => {
    for (const signal of signals) process.off(signal, pass);
    ended.removeEventListener("abort", end);
  });
}
