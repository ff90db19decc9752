import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";

/**
 * Starts a program of this folder as a process of its own, to be killed. What is secret goes to it as first lines of stdin:
 * arguments are for everybody to read.
 */
export function startProgram(
  program: string,
  { args, lines }: { args: readonly string[]; lines: readonly string[] },
): ChildProcess {
  const hook = join(import.meta.dirname, "../../tools/sources.ts");
  const own = ["--disable-warning=ExperimentalWarning", "--import", hook, join(import.meta.dirname, program)];
  const child = spawn(process.execPath, [...own, ...args], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin?.on("error", () => undefined);
  child.stdin?.write(lines.map((line) => `${line}\n`).join(""));
  return child;
}

/** Waits until it has said this word. */
export function said(child: ChildProcess, word: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = "";
    child.stdout?.on("data", (chunk) => {
      output += String(chunk);
      if (output.includes(word)) resolve();
    });
    child.on("close", () => reject(new Error(`it ended before it said ${word}`)));
  });
}

export async function kill(child: ChildProcess): Promise<void> {
  const closed = new Promise((resolve) => child.on("close", resolve));
  child.kill("SIGKILL");
  await closed;
}
