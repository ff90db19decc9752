import { CoffreError } from "../../core/errors.js";
import { loginsInForce } from "../../rotation/overlap.js";
import { accountsOfSpec, parseTargets } from "../../rotation/targets.js";
import { accountsOf, type Credential } from "../../vault/port.js";
import type { ResourceContext } from "../context.js";
import type { CredentialInputs } from "./schema.js";

/**
 * Refuses accounts that a credential of another stack has, which only the vault would refuse otherwise, in the middle of
 * an up. Of those of this stack, which the same up may let go, only logins in force: they go on
 * working whatever it does.
 * @throws CoffreError CONFLICT that names the credential
 * @param isOwn true for the entry that the declaration speaks of
 */
export async function refuseForeignAccounts(
  context: ResourceContext,
  inputs: CredentialInputs,
  isOwn: (credential: Credential) => boolean,
): Promise<void> {
  const wanted = wantedAccounts(context, inputs);
  if (wanted.size === 0) return;
  const ours = await context.overview.credentials();
  for (const credential of (await context.overview.everything()).values()) {
    if (isOwn(credential)) continue;
    const inForce = loginsInForce(context.rotation, credential).map(({ account }) => account);
    const declared = ours.has(credential.id) ? [] : credential.targets.flatMap(accountsOf);
    refuseShared(wanted, credential, [...declared, ...inForce]);
  }
}

/** The same for all that is in the vault now: nothing was written yet. */
export async function refuseTakenAccounts(
  context: ResourceContext,
  inputs: CredentialInputs,
  ownId: string,
): Promise<void> {
  const wanted = wantedAccounts(context, inputs);
  if (wanted.size === 0) return;
  for await (const credential of context.vault.listCredentials()) {
    if (credential.id === ownId) continue;
    const inForce = loginsInForce(context.rotation, credential).map(({ account }) => account);
    refuseShared(wanted, credential, [...credential.targets.flatMap(accountsOf), ...inForce]);
  }
}

function wantedAccounts({ rotation }: ResourceContext, { targets = [], username }: CredentialInputs): Set<string> {
  return new Set(parseTargets(rotation.drivers, targets, username).flatMap(accountsOfSpec));
}

function refuseShared(wanted: ReadonlySet<string>, { id, path }: Credential, accounts: readonly string[]): void {
  const shared = accounts.find((account) => wanted.has(account));
  if (shared === undefined) return;
  throw new CoffreError("CONFLICT", `The account ${shared} belongs to credential ${path.join("/")} (${id})`, {
    hint: "One account has one credential: use that one, or archive it first.",
    details: { account: shared, credentialId: id },
  });
}
