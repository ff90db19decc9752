import { access, constants, stat } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { CoffreError } from "../../core/errors.js";

/** Where Coffre runs, this variable names the folder of the programs that targets may run. */
export const FOLDER_VARIABLE = "COFFRE_COMMANDS";

const FOR_ALL_TO_WRITE = 0o002;

/** Variables that no program is ever given: keys of vaults and of states. */
export function isOurs(variable: string): boolean {
  return /^(COFFRE|PULUMI)_/i.test(variable);
}

/**
 * The path of a program that may run here. A target's description stands in the vault, where whoever edits the entry edits
 * it too; which programs it can name is therefore decided by the machine that runs them, in its environment alone.
 * @throws CoffreError CONFIGURATION if none may run here, or this one isn't there or can't be run
 */
export async function findProgram(name: string): Promise<string> {
  const folder = process.env[FOLDER_VARIABLE];
  if (folder === undefined || folder === "") {
    throw new CoffreError(
      "CONFIGURATION",
      `The program "${name}" can't run: no programs are allowed here (${FOLDER_VARIABLE} isn't set)`,
      {
        hint: `Set ${FOLDER_VARIABLE} to a folder that holds the programs which targets may run on this machine.`,
      },
    );
  }
  if (!isAbsolute(folder)) throw unusable(folder, "isn't an absolute path");
  const there = await stat(folder).catch(() => undefined);
  if (!there?.isDirectory()) throw unusable(folder, "isn't a folder that can be read");
  if (there.mode & FOR_ALL_TO_WRITE) throw unusable(folder, "can be written by everybody");
  const path = join(folder, name);
  const file = await stat(path).catch(() => undefined);
  if (!file) throw notRunnable(name, folder, "isn't there");
  if (!file.isFile()) throw notRunnable(name, folder, "isn't a file");
  if (file.mode & FOR_ALL_TO_WRITE) throw notRunnable(name, folder, "can be written by everybody");
  await access(path, constants.X_OK).catch(() => {
    throw notRunnable(name, folder, "isn't executable");
  });
  return path;
}

function unusable(folder: string, why: string): CoffreError {
  return new CoffreError("CONFIGURATION", `${FOLDER_VARIABLE} names ${folder}, which ${why}`, {
    hint: "Name a folder by its whole path that only its owner may write; it holds the programs which targets may run.",
  });
}

function notRunnable(name: string, folder: string, why: string): CoffreError {
  return new CoffreError("CONFIGURATION", `The program "${name}" ${why} in ${folder} (${FOLDER_VARIABLE})`, {
    hint: "Put it there, executable and writable by its owner only, or correct the name in the target.",
  });
}
