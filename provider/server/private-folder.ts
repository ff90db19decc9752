import { lstatSync } from "node:fs";
import { CoffreError } from "../core/errors.js";
import { octal, wayProblem } from "../vault/agent/safe-way.js";
import { makeFolder } from "../core/make-folder.js";

const GROUP_AND_OTHERS = 0o077;

/** What a private folder is for, and what to do where it can't be one. */
export interface FolderPurpose {
  /** Follows the folder's name in a sentence: `for the agent's socket`. */
  purpose: string;
  hint: string;
}

/**
 * Makes the folder (mode 0700) if need be, and makes sure that nobody else can look into it or put another in its place.
 * @throws CoffreError CONFIGURATION that names the folder and what is wrong with it; NOT_SUPPORTED where there are no owners
 */
export function preparePrivateFolder(folder: string, use: FolderPurpose): void {
  const uid = ownUid(use);
  try {
    makeFolder(folder);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new CoffreError("CONFIGURATION", `The folder ${folder} can't be made (${code ?? "unknown reason"})`, {
      hint: use.hint,
      cause,
    });
  }
  const facts = lstatSync(folder); // not what a link of somebody else's points to
  if (!facts.isDirectory()) throw wrong(folder, use, "is a link or a file");
  if (facts.uid !== uid) throw wrong(folder, use, "belongs to another user");
  if ((facts.mode & GROUP_AND_OTHERS) !== 0) throw wrong(folder, use, `is open to others (mode ${octal(facts)})`);
  const problem = wayProblem(folder);
  if (problem !== undefined) throw wrong(folder, use, problem);
}

/** @throws CoffreError NOT_SUPPORTED where files have no owners */
export function ownUid({ purpose, hint }: FolderPurpose): number {
  const uid = process.getuid?.();
  if (uid !== undefined) return uid;
  throw new CoffreError("NOT_SUPPORTED", `A folder ${purpose} has no owner on this system that could be checked`, {
    hint,
  });
}

function wrong(folder: string, { purpose, hint }: FolderPurpose, problem: string): CoffreError {
  return new CoffreError("CONFIGURATION", `The folder ${folder} ${purpose} ${problem}`, { hint });
}
