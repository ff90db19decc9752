import { access, constants } from "node:fs/promises";
import { type AllowedKind, findAllowedFile, notAllowed } from "../common/allowed-file.js";

/** Where Coffre runs, this variable names the folder of the programs that targets may run. */
export const FOLDER_VARIABLE = "COFFRE_COMMANDS";

const PROGRAMS: AllowedKind = { noun: "program", variable: FOLDER_VARIABLE };

/** Variables that no program is ever given: keys of vaults and of states. */
export function isOurs(variable: string): boolean {
  return /^(COFFRE|PULUMI)_/i.test(variable);
}

/**
 * The path of a program that may run here.
 * @throws CoffreError CONFIGURATION if none may run here, or this one isn't there or can't be run
 */
export async function findProgram(name: string): Promise<string> {
  const path = await findAllowedFile(PROGRAMS, name);
  await access(path, constants.X_OK).catch(() => {
    throw notAllowed(PROGRAMS, name, "isn't executable");
  });
  return path;
}
