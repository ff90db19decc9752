import { CoffreError, isCoffreError } from "../../core/errors.js";
import type { Credential, Vault, VaultIdentity } from "../../vault/port.js";
import type { ResourceContext } from "../context.js";
import { parseStamp, refuseLost } from "../vault-stamp.js";
import type { CredentialState } from "./schema.js";

/** The entry, archived or not; `undefined` once it is gone. @throws CoffreError everything but NOT_FOUND */
export async function readIfThere(vault: Vault, id: string): Promise<Credential | undefined> {
  try {
    return await vault.readCredential(id);
  } catch (error) {
    if (isCoffreError(error, "NOT_FOUND")) return undefined;
    throw error;
  }
}

/**
 * The entry that a state speaks of, archived or not; `undefined` once it is gone.
 * @throws CoffreError ROLLED_BACK if the vault is older than the state, so that it may only have been lost
 */
export async function readKnown(
  { vault, overview }: ResourceContext,
  id: string,
  state: CredentialState,
  identity: VaultIdentity,
): Promise<Credential | undefined> {
  const credential = await readIfThere(vault, id);
  if (!credential) await refuseLost(parseStamp(state.vaultStamp), identity, overview, state.name ?? id);
  return credential;
}

/** The same, where it must be live, or a first password that has served. @throws CoffreError ROLLED_BACK; NOT_FOUND that says what to do */
export async function readLive(
  context: ResourceContext,
  id: string,
  state: CredentialState,
  identity: VaultIdentity,
): Promise<Credential> {
  const credential = await readKnown(context, id, state, identity);
  if (credential && (credential.archivedAt === undefined || credential.supersededBy !== undefined)) return credential;
  const what = credential ? `${credential.path.join("/")} (${id}) was archived` : `${state.name ?? id} (${id}) is gone`;
  throw new CoffreError("NOT_FOUND", `${what}, not by this stack`, {
    hint: credential
      ? `Run \`pulumi refresh\` and then set \`adopt: "${id}"\` to bring it back, or remove \`adopt\` for a new one.`
      : "Run `pulumi refresh`; the next up makes it anew.",
    details: { id },
  });
}
