import { Command, CommanderError, Help } from "commander";
import type { GlobalOptions } from "./context.js";
import { type CommandDefinition, type CommandLine, EXIT_CODES, GLOBAL_OPTIONS, GROUPS } from "./definition.js";
import { addOption, usageError } from "./usage.js";

/** What the program needs beside its commands. */
export interface ProgramOptions {
  /** Printed by `--version`. */
  version: string;
  /** Called with the command that the words mean. */
  call(definition: CommandDefinition, line: CommandLine): Promise<void>;
}

/**
 * Reads any line, and calls its command, or prints the help or the version that it asks for.
 * @param definitions those that it may mean
 * @returns the exit code of what it printed itself; `undefined` where a command was called
 * @throws CoffreError INVALID_INPUT for a line that can't be right; what `call` does
 */
export async function parseLine(
  words: readonly string[],
  definitions: readonly CommandDefinition[],
  options: ProgramOptions,
): Promise<number | undefined> {
  try {
    await buildProgram(definitions, options).parseAsync([...words], { from: "user" });
    return undefined;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    throw error;
  }
}

function buildProgram(definitions: readonly CommandDefinition[], options: ProgramOptions): Command {
  const program = new Command("coffre")
    .description("Passwords that are drawn, set, proven and kept, without ever losing one.")
    .version(options.version, "--version", "print the version")
    .addHelpText("after", footer);
  prepare(program);
  for (const option of GLOBAL_OPTIONS) addOption(program, option);
  for (const definition of definitions) {
    const words = definition.name.split(" ");
    const command = groupFor(program, words.slice(0, -1)).command(words.at(-1) ?? "");
    prepare(command);
    describeCommand(command, definition);
    command.action((...values: unknown[]) => {
      // Commander hands over the arguments, then the options and the command itself.
      const args = values
        .slice(0, -2)
        .flat()
        .filter((value) => typeof value === "string");
      return options.call(definition, { args, options: command.opts(), all: command.optsWithGlobals<GlobalOptions>() });
    });
  }
  return program;
}

function describeCommand(command: Command, definition: CommandDefinition): void {
  command.summary(definition.summary).description(definition.description.join("\n\n"));
  for (const { name, description } of definition.arguments ?? []) command.argument(name, description);
  for (const option of definition.options ?? []) addOption(command, option);
  const examples = definition.examples.map(({ command: line, does }) => `  # ${does}\n  ${line}`).join("\n");
  const exits = (definition.exits ?? []).map(({ code, when }) => `\n  ${code}  ${when}`).join("");
  command.addHelpText("after", `\nExamples:\n${examples}${exits === "" ? "" : `\n\nExit codes here:${exits}`}`);
}

function prepare(command: Command): void {
  command
    .helpOption("-h, --help", "print this help")
    .helpCommand(false)
    .showSuggestionAfterError(true)
    .exitOverride((error) => {
      throw error.exitCode === 0 ? error : usageError(command, error);
    })
    .configureOutput({ writeErr: () => undefined }) // refusals are printed by one function, as all errors
    .configureHelp({
      showGlobalOptions: true,
      subcommandTerm: (sub) => new Help().subcommandTerm(sub).replace(" [options]", ""),
    });
}

function groupFor(program: Command, words: readonly string[]): Command {
  let group = program;
  for (const [index, word] of words.entries()) {
    const existing = group.commands.find((command) => command.name() === word);
    if (existing) {
      group = existing;
      continue;
    }
    const summary = GROUPS[words.slice(0, index + 1).join(" ")] ?? "";
    group = group.command(word).summary(summary).description(summary);
    prepare(group);
  }
  return group;
}

const footer = `
A <ref> is a reference (coffre://prod/Databases/orders-app) or, in the configured vault, just the path
(Databases/orders-app) or the id. Which vault and which key: flag, environment (COFFRE_URL, COFFRE_KEY_FILE,
COFFRE_PASSPHRASE_FILE, COFFRE_TRANSIT_KEY, COFFRE_TOKEN_FILE), stack configuration (coffre:url), coffre.yaml, the user's
configuration, in this order.

Exit codes:
${EXIT_CODES.map(({ code, means }) => `  ${String(code).padStart(3)}  ${means}`).join("\n")}`;
