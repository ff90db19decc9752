import { stat } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { CoffreError } from "../../core/errors.js";

/** Where Coffre runs, this variable names the folder of the playbooks that targets may run. */
const FOLDER_VARIABLE = "COFFRE_PLAYBOOKS";
const FOR_ALL_TO_WRITE = 0o002;

/**
 * The path of a playbook that may run here. A target's description stands in the vault, where whoever edits the entry edits it too;
 * which playbooks it can name is therefore decided by the machine that runs them, in its environment alone.
 * @throws CoffreError CONFIGURATION if none may run here, or this one can't
 */
export async function findPlaybook(name: string): Promise<string> {
  const folder = process.env[FOLDER_VARIABLE];
  if (folder === undefined || !isAbsolute(folder)) {
    throw wrong(`The playbook ${name} can't run: ${FOLDER_VARIABLE} names no folder by its whole path`);
  }
  const path = join(folder, name);
  for (const [what, isRight] of [
    [folder, (facts: Awaited<ReturnType<typeof stat>>) => facts.isDirectory()],
    [path, (facts: Awaited<ReturnType<typeof stat>>) => facts.isFile()],
  ] as const) {
    const facts = await stat(what).catch(() => undefined);
    if (!facts || !isRight(facts))
      throw wrong(`The playbook ${name} can't run: ${what} isn't there (${FOLDER_VARIABLE})`);
    if (Number(facts.mode) & FOR_ALL_TO_WRITE)
      throw wrong(`The playbook ${name} can't run: everybody may write ${what}`);
  }
  return path;
}

function wrong(problem: string): CoffreError {
  return new CoffreError("CONFIGURATION", problem, {
    hint: `Set ${FOLDER_VARIABLE} to a folder that only its owner may write; it holds the playbooks which targets may run on this machine.`,
  });
}
