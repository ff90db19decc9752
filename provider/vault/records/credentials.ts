import { CoffreError } from "../../core/errors.js";
import { PASSWORD_FIELD } from "../../core/field.js";
import { newId } from "../../core/id.js";
import { checkName } from "../../core/name.js";
import type {
  ArchiveProof,
  Credential,
  CredentialInput,
  CredentialPatch,
  FieldChange,
  OwnerProof,
  TargetRecord,
} from "../port.js";
import { checkAdmins, checkPlace } from "./claims.js";
import { categoryGone, credentialGone, logEvent, named, namedTo, type VaultContext } from "./context.js";
import { pathOf, viewCredential } from "./credential-view.js";
import { type AppliedFields, applyFieldChanges } from "./fields.js";
import { bookNotices, plainHooks, settleNotices } from "./notices.js";
import { checkOwner, type Keyed, ownerRow } from "./owner.js";
import { changedFields, patched } from "./patch.js";
import { keepFacts } from "./target-facts.js";
import type { CredentialRow, ReadRows, WriteRows } from "./rows.js";
import { Tree } from "./tree.js";

const FIRST_VERSION = 1;

/** The rules of `Vault.createCredentials`. */
export function createCredentials(
  tx: WriteRows,
  context: VaultContext,
  keyed: Keyed,
  inputs: readonly CredentialInput[],
): Credential[] {
  const tree = new Tree(tx);
  const createdAt = context.clock.now().toISOString();
  return inputs.map((input) => {
    if (input.categoryId !== null && !tree.row(input.categoryId)) throw categoryGone(input.categoryId);
    const row = bookNotices(undefined, newRow(keyed, input, createdAt));
    checkPlace(tx, tree, context, row);
    checkAdmins(tx, tree, context, row);
    const applied = changeFields(row, input.fields, createdAt);
    tx.putCredential(row);
    if (input.initial) {
      tx.putValue({ credentialId: row.id, field: PASSWORD_FIELD, version: FIRST_VERSION }, input.initial.value);
    }
    logEvent(tx, context, "credential.created", [row.id], input.initial ? { version: FIRST_VERSION } : {});
    writeFields(tx, context, row.id, applied);
    return viewCredential(tree, keyed, row);
  });
}

function newRow(keyed: Keyed, input: CredentialInput, createdAt: string): CredentialRow {
  const { username, url, description, rotation, initial, owner } = input;
  return {
    id: newId("cr_"),
    name: checkName("credential", input.name),
    categoryId: input.categoryId,
    ...(username === undefined ? {} : { username }),
    ...(url === undefined ? {} : { url }),
    ...(description === undefined ? {} : { description }),
    tags: [...(input.tags ?? [])],
    valueManagedBy: input.valueManagedBy ?? "coffre",
    ...(rotation === undefined ? {} : { rotation }),
    targets: plainTargets(input.targets ?? []),
    ...(input.notify === undefined ? {} : { notify: plainHooks(input.notify) }),
    ...(owner === undefined ? {} : { owner: ownerRow(keyed, owner) }),
    versions: initial
      ? [
          {
            number: FIRST_VERSION,
            state: "current",
            causes: [...initial.causes],
            createdAt,
            promotedAt: createdAt,
            verified: false,
          },
        ]
      : [],
    journal: { fencing: 0, draws: 0 },
    createdAt,
  };
}

/** The rules of `Vault.updateCredential`. */
export function updateCredential(
  tx: WriteRows,
  context: VaultContext,
  keyed: Keyed,
  id: string,
  patch: CredentialPatch,
): Credential {
  const before = liveRow(tx, id);
  const tree = new Tree(tx);
  checkOwner(keyed, before, patch, `Credential ${named(pathOf(tree, before), id)}`);
  const changed = patched(before, patch, [
    "name",
    "categoryId",
    "username",
    "url",
    "description",
    "tags",
    "valueManagedBy",
    "rotation",
  ]);
  if (patch.notify !== undefined) changed.notify = plainHooks(patch.notify);
  const at = context.clock.now().toISOString();
  const settled = settleNotices(changed, patch.notices ?? [], at);
  const row = bookNotices(before, settled.row);
  if (patch.name !== undefined) row.name = checkName("credential", patch.name);
  if (patch.targets !== undefined) changeTargets(row, before, patch.targets);
  if (patch.ended !== undefined)
    leave(
      row,
      row.leaving?.filter(({ account }) => !patch.ended?.includes(account)),
    );
  if (patch.owner !== undefined) row.owner = ownerRow(keyed, patch.owner);
  checkExpected(before, patch.expected);
  const changes = changedFields(before, row).filter((name) => name !== "notices");
  const applied = changeFields(row, patch.fields, at);
  const events = [...applied.events, ...settled.events];
  if (changes.length === 0 && events.length === 0) return viewCredential(tree, keyed, before);

  if (row.categoryId !== null && !tree.row(row.categoryId)) throw categoryGone(row.categoryId);
  checkPlace(tx, tree, context, row);
  checkAdmins(tx, tree, context, row);
  tx.putCredential(row);
  if (changes.length > 0) logEvent(tx, context, "credential.updated", [id], { detail: changes.join(", ") });
  writeFields(tx, context, id, { ...applied, events });
  return viewCredential(tree, keyed, row);
}

/** Brings a row's fields to where the changes want them. */
function changeFields(row: CredentialRow, changes: readonly FieldChange[] | undefined, at: string): AppliedFields {
  if (!changes || changes.length === 0) return { fields: row.fields ?? [], values: [], events: [] };
  const applied = applyFieldChanges(row.fields ?? [], changes, `credential ${row.name} (${row.id})`, at);
  if (applied.fields.length > 0) row.fields = applied.fields;
  return applied;
}

function writeFields(
  tx: WriteRows,
  context: VaultContext,
  id: string,
  { values, events }: Pick<AppliedFields, "values"> & { events: readonly { action: string }[] },
): void {
  for (const { value, ...key } of values) tx.putValue({ credentialId: id, ...key }, value);
  for (const { action, ...facts } of events) logEvent(tx, context, action, [id], facts);
}

/** @throws CoffreError CONFLICT that names what is another by now, without what it says */
function checkExpected(row: CredentialRow, expected: CredentialPatch["expected"] = {}): void {
  const now = { username: row.username, url: row.url, description: row.description, tags: row.tags };
  const changed = changedFields(
    Object.fromEntries(Object.keys(expected).map((key) => [key, now[key as keyof typeof now] ?? null])), // its own keys
    expected,
  );
  if (changed.length === 0) return;
  throw new CoffreError("CONFLICT", `Somebody changed ${changed.join(", ")} of ${row.name} (${row.id}) meanwhile`, {
    hint: "Nothing was changed. Look at it, then say again what you want.",
    details: { credentialId: row.id },
  });
}

/** The rules of `Vault.archiveCredential`. */
export function archiveCredential(
  tx: WriteRows,
  context: VaultContext,
  keyed: Keyed,
  id: string,
  { supersededBy, ...proof }: ArchiveProof,
): void {
  const row = tx.credential(id);
  if (!row || row.archived) return;
  const path = pathOf(new Tree(tx), row);
  checkOwner(keyed, row, proof, `Credential ${named(path, id)}`);
  const successor = supersededBy === undefined ? {} : { supersededBy };
  tx.putCredential({ ...row, archived: { at: context.clock.now().toISOString(), path, ...successor } });
  logEvent(
    tx,
    context,
    "credential.archived",
    [id],
    supersededBy === undefined ? {} : { detail: `superseded by ${supersededBy}` },
  );
}

/** The rules of `Vault.unarchiveCredential`. */
export function unarchiveCredential(
  tx: WriteRows,
  context: VaultContext,
  keyed: Keyed,
  id: string,
  categoryId: string | null,
): Credential {
  const before = tx.credential(id);
  if (!before) throw credentialGone(id);
  const tree = new Tree(tx);
  if (!before.archived) {
    throw new CoffreError("CONFLICT", `Credential ${named(pathOf(tree, before), id)} isn't archived`);
  }
  if (categoryId !== null && !tree.row(categoryId)) throw categoryGone(categoryId);
  const { archived: _archived, ...live } = before;
  const row: CredentialRow = { ...live, categoryId };
  checkPlace(tx, tree, context, row);
  checkAdmins(tx, tree, context, row);
  tx.putCredential(row);
  logEvent(tx, context, "credential.unarchived", [id]);
  return viewCredential(tree, keyed, row);
}

/** The rules of `Vault.deleteCredential`. */
export function deleteCredential(
  tx: WriteRows,
  context: VaultContext,
  keyed: Keyed,
  id: string,
  proof: OwnerProof,
): void {
  const row = tx.credential(id);
  if (!row) return;
  const tree = new Tree(tx);
  const what = `Credential ${named(pathOf(tree, row), id)}`;
  checkOwner(keyed, row, proof, what);
  const pending = row.versions.find(({ state }) => state === "pending");
  if (pending) {
    throw new CoffreError("CONFLICT", `${what} has a pending version ${pending.number}, which a target may hold`, {
      hint: "Archive it, or finish the rotation with `coffre resume` first.",
    });
  }
  const dependant = tx.dependants(id)[0];
  if (dependant !== undefined) {
    const found = liveRow(tx, dependant);
    throw new CoffreError("CONFLICT", `${what} is the admin of ${namedTo(context, pathOf(tree, found), found)}`, {
      hint: "Give that one another admin first, or archive this one.",
      details: { dependantId: dependant },
    });
  }
  tx.removeCredential(row);
  logEvent(tx, context, "credential.deleted", [id]);
}

/** @throws CoffreError NOT_FOUND also for an archived entry, which is out of the tree */
export function liveRow(tx: ReadRows, id: string): CredentialRow {
  const row = tx.credential(id);
  if (!row) throw credentialGone(id);
  if (row.archived) {
    throw new CoffreError("NOT_FOUND", `Credential ${named(row.archived.path, id)} was archived`, {
      hint: "Bring it back first, by `adopt`.",
      details: { credentialId: id, archivedAt: row.archived.at },
    });
  }
  return row;
}

/** As JSON keeps them: a property that is `undefined` is no difference. */
function plainTargets(targets: readonly TargetRecord[]): TargetRecord[] {
  // What was written as JSON is read as JSON: the shape is the same.
  return targets.length === 0 ? [] : (JSON.parse(JSON.stringify(targets)) as TargetRecord[]);
}

/** Accounts that are no targets any more are remembered, so that no failure and no kill can leave one behind unnoticed. */
function changeTargets(row: CredentialRow, before: CredentialRow, targets: readonly TargetRecord[]): void {
  const { username, leaving = [] } = before;
  row.targets = keepFacts([...before.targets, ...leaving], plainTargets(targets));
  const now = new Set(row.targets.map(({ account }) => account));
  const left = before.targets.map((target) => ({ ...target, ...(username === undefined ? {} : { username }) }));
  leave(
    row,
    [...leaving, ...left].filter(({ account }) => !now.has(account)),
  );
}

function leave(row: CredentialRow, leaving: CredentialRow["leaving"] = []): void {
  if (leaving.length > 0) row.leaving = leaving;
  else delete row.leaving;
}
