import { isCoffreError } from "../../core/errors.js";
import { referenceOf } from "../../rotation/resolve-reference.js";
import type { Credential, VaultIdentity } from "../../vault/port.js";
import type { ResourceContext } from "../context.js";
import { PartialFailure } from "../failures.js";
import { dropEmpty } from "../values.js";
import { formatStamp } from "../vault-stamp.js";
import { fieldsReached } from "./brought.js";
import { type Causes, isReached } from "./causes.js";
import type { Declared } from "./entry.js";
import type { CredentialInputs, CredentialProgress, CredentialState } from "./schema.js";

/** A credential's state after the vault was written: the inputs, and what the vault says. */
export async function stateAfter(
  context: ResourceContext,
  inputs: CredentialInputs,
  credential: Credential,
  ownerToken: string,
): Promise<Record<string, unknown>> {
  const identity = await context.vault.identity();
  return dropEmpty({
    ...inputs,
    ...factsOf(identity, credential),
    ownerToken,
    vaultStamp: formatStamp(identity, credential),
  });
}

/** The outputs that the vault alone decides. */
export function factsOf(
  identity: Pick<VaultIdentity, "name">,
  credential: Credential,
): { ref: string; currentVersion: number | undefined; status: CredentialProgress } {
  return {
    ref: referenceOf(identity, credential).ref,
    currentVersion: credential.versions.find(({ state }) => state === "current")?.number,
    status: progressOf(credential),
  };
}

function progressOf({ status, fields, leaving, supersededBy }: Credential): CredentialProgress {
  if (supersededBy !== undefined) return "done";
  if (status === "awaiting-value") return "awaiting-value";
  if (status !== "current" || leaving.length > 0) return "unfinished";
  const awaits = fields.some(({ versions }) => versions.every(({ state }) => state !== "current"));
  return awaits ? "awaiting-value" : "done";
}

/** A create or update that stopped after the vault was written. */
export interface Unfinished {
  id: string;
  declared: Pick<Declared, "inputs" | "brought">;
  /** The state before, of an update. */
  before?: CredentialState;
  ownerToken: string;
  causes: Causes;
}

/**
 * The failure that makes the engine keep the resource as unfinished, so that the next `up` goes on. Its state claims
 * only what was reached: a trigger, a target or a source without a version stays as it was, and shows as a change next
 * time.
 */
export async function unfinished(context: ResourceContext, what: Unfinished, error: unknown): Promise<PartialFailure> {
  const { id, declared, before, ownerToken, causes } = what;
  const { inputs, brought } = declared;
  try {
    const credential = await context.vault.readCredential(id);
    const state = await stateAfter(context, inputs, credential, ownerToken);
    const reached = {
      rotateWhenChanged: isReached(credential, causes.trigger) ? inputs.rotateWhenChanged : before?.rotateWhenChanged,
      targets: isReached(credential, causes.targets) ? inputs.targets : before?.targets,
      source: isReached(credential, brought.password?.cause) ? inputs.source : before?.source,
      ...(fieldsReached(credential, brought.fields)
        ? {}
        : { fields: before?.fields, secretFields: before?.secretFields }),
    };
    return new PartialFailure(id, dropEmpty({ ...state, ...reached, status: "unfinished" }), error);
  } catch (unreadable) {
    if (!isCoffreError(unreadable)) throw unreadable;
    // The vault went away meanwhile: what was known before is kept, and the next run asks again.
    const known: CredentialState = { ...inputs, ...before, ownerToken, status: "unfinished" };
    return new PartialFailure(id, dropEmpty({ ...known }), error);
  }
}
