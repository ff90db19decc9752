import { CommandContext, type ProgramSignals } from "./context.js";
import type { CommandDefinition, CommandLine } from "./definition.js";

/**
 * Calls a command; whatever it opens is closed, however it ends.
 * @returns its exit code. @throws CoffreError as the command does
 */
export async function callCommand(
  definition: CommandDefinition,
  line: CommandLine,
  signals: ProgramSignals,
): Promise<number> {
  const context = new CommandContext(line.all, signals);
  try {
    return (await definition.run(context, line)) ?? 0;
  } finally {
    await context.close();
  }
}
