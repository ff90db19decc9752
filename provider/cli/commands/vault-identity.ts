import { resolve } from "node:path";
import { readSecretFile } from "../../config/index.js";
import { CoffreError } from "../../core/errors.js";
import type { Secret } from "../../core/secret.js";
import type { OptionDefinition } from "../definition.js";

/** The option of every command that reads a backup. */
export const IDENTITY_FILE: OptionDefinition = {
  flags: "--identity-file <path>",
  description: "the age identity that the backup was made for, mode 0600",
};

/** @throws CoffreError INVALID_INPUT if none was named, or the file holds none; CONFIGURATION if it can't be read */
export async function readIdentities(options: Readonly<Record<string, unknown>>): Promise<Secret[]> {
  const { identityFile } = options;
  if (typeof identityFile !== "string") {
    throw new CoffreError("INVALID_INPUT", "Nothing was given that opens the backup", {
      hint: "Give --identity-file <path>: the age identity of one of its recipients.",
    });
  }
  const { parseIdentities } = await import("../../vault/embedded/backup/age.js");
  return parseIdentities(readSecretFile(resolve(identityFile), "identity file"));
}
