import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, test } from "@jest/globals";

const PROCESSES = join(import.meta.dirname, "../../tools/setup/processes.ts");

/** Has a child of its own, and ends it in its own time once it is interrupted. */
const WORKING = `
import { spawn } from "node:child_process";
const helper = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
process.on("SIGINT", () => setTimeout(() => {
  console.log(helper.signalCode === null ? "the helper lives" : "the helper was ended");
  helper.kill("SIGKILL");
  process.exit(3);
}, 200));
helper.on("spawn", () => console.log("ready"));
`;

/** Interrupts a task and all that belong to its terminal, as Ctrl-C does. @returns what it said then, and its exit code */
async function interrupt(options: string): Promise<{ said: string; exitCode: number }> {
  const starting = `
import { run } from ${JSON.stringify(PROCESSES)};
const working = ["--input-type=module", "-e", ${JSON.stringify(WORKING)}];
await run(process.execPath, working, ${options}).catch(({ exitCode }) => process.exit(exitCode));
`;
  const task = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", starting],
    {
      detached: true,
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const lines = createInterface({ input: task.stdout });
  const ended = once(task, "close");
  expect(await once(lines, "line")).toEqual(["ready"]);
  const last = once(lines, "line");
  if (task.pid === undefined) throw new Error("it didn't start");
  process.kill(-task.pid, "SIGINT");
  const [said] = (await last) as [string];
  const [exitCode] = (await ended) as [number];
  return { said, exitCode };
}

test("a task in a session of its own is told of a Ctrl-C, and what it has started isn't", async () => {
  const said = await interrupt("{ quietStdout: false, ownSession: true }");
  expect(said).toEqual({ said: "the helper lives", exitCode: 3 });
});

test("another one shares its terminal's Ctrl-C with all that it has started", async () => {
  const said = await interrupt("{ quietStdout: false }");
  expect(said).toEqual({ said: "the helper was ended", exitCode: 3 });
});
