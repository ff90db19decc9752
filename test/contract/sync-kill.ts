import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Secret } from "../../provider/core/secret.js";

/**
 * Starts a process that syncs, and kills it so many milliseconds after it has opened both vaults.
 * @param to what the worker takes as its destination @param secrets a line each on its stdin
 * @returns whether it was still at work
 */
export async function killSync(
  ms: number,
  { from, to, secrets }: { from: string; to: readonly string[]; secrets: readonly Secret[] },
): Promise<boolean> {
  const hook = join(import.meta.dirname, "../../tools/sources.ts");
  const program = join(import.meta.dirname, "sync-worker.ts");
  const args = ["--disable-warning=ExperimentalWarning", "--import", hook, program, from, ...to];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
  for (const secret of secrets) child.stdin.write(`${secret.reveal()}\n`);
  child.stdin.write("\n");
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
  while (!said.includes("ready")) {
    if (child.exitCode !== null) throw new Error("the worker ended before it began");
    await pause(1);
  }
  await pause(ms);
  child.kill("SIGKILL");
  await once(child, "close");
  return !said.includes("done");
}
