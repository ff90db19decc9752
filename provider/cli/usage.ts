import { type Command, type CommanderError, Option } from "commander";
import { CoffreError } from "../core/errors.js";
import type { OptionDefinition } from "./definition.js";

/** Options that people try, and that would put a secret where every user of the machine can see it. */
export const REFUSED_SECRET_OPTIONS: readonly OptionDefinition[] = [
  "--value",
  "--password",
  "--passphrase",
  "--secret",
  "--key",
].map((flag) => ({ flags: `${flag} [text]`, description: "refused: a secret is never an argument", hidden: true }));

export function addOption(command: Command, { flags, description, hidden }: OptionDefinition): void {
  const option = new Option(flags, description);
  command.addOption(hidden === true ? option.hideHelp() : option);
}

/**
 * @param fileOption how a file with the secret is named here
 * @throws CoffreError INVALID_INPUT if one of {@link REFUSED_SECRET_OPTIONS} was given
 */
export function refuseSecretOptions(options: Readonly<Record<string, unknown>>, fileOption: string): void {
  for (const { flags } of REFUSED_SECRET_OPTIONS) {
    const name = flags.split(" ")[0] ?? "";
    if (options[name.slice(2)] === undefined) continue;
    throw new CoffreError("INVALID_INPUT", `${name} is refused: arguments can be seen by every user of this machine`, {
      hint: `Give the secret on stdin or type it when you are asked; a file is named with ${fileOption}. If it was typed here, change it.`,
    });
  }
}

/**
 * What the parser refuses, in our words. What was typed is repeated only where it can be no value: a secret given by
 * mistake would otherwise stand in a log.
 */
export function usageError(command: Command, error: CommanderError): CoffreError {
  const name = pathOf(command);
  const hint = `\`${name} --help\` shows how.`;
  switch (error.code) {
    case "commander.unknownOption": {
      const flag = /'(--[A-Za-z][A-Za-z-]{0,30}|-[A-Za-z])/.exec(error.message)?.[1];
      const suggestion = /\(Did you mean (--[a-z-]+)/.exec(error.message)?.[1];
      const meant = suggestion === undefined ? "" : `Did you mean ${suggestion}? `;
      return invalid(`${name} has no option ${flag ?? "of that form"}`, meant + hint);
    }
    case "commander.unknownCommand": {
      const suggestion = /\(Did you mean ([a-z ,]+)/.exec(error.message)?.[1];
      const typed = /unknown command '([\w-]{1,30})'/.exec(error.message)?.[1];
      const meant = suggestion === undefined ? "" : `Did you mean ${suggestion}? `;
      return invalid(`There is no command ${typed === undefined ? "of that name" : `${name} ${typed}`}`, meant + hint);
    }
    case "commander.excessArguments": {
      const most = command.registeredArguments.length;
      const takes = most === 0 ? "no argument" : most === 1 ? "one argument" : `${String(most)} arguments`;
      return invalid(`${name} takes ${takes}, and got more`, name === "coffre put" ? VALUE_HINT : hint);
    }
    case "commander.missingArgument": {
      const missing = `<${/'(.+)'/.exec(error.message)?.[1] ?? "an argument"}>`;
      const greedy = command.options.filter(({ variadic }) => variadic).map(({ long }) => long);
      const order =
        greedy.length === 0
          ? ""
          : `Write ${missing} before ${greedy.join(" and ")}: all that follows those is theirs. `;
      return invalid(`${name} needs ${missing}`, order + hint);
    }
    case "commander.optionMissingArgument":
      return invalid(`${/'(.+)'/.exec(error.message)?.[1] ?? "The option"} needs its value`, hint);
    case "commander.help": {
      const names = command.commands.map((sub) => sub.name()).join(", ");
      return invalid(`${name} is a group of commands: ${names}`, hint);
    }
    default:
      return invalid(`${name} can't be called like this`, hint);
  }
}

const VALUE_HINT =
  "A value is never an argument, where every user of this machine could see it: give it on stdin, or type it when you are " +
  "asked. If a secret was typed here, change it.";

function pathOf(command: Command): string {
  const names: string[] = [];
  for (let each: Command | null = command; each; each = each.parent) names.unshift(each.name());
  return names.join(" ");
}

function invalid(problem: string, hint: string): CoffreError {
  return new CoffreError("INVALID_INPUT", problem, { hint });
}
