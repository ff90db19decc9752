import { isDeepStrictEqual } from "node:util";
import { isCoffreError } from "../../core/errors.js";
import { missingCauses, targetsCause, triggerCause } from "../../rotation/causes.js";
import { parseTargets } from "../../rotation/targets.js";
import type { Credential, TargetRecord, Vault } from "../../vault/port.js";
import type { ResourceContext } from "../context.js";
import { type Declared, isManaged } from "./entry.js";
import type { CredentialInputs, CredentialState } from "./schema.js";

/** Why a declaration wants a version; an absent one wants none. */
export interface Causes {
  trigger?: string;
  targets?: string;
}

/** The causes of an entry's first version, or of one that an interrupted run left. */
export async function firstCauses(vault: Vault, declared: Declared, credential?: Credential): Promise<Causes> {
  const { inputs, records } = declared;
  if (!isManaged(inputs)) return {};
  // Versions that no trigger had a part in were adopted: the entry is finished, and what it has stays.
  const triggered = credential?.versions.some(({ causes }) => causes.some((cause) => cause.startsWith("trigger:")));
  const trigger = hasValue(credential) && triggered === false ? {} : await firstTrigger(vault, inputs);
  if (records.length === 0) return trigger;
  return { ...trigger, targets: await targetsCauseNow(vault, records, credential) };
}

async function firstTrigger(vault: Vault, inputs: CredentialInputs): Promise<Pick<Causes, "trigger">> {
  return { trigger: await triggerCause(vault, inputs.rotateWhenChanged ?? {}) };
}

function hasValue(credential: Credential | undefined): boolean {
  return credential?.versions.some(({ state }) => state === "current" || state === "pending") === true;
}

/** The causes that an update brings: of what its state hasn't reached. */
export async function newCauses(
  context: ResourceContext,
  declared: Declared,
  credential: Credential,
  before: CredentialState,
): Promise<Causes> {
  const { inputs, records } = declared;
  if (!isManaged(inputs)) return {};
  if (!hasValue(credential)) return firstCauses(context.vault, declared, credential);
  const causes: Causes = {};
  if (!isDeepStrictEqual(before.rotateWhenChanged ?? {}, inputs.rotateWhenChanged ?? {})) {
    causes.trigger = await triggerCause(context.vault, inputs.rotateWhenChanged ?? {});
  }
  if (records.length > 0) {
    const cause = await targetsCause(context.vault, records);
    const unchanged =
      cause === (await causeBefore(context, before)) &&
      cause === (await targetsCause(context.vault, credential.targets));
    // Named by the vault's versions, and not by the state's: a refresh after an interrupted run brings that one forward.
    if (!unchanged) causes.targets = await targetsCauseNow(context.vault, records, credential);
  }
  return causes;
}

/** True if a version, made or pending, answers the cause. */
export function isReached(credential: Credential, cause: string | undefined): boolean {
  return cause === undefined || missingCauses(credential, [cause]).length === 0;
}

/** Adopting an entry with targets always sets a new version: nobody knows what they have. */
export async function adoptionCause(
  vault: Vault,
  records: readonly TargetRecord[],
  credential: Credential,
  begun: boolean,
): Promise<string> {
  const prefix = `${await targetsCause(vault, records)}:adopted-after-`;
  const inProgress = begun ? newestTargetsCause(credential) : undefined;
  return inProgress?.startsWith(prefix) === true ? inProgress : `${prefix}${highestVersion(credential)}`;
}

/** Numbered where the accounts had a version before the newest one's, since accounts that come back (A, B, A) need one again. */
async function targetsCauseNow(
  vault: Vault,
  records: readonly TargetRecord[],
  credential: Credential | undefined,
): Promise<string> {
  const cause = await targetsCause(vault, records);
  const names = (found: string | undefined) => found === cause || found?.startsWith(`${cause}:`) === true;
  const newest = credential && newestTargetsCause(credential);
  if (newest !== undefined && names(newest)) return newest;
  const earlier = credential?.versions.some(({ causes }) => causes.some(names)) === true;
  return earlier ? `${cause}:after-${highestVersion(credential)}` : cause;
}

/** The accounts that the newest version was meant for; a version drawn for another reason was set on the same ones. */
function newestTargetsCause(credential: Credential): string | undefined {
  return credential.versions
    .filter(({ state }) => state !== "discarded")
    .flatMap(({ causes }) => causes)
    .findLast((cause) => cause.startsWith("targets:"));
}

function highestVersion({ versions }: Credential): number {
  return versions.reduce((highest, { number }) => Math.max(highest, number), 0);
}

async function causeBefore(context: ResourceContext, before: CredentialState): Promise<string | undefined> {
  const records = recordsBefore(context, before);
  return records.length === 0 ? undefined : targetsCause(context.vault, records);
}

/** The targets of a state; who made their accounts isn't known. None if today's drivers don't take them any more. */
function recordsBefore({ rotation }: ResourceContext, before: CredentialState): TargetRecord[] {
  try {
    const specs = parseTargets(rotation.drivers, before.targets ?? [], before.username);
    return specs.map(({ kind, account, description, overlap }) => ({
      kind,
      account,
      description,
      accountMade: false,
      ...(overlap ? { logins: overlap.logins } : {}),
    }));
  } catch (error) {
    if (isCoffreError(error, "INVALID_INPUT", "NOT_SUPPORTED", "CONFLICT")) return [];
    throw error;
  }
}
