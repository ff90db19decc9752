// Makes sure of the engine and prints where it is, as one JSON object. Used by the setup before tasks that run stacks.
import { EngineError } from "./errors.ts";
import { ensureEngine } from "./ensure.ts";

try {
  process.stdout.write(`${JSON.stringify(await ensureEngine())}\n`);
} catch (error) {
  if (!(error instanceof EngineError)) throw error;
  process.stderr.write(`\n${error.code}: ${error.message}\n${error.hint}\n`);
  process.exitCode = 1;
}
