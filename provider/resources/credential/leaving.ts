import { CoffreError, isCoffreError } from "../../core/errors.js";
import { retireAccounts } from "../../rotation/accounts.js";
import { accountsOf, type Credential } from "../../vault/port.js";
import type { ResourceContext } from "../context.js";

/**
 * Accounts that are no longer declared end as their `onDelete` says, once the others have their new version. One that
 * can't be ended stays in the vault's record and stops no other; the next run tries again.
 */
export async function endLeft(context: ResourceContext, credential: Credential): Promise<Credential> {
  const { vault, rotation } = context;
  const { id, leaving } = credential;
  if (leaving.length === 0) return credential;
  const ended: string[] = [];
  const failures: CoffreError[] = [];
  const taken = await takenAccounts(context);
  for (const { username, ...target } of leaving) {
    try {
      const held = { ...credential, targets: [target], ...(username === undefined ? {} : { username }) };
      for (const note of await retireAccounts(rotation, held, taken)) context.notify(note);
      ended.push(target.account);
    } catch (error) {
      if (!isCoffreError(error)) throw error;
      failures.push(error);
    }
  }
  const after = ended.length === 0 ? credential : await vault.updateCredential(id, { ended });
  const [failed] = failures;
  if (failed) throw explain(failed, after);
  return after;
}

/**
 * Free since the new targets were written: another credential may have claimed and set them by now, and this one's logins
 * may be called like a role that it left.
 */
async function takenAccounts({ vault }: ResourceContext): Promise<Set<string>> {
  const accounts = new Set<string>();
  for await (const { targets } of vault.listCredentials())
    for (const account of targets.flatMap(accountsOf)) accounts.add(account);
  return accounts;
}

function explain(error: CoffreError, { id, path }: Credential): CoffreError {
  return new CoffreError(
    error.code,
    `${path.join("/")} has its new accounts, but one that it left could not be ended: ${error.problem}`,
    {
      hint:
        (error.hint === undefined ? "" : `${error.hint} `) +
        `The next up tries again. To leave it as it is, run \`coffre resolve ${id} --keep-accounts\`.`,
      details: { id },
      cause: error,
    },
  );
}
