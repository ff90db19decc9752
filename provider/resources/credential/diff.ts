import { isDeepStrictEqual } from "node:util";
import { closedUntil, dueSince } from "../../rotation/due.js";
import { prepareHooks } from "../../rotation/notify/prepare.js";
import { overlapNotes, refuseChangeOfTurns } from "../../rotation/overlap-change.js";
import { isDrainDue } from "../../rotation/overlap.js";
import { prepareTargets } from "../../rotation/targets.js";
import type { Credential, VaultIdentity } from "../../vault/port.js";
import type { ResourceContext } from "../context.js";
import { findRootCategory } from "../root-category.js";
import { hasUnknown, type Properties } from "../values.js";
import { isOutdated, parseStamp, refuseRolledBack, vaultOf } from "../vault-stamp.js";
import { refuseForeignAccounts } from "./accounts.js";
import { bringAlong } from "./brought.js";
import { depositNotes } from "./deposit-notes.js";
import { refuseImpossiblePolicy } from "./entry.js";
import { readLive } from "./presence.js";
import { CredentialInputs, type CredentialState, parseState, pickInputs } from "./schema.js";
import { factsOf } from "./state.js";

/** `replaces` is never there: a credential's life is updates (`protocol.md` section 6). */
export interface DiffResult {
  changes: boolean;
}

/** Inputs that mean something when the entry is made, and nothing after. */
const ONLY_AT_CREATION: ReadonlySet<string> = new Set(["adopt"]);

/** What the state and the program alone say. */
export function diffCredentialOffline(olds: Properties, news: Properties): DiffResult {
  const state = parseState(olds);
  return { changes: inputsChanged(state, pickInputs(news)) || state.status === "unfinished" };
}

/**
 * Does an `up` have something to do? Asks the vault once a run, so that an ordinary `up` sees unfinished rotations, newer
 * versions and what is due. @throws CoffreError WRONG_VAULT, ROLLED_BACK, NOT_FOUND; what an update would be refused for
 */
export async function diffCredential(
  context: ResourceContext,
  id: string,
  olds: Properties,
  news: Properties,
): Promise<DiffResult> {
  const state = parseState(olds);
  const { identity, stamp } = await vaultOf(context.overview, state);
  const { credential, listed } = await find(context, id, state, identity);
  await refuseRolledBack({ stamp, version: state.currentVersion }, identity, credential, context.overview);
  if (credential.supersededBy !== undefined) return { changes: false }; // a first password that has served its turn

  const inputs = pickInputs(news);
  const declared = inputsChanged(state, inputs);
  if (declared && !hasUnknown(inputs))
    await refuseImpossibleUpdate(context, credential, CredentialInputs.parse(inputs), state);
  const drains = isDrainDue(credential, context.rotation.clock.now());
  const deposits = hasUnknown(inputs)
    ? { notes: [], isNew: false }
    : await depositNotes(context, CredentialInputs.parse(inputs), credential);
  for (const note of deposits.notes) context.notify(note);
  const changes = declared || drains || !listed || deposits.isNew || factsChanged(state, identity, credential);
  return { changes: (await isWanted(context, credential)) || changes };
}

/** Not listed: the vault has it under the mark of an earlier stack name, or it was taken over by somebody. */
async function find(
  context: ResourceContext,
  id: string,
  state: CredentialState,
  identity: VaultIdentity,
): Promise<{ credential: Credential; listed: boolean }> {
  const listed = (await context.overview.credentials()).get(id);
  if (listed) return { credential: listed, listed: true };
  return { credential: await readLive(context, id, state, identity), listed: false };
}

function inputsChanged(state: CredentialState, inputs: Properties): boolean {
  const before: Properties = pickInputs({ ...state });
  const names = new Set([...Object.keys(before), ...Object.keys(inputs)]);
  return [...names].some(
    (name) =>
      !ONLY_AT_CREATION.has(name) && (hasUnknown(inputs[name]) || !isDeepStrictEqual(before[name], inputs[name])),
  );
}

/** Something that matters happened in the vault since the state was written, or the state itself says that it isn't finished. */
function factsChanged(state: CredentialState, identity: VaultIdentity, credential: Credential): boolean {
  const { ref, currentVersion, status } = factsOf(identity, credential);
  const stamp = parseStamp(state.vaultStamp);
  return (
    state.ref !== ref ||
    state.currentVersion !== currentVersion ||
    state.status !== status ||
    credential.notices.length > 0 ||
    status === "unfinished" ||
    (stamp !== undefined && isOutdated(stamp, identity, credential))
  );
}

/** Would an `up` rotate what is due? If not, the preview says since when it is due, and what will. */
async function isWanted(context: ResourceContext, credential: Credential): Promise<boolean> {
  const now = context.rotation.clock.now();
  const since = dueSince(credential, now);
  if (since === undefined) return false;
  const opensAt = await closedUntil(credential, now);
  const byUp = context.rotateDue || credential.rotation?.when === "up";
  if (byUp && opensAt === undefined) return true;
  const byWhom = byUp ? "an `up`" : "`coffre rotate --due`";
  const next =
    opensAt === undefined ? `run ${byWhom}` : `${byWhom} does it in its window, from ${opensAt.toISOString()}`;
  context.notify(`${credential.path.join("/")} is due for rotation since ${since}: ${next}`);
  return false;
}

async function refuseImpossibleUpdate(
  context: ResourceContext,
  credential: Credential,
  inputs: CredentialInputs,
  before: CredentialState,
): Promise<void> {
  const records = await prepareTargets(context.rotation, {
    targets: inputs.targets ?? [],
    username: inputs.username,
    credentialId: credential.id,
  });
  refuseChangeOfTurns(context.rotation, credential, { targets: records, username: inputs.username });
  for (const note of overlapNotes(credential, records)) context.notify(`${credential.path.join("/")}: ${note}`);
  await refuseForeignAccounts(context, inputs, ({ id }) => id === credential.id);
  await prepareHooks(context.vault, inputs.notify ?? [], credential.id);
  const categoryId = inputs.categoryId ?? (await findRootCategory(context));
  if (categoryId === undefined) return;
  await refuseImpossiblePolicy(context, inputs, categoryId);
  await bringAlong(context, inputs, categoryId, { existing: credential, before, onlyLook: true });
}
