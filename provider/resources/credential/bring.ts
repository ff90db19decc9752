import { isDeepStrictEqual } from "node:util";
import { dueCause, isDue } from "../../rotation/due.js";
import { retireAccounts } from "../../rotation/accounts.js";
import { giveValue } from "../../rotation/give.js";
import { reachCauses } from "../../rotation/rotate.js";
import type { Credential, CredentialPatch, TargetRecord } from "../../vault/port.js";
import type { ResourceContext } from "../context.js";
import type { Causes } from "./causes.js";
import type { Declared } from "./entry.js";

/** An entry on its way to what is declared. */
export interface Bringing {
  credential: Credential;
  declared: Declared;
  /** Everything but the targets. */
  patch: CredentialPatch;
  causes: Causes;
  /** Also rotate what is due. */
  evenDue: boolean;
  /** The targets of the state: an update that stopped half way has left their accounts, and the vault knows them no more. */
  stateRecords?: readonly TargetRecord[];
}

/**
 * Writes what is declared to an entry and rotates for what has no version yet; a version that anybody left pending is
 * finished first. Safe to repeat. `onWritten` is called once the vault was changed: from then on a failure is partial.
 */
export async function bring(
  context: ResourceContext,
  { credential, declared, patch, causes, evenDue, stateRecords = [] }: Bringing,
  onWritten: () => void,
): Promise<Credential> {
  const { vault, rotation } = context;
  const { id } = credential;
  const { password } = declared.brought;
  const retarget = !isDeepStrictEqual(comparable(credential.targets), comparable(declared.records));
  const wanted = [causes.trigger, causes.targets].filter((cause) => cause !== undefined);
  if (retarget) {
    onWritten();
    const change = { ...patch, targets: declared.records };
    await reachCauses(rotation, id, wanted, { change });
    await retireLeft(context, credential, stateRecords, declared.records);
    return password ? giveValue(rotation, id, password) : vault.readCredential(id);
  }
  const written = await vault.updateCredential(id, patch);
  onWritten();
  if (evenDue && isDue(written, rotation.clock.now())) wanted.push(dueCause(written));
  if (password && !written.journal.pending) return giveValue(rotation, id, password);
  const idle = wanted.length === 0 && !written.journal.pending && !written.journal.attention;
  const reached = idle ? written : (await reachCauses(rotation, id, wanted)).credential;
  await retireLeft(context, reached, stateRecords, declared.records);
  return password ? giveValue(rotation, id, password) : reached;
}

/** Accounts that are no longer declared end as their `onDelete` says, once the others have their new version. */
async function retireLeft(
  context: ResourceContext,
  before: Credential,
  stateRecords: readonly TargetRecord[],
  now: readonly TargetRecord[],
): Promise<void> {
  const known = new Set(before.targets.map(({ account }) => account));
  const forgotten = stateRecords.filter(({ account }) => !known.has(account));
  const kept = new Set(now.map(({ account }) => account));
  if ([...before.targets, ...forgotten].every(({ account }) => kept.has(account))) return;
  // Free since the new targets were written: another credential may have claimed and set it by now.
  for await (const { targets } of context.vault.listCredentials()) for (const { account } of targets) kept.add(account);
  const made = await madeAccounts(context, before.id);
  const remembered = forgotten.map((record) => ({ ...record, accountMade: made.has(record.account) }));
  const left = [...before.targets, ...remembered].filter(({ account }) => !kept.has(account));
  for (const note of await retireAccounts(context.rotation, { ...before, targets: left })) context.notify(note);
}

/** The accounts that Coffre ever made for this credential. */
async function madeAccounts({ vault }: ResourceContext, credentialId: string): Promise<Set<string | undefined>> {
  const made = new Set<string | undefined>();
  for await (const { action, detail } of vault.listEvents({ credentialId })) {
    if (action === "account.created") made.add(detail);
  }
  return made;
}

/** Records without what only the vault decides, as JSON keeps them. */
function comparable(records: readonly TargetRecord[]): unknown {
  return JSON.parse(JSON.stringify(records.map(({ accountMade: _made, ...record }) => record)));
}
