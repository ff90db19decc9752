import { isCoffreError } from "../core/errors.js";
import type { VaultIdentity } from "../vault/port.js";
import type { ResourceContext } from "./context.js";
import { parseStamp, refuseLost } from "./vault-stamp.js";

/**
 * Reads what a state knows from the vault; `undefined` once it is gone.
 * @param known.what names it in the message
 * @throws CoffreError ROLLED_BACK if the vault is older than the state, so that it may only be lost; what else `read` throws
 */
export async function readUnlessGone<T>(
  { overview }: ResourceContext,
  read: () => Promise<T>,
  known: { identity: VaultIdentity; vaultStamp: string | undefined; what: string },
): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!isCoffreError(error, "NOT_FOUND")) throw error;
    await refuseLost(parseStamp(known.vaultStamp), known.identity, overview, known.what);
    return undefined;
  }
}
