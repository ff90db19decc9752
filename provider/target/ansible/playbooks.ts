import { findForgottenNoLog } from "../../ansible-runner/no-log.js";
import { CoffreError } from "../../core/errors.js";
import { findAllowedFile } from "../common/allowed-file.js";

/** Where Coffre runs, this variable names the folder of the playbooks that targets may run. */
const FOLDER_VARIABLE = "COFFRE_PLAYBOOKS";

/** The path of a playbook that may run here. @throws CoffreError CONFIGURATION if none may run here, or this one can't */
export function findPlaybook(name: string): Promise<string> {
  return findAllowedFile({ noun: "playbook", variable: FOLDER_VARIABLE }, name);
}

/**
 * The same, of a playbook whose tasks keep to themselves what they use: what a run keeps is removed after it, and yet a module
 * without `no_log` would write its arguments into the log of the host.
 * @throws CoffreError CONFIGURATION also if a task lacks it
 */
export async function findQuietPlaybook(name: string): Promise<string> {
  const path = await findPlaybook(name);
  const [forgotten] = await findForgottenNoLog(path);
  if (forgotten === undefined) return path;
  throw new CoffreError("CONFIGURATION", forgotten.message, { hint: "Give that task no_log: true." });
}
