// `npm run quickstart`: from a fresh clone to a database account whose password only vault and server know.
import { EngineError } from "../engine/errors.ts";
import { Interrupted } from "./children.ts";
import { takeDown } from "./destroy.ts";
import { showRotation } from "./rotate.ts";
import { print, Trouble } from "./screen.ts";
import { bringUp } from "./up.ts";

const USAGE = `Usage: npm run quickstart [-- --rotate | --destroy]

  (nothing)   make a vault, a PostgreSQL and a stack, and show what can be done with them; again: change nothing
  --rotate    rotate the account's password, and try the old one and the new one
  --destroy   take all of it down`;

const TASKS: Readonly<Record<string, () => Promise<void>>> = {
  "": bringUp,
  "--rotate": showRotation,
  "--destroy": takeDown,
  "--help": async () => print(USAGE),
  "-h": async () => print(USAGE),
};

const words = process.argv.slice(2);
const task = words.length > 1 ? undefined : TASKS[words[0] ?? ""];
if (!task) {
  process.stderr.write(`${USAGE}\n`);
  process.exitCode = 2;
} else {
  await task().catch((error: unknown) => {
    if (error instanceof Interrupted) {
      process.stderr.write("\nInterrupted. What was done stays; run it again to go on.\n");
      process.exitCode = 130;
    } else if (error instanceof Trouble || error instanceof EngineError) {
      process.stderr.write(`\n${error.message}\n  ${error.hint}\n`);
      process.exitCode = 1;
    } else {
      throw error;
    }
  });
}
