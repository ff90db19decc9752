import { stat } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { CoffreError } from "../../core/errors.js";

const FOR_ALL_TO_WRITE = 0o002;

/** A kind of file that targets name, and the variable by which a machine allows a folder of them. */
export interface AllowedKind {
  /** `program`, `playbook`. */
  noun: string;
  /** Its value where Coffre runs is the folder's whole path. */
  variable: string;
}

/**
 * The path of a file that may run here. A target's description stands in the vault, where whoever edits the entry edits it
 * too; which files it can name is therefore decided by the machine that runs them, in its environment alone.
 * @throws CoffreError CONFIGURATION if none may run here, or this one isn't there or could be anybody's
 */
export async function findAllowedFile({ noun, variable }: AllowedKind, name: string): Promise<string> {
  const folder = process.env[variable];
  if (folder === undefined || folder === "") {
    throw new CoffreError(
      "CONFIGURATION",
      `The ${noun} "${name}" can't run: no ${noun}s are allowed here (${variable} isn't set)`,
      { hint: `Set ${variable} to a folder that holds the ${noun}s which targets may run on this machine.` },
    );
  }
  const unusable = (why: string) =>
    new CoffreError("CONFIGURATION", `${variable} names ${folder}, which ${why}`, {
      hint: `Name a folder by its whole path that only its owner may write; it holds the ${noun}s which targets may run.`,
    });
  if (!isAbsolute(folder)) throw unusable("isn't an absolute path");
  const there = await stat(folder).catch(() => undefined);
  if (!there?.isDirectory()) throw unusable("isn't a folder that can be read");
  if (there.mode & FOR_ALL_TO_WRITE) throw unusable("can be written by everybody");
  const path = join(folder, name);
  const file = await stat(path).catch(() => undefined);
  if (!file) throw notAllowed({ noun, variable }, name, "isn't there");
  if (!file.isFile()) throw notAllowed({ noun, variable }, name, "isn't a file");
  if (file.mode & FOR_ALL_TO_WRITE) throw notAllowed({ noun, variable }, name, "can be written by everybody");
  return path;
}

/** A file of the folder that isn't as it must be. @param why a sentence's end */
export function notAllowed({ noun, variable }: AllowedKind, name: string, why: string): CoffreError {
  const folder = process.env[variable] ?? "";
  return new CoffreError("CONFIGURATION", `The ${noun} "${name}" ${why} in ${folder} (${variable})`, {
    hint: "Put it there, writable by its owner only and a program also executable, or correct the name in the target.",
  });
}
