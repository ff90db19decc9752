import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { CoffreError } from "../../core/errors.js";
import type { CommandInput, OptionDefinition } from "../definition.js";

/** The options of every command that writes a backup. */
export const RECIPIENTS: OptionDefinition[] = [
  { flags: "--recipient <age1...>", description: "an age recipient whom it is for; several may be given" },
  { flags: "--recipients-file <path>", description: "a file with recipients, one a line; # begins a comment" },
];

/** Those of both options; none if neither was given. @throws CoffreError INVALID_INPUT if the file can't be read */
export function readRecipients(options: CommandInput["options"]): string[] {
  const { recipient, recipientsFile } = options;
  // Commander collects what is given several times.
  const named = Array.isArray(recipient) ? recipient.filter((each) => typeof each === "string") : [];
  if (typeof recipientsFile !== "string") return named;
  try {
    const lines = readFileSync(resolve(recipientsFile), "utf8").split(/\r?\n/);
    return [...named, ...lines.map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"))];
  } catch (error) {
    throw new CoffreError("INVALID_INPUT", `The recipients' file ${recipientsFile} can't be read`, {
      hint: "Check its path and its owner.",
      cause: error,
    });
  }
}
