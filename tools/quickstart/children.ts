import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { ROOT } from "./places.ts";
import { Trouble } from "./screen.ts";

/** How a child ended. */
export interface Ended {
  exitCode: number;
  /** Both streams in the order in which they came. */
  output: string;
  stdout: string;
}

/** Thrown once Ctrl-C has ended a child: what was done so far stays, and running it again goes on. */
export class Interrupted extends Error {}

let interrupted = false;
// The terminal sends Ctrl-C to the children too, and they end in their own way; this process waits for them.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => (interrupted = true));

/** @throws Interrupted after a Ctrl-C */
export function refuseIfInterrupted(): void {
  if (interrupted) throw new Interrupted();
}

/** Runs a program in the checkout to its end; `onLine` sees each line as it comes. @throws Interrupted */
export async function run(
  command: string,
  args: readonly string[],
  { env, onLine }: { env: Record<string, string | undefined>; onLine?: (line: string) => void },
): Promise<Ended> {
  refuseIfInterrupted();
  const child = spawn(command, args, { cwd: ROOT, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let stdout = "";
  createInterface({ input: child.stdout }).on("line", (line) => {
    output += `${line}\n`;
    stdout += `${line}\n`;
    onLine?.(line);
  });
  createInterface({ input: child.stderr }).on("line", (line) => (output += `${line}\n`));
  const exitCode = await new Promise<number>((ended, failed) => {
    child.on("error", failed);
    child.on("close", (code) => ended(code ?? 1));
  });
  refuseIfInterrupted();
  return { exitCode, output, stdout };
}

/**
 * The environment of children, without settings of Coffre's: those of the user's shell would win over the quickstart's own
 * vault. `COFFRE_NODE` and `COFFRE_ENGINE` choose programs, and stay.
 */
export function cleanEnvironment(env: NodeJS.ProcessEnv = process.env): Record<string, string | undefined> {
  const kept = ["COFFRE_NODE", "COFFRE_ENGINE"];
  const entries = Object.entries(env).filter(([name]) => !name.startsWith("COFFRE_") || kept.includes(name));
  return Object.fromEntries(entries);
}

/** Calls this checkout's `coffre`, as a person would. @throws Trouble with its own words if it fails */
export async function coffre(...args: string[]): Promise<string> {
  const { exitCode, stdout, output } = await run(process.execPath, [join(ROOT, "bin", "coffre.js"), ...args], {
    env: cleanEnvironment(),
  });
  if (exitCode === 0) return stdout;
  throw new Trouble(
    output.trim().replace(/^coffre: /, ""),
    `\`coffre ${args.join(" ")}\` ended with ${String(exitCode)}.`,
  );
}
