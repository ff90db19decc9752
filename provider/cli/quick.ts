import { CommandContext } from "./context.js";
import type { CommandDefinition } from "./definition.js";
import { readPlainLine } from "./plain-line.js";
import { runAsProgram } from "./run-as-program.js";

/** `bin/coffre.js` asks for these here first. */
const COMMANDS: Readonly<Record<string, () => Promise<CommandDefinition>>> = {
  run: async () => (await import("./commands/run.js")).run,
  inject: async () => (await import("./commands/inject.js")).inject,
};

/**
 * The commands that jobs start all the time, where an agent answers them. The build makes one file of all that this takes, and of
 * nothing else (`tools/setup/bundle.ts`): to find and load it in pieces takes as long as to start Node. Whatever isn't in it is the
 * whole program's business, which begins anew, so that no two copies of a class ever meet.
 * @param words what follows the program's name
 * @returns the exit code; `undefined` if the whole program has to do it: nothing is open then, and nothing was done or said
 */
export async function quick(words: readonly string[]): Promise<number | undefined> {
  const definition = await COMMANDS[words[0] ?? ""]?.();
  const line = definition && readPlainLine(definition, words);
  if (!definition || !line) return undefined;
  return runAsProgram(words, async (signals) => {
    const context = new CommandContext(line.all, signals);
    try {
      if (await context.interruptible(() => context.openQuickly())) return (await definition.run(context, line)) ?? 0;
    } finally {
      await context.close();
    }
    signals.handOver();
    return undefined;
  });
}
