import { CoffreError, isCoffreError } from "../../core/errors.js";
import { endStrayLogins, retireAccounts } from "../../rotation/accounts.js";
import { withLease } from "../../rotation/lease.js";
import { leaseSeconds } from "../../rotation/rotate.js";
import type { Credential } from "../../vault/port.js";
import type { ResourceContext } from "../context.js";
import type { Properties } from "../values.js";
import { refuseRolledBack, vaultOf } from "../vault-stamp.js";
import { endLeft } from "./leaving.js";
import { readIfThere, readKnown } from "./presence.js";
import { parseState } from "./schema.js";

/**
 * Ends the accounts as their targets say, then takes the entry out of the tree; values and history stay unless
 * `onDelete` is `delete`. If an account can't be ended nothing is archived. Gone or archived already is a success.
 */
export async function deleteCredential(context: ResourceContext, id: string, props: Properties): Promise<void> {
  const { vault } = context;
  const state = parseState(props);
  const { identity, stamp } = await vaultOf(vault, state);
  const credential = await readKnown(context, id, state, identity);
  if (!credential || credential.archivedAt !== undefined) return;
  await refuseRolledBack({ stamp, version: state.currentVersion }, identity, credential, context.overview);
  const proof = { token: state.ownerToken ?? "" }; // a state without a token owns nothing
  if (!(await credential.hasToken(proof.token))) {
    throw new CoffreError("CONFLICT", `${credential.path.join("/")} belongs to another stack now`, {
      hint: "Take it out of this stack's state with `pulumi state delete`.",
      details: { id },
    });
  }
  const end = async (held: Credential) => {
    await retire(context, held);
    if (state.onDelete === "delete" && (await mayDelete(context, held))) await vault.deleteCredential(id, proof);
    else await vault.archiveCredential(id, proof);
  };
  if (credential.targets.length === 0 && credential.leaving.length === 0) return end(credential);
  try {
    // A rotation that is under way elsewhere would bring the account that is ended here to life again.
    const seconds = leaseSeconds(context.rotation, credential);
    await withLease(context.rotation, id, seconds, (leased) => end(leased.credential));
  } catch (error) {
    const now = await readIfThere(vault, id);
    if (now && now.archivedAt === undefined) throw error;
  }
}

async function retire(context: ResourceContext, credential: Credential): Promise<void> {
  if (credential.targets.length > 0 && (await context.vault.listDependants(credential.id)).length > 0) {
    context.notify(
      `${credential.path.join("/")} is the admin of others: its account was kept, so that they can be set`,
    );
    return;
  }
  try {
    for (const note of await retireAccounts(context.rotation, credential)) context.notify(note);
    for (const note of await endStrayLogins(context.rotation, credential)) context.notify(note);
    await endLeft(context, credential);
  } catch (error) {
    if (!isCoffreError(error)) throw error;
    const name = credential.path.join("/");
    throw new CoffreError(error.code, `${name} was kept, since its account could not be ended: ${error.problem}`, {
      hint:
        (error.hint === undefined ? "" : `${error.hint} `) +
        'To leave the account as it is, set `onDelete: "keep"` on its target and run up first, or take the resource out of the state with `pulumi state delete`.',
      cause: error,
    });
  }
}

/** A value that a target may hold, or by which another is changed, isn't destroyed. */
async function mayDelete(context: ResourceContext, credential: Credential): Promise<boolean> {
  const dependants = await context.vault.listDependants(credential.id);
  const reason = credential.journal.pending
    ? "a version of it is pending"
    : dependants.length > 0
      ? "it is the admin of others"
      : undefined;
  if (reason !== undefined) context.notify(`${credential.path.join("/")} was archived and not deleted: ${reason}`);
  return reason === undefined;
}
