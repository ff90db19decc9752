// `npm run quickstart`: from a fresh clone to accounts of a machine and a database whose passwords only they and the vault know.
import { EngineError } from "../engine/errors.ts";
import { Interrupted } from "./children.ts";
import { takeDown } from "./destroy.ts";
import { showRotation } from "./rotate.ts";
import { print, Trouble } from "./screen.ts";
import { bringUp, replaceMachine } from "./up.ts";

const USAGE = `Usage: npm run quickstart [-- --rotate | --new-machine | --destroy]

  (nothing)      make a vault, a PostgreSQL, a machine and a stack, and show what can be done with them; again: change nothing
  --rotate       rotate the accounts' passwords, and try the old ones and the new ones
  --new-machine  put a new machine in the place of the machine, whose account then gets a password again
  --destroy      take all of it down`;

const TASKS: Readonly<Record<string, () => Promise<void>>> = {
  "": bringUp,
  "--rotate": showRotation,
  "--new-machine": replaceMachine,
  "--destroy": takeDown,
  "--help": async () => print(USAGE),
  "-h": async () => print(USAGE),
};

const words = process.argv.slice(2);
const task = words.length > 1 ? undefined : TASKS[words[0] ?? ""];
if (!task) {
  process.stderr.write(`There is no ${words.join(" ")} here.\n\n${USAGE}\n`);
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
