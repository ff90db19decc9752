import { isDeepStrictEqual } from "node:util";
import { PASSWORD_FIELD } from "../../../core/field.js";
import { Secret } from "../../../core/secret.js";
import type { TargetRecord, VersionInfo } from "../../port.js";
import { pathOf } from "../../records/credential-view.js";
import type { CredentialRow } from "../../records/rows.js";
import { keepFacts } from "../../records/target-facts.js";
import { Tree } from "../../records/tree.js";
import type { Store } from "../store.js";
import { Transaction, valueId } from "../transaction.js";

/** An entry whose passwords a restore in place kept, though the backup doesn't know them. */
export interface KeptEntry {
  id: string;
  /** Of the vault as it was before the restore. */
  path: string[];
  /** Numbers of the versions, oldest first, as they are called now. */
  versions: number[];
}

/** What a restore in place has to put back once the backup's rows are there. */
export interface Newer {
  /** Live entries that the backup lacks: they are archived, with everything. */
  archived: KeptEntry[];
  /** What targets of the backup's entries are known to be by now, by the entry's id. */
  targets: Map<string, TargetRecord[]>;
  entries: { kept: KeptEntry; versions: VersionInfo[]; moved: { version: number; value: Secret }[] }[];
  /** Ids of the rows that the backup lacks and that stay as they are, by table. */
  rows: { credential: Set<string>; value: Set<string> };
}

/**
 * Finds what targets may accept and the backup doesn't know: after the restore it would be in no version (`protocol.md`
 * section 2). Entries that the backup lacks are archived at once, so that their names and accounts are free.
 */
export function findNewer(store: Store, draft: Store, now: Date): Newer {
  const transaction = new Transaction(store);
  const tree = new Tree(transaction);
  const rows = { credential: new Set<string>(), value: new Set<string>() };
  const newer: Newer = { archived: [], targets: new Map(), entries: [], rows };
  const then = new Map(rowsOf(draft).map((row) => [row.id, row]));
  const live = rowsOf(store);
  const admins = adminsOf([...live, ...then.values()]);
  for (const row of live) {
    const before = then.get(row.id);
    // Values that no target has are what the backup says of them: that is what a restore is for.
    if (!admins.has(row.id) && !reachesTargets(row) && !(before && reachesTargets(before))) continue;
    const path = pathOf(tree, row);
    if (!before) {
      rows.credential.add(row.id);
      if (row.archived) continue;
      newer.archived.push({ id: row.id, path, versions: row.versions.map(({ number }) => number) });
      transaction.putCredential({ ...row, archived: { at: now.toISOString(), path } });
      continue;
    }
    // A key that was learned is not to be learned again, from whoever answers; an account stays one that Coffre made.
    const targets = keepFacts([...row.targets, ...(row.leaving ?? [])], before.targets);
    if (!isDeepStrictEqual(targets, before.targets)) newer.targets.set(row.id, targets);
    const { versions, moved } = newerVersions(store, draft, row, before);
    if (versions.length === 0) continue;
    newer.entries.push({ kept: { id: row.id, path, versions: versions.map(({ number }) => number) }, versions, moved });
    const taken = new Set(moved.map(({ version }) => version));
    for (const { number } of versions) if (!taken.has(number)) rows.value.add(passwordId(row.id, number));
  }
  for (const id of store.values.ids()) if (rows.credential.has(id.split(" ")[0] ?? "")) rows.value.add(id);
  return newer;
}

/** Gives the entries of the backup what is known of their targets, and their newer versions, as earlier ones: the numbers after them stay free. */
export function putNewer(store: Store, { entries, targets }: Newer): void {
  const transaction = new Transaction(store);
  for (const [id, known] of targets) transaction.putCredential({ ...restored(transaction, id), targets: known });
  for (const { kept, versions, moved } of entries) {
    const row = restored(transaction, kept.id);
    const all = [...row.versions, ...versions].sort((a, b) => a.number - b.number);
    transaction.putCredential({ ...row, versions: all });
    for (const { version, value } of moved) {
      transaction.putValue({ credentialId: kept.id, field: PASSWORD_FIELD, version }, value);
    }
  }
}

function restored(transaction: Transaction, id: string): CredentialRow {
  const row = transaction.credential(id);
  if (!row) throw new Error(`the restore has lost the credential ${id}`);
  return row;
}

/**
 * The versions that only the live vault has. One whose number the backup has for another value, because the vault had two
 * futures, gets a number of its own.
 */
function newerVersions(
  store: Store,
  draft: Store,
  row: CredentialRow,
  before: CredentialRow,
): { versions: VersionInfo[]; moved: { version: number; value: Secret }[] } {
  const versions: VersionInfo[] = [];
  const moved: { version: number; value: Secret }[] = [];
  const known = new Set(before.versions.map(({ number }) => number));
  let highest = Math.max(0, ...known, ...row.versions.map(({ number }) => number));
  for (const version of row.versions) {
    if (!known.has(version.number)) {
      versions.push(asEarlier(version, row));
      continue;
    }
    const value = valueOf(store, row.id, version.number);
    if (value === valueOf(draft, row.id, version.number)) continue;
    highest += 1;
    versions.push({ ...asEarlier(version, row), number: highest });
    moved.push({ version: highest, value: new Secret(value) });
  }
  return { versions, moved };
}

/** A version of the newer vault in the older one: never current, since nobody has looked what the target accepts. */
function asEarlier(version: VersionInfo, { journal }: CredentialRow): VersionInfo {
  if (version.state === "discarded") return version;
  if (version.state !== "pending") return { ...version, state: "previous" };
  // It answers no cause: it was never in force as far as anybody knows.
  const open = { ...version, causes: [] };
  if (journal.pending?.targets.some(({ setStarted }) => setStarted) === true) return { ...open, state: "previous" };
  return { ...open, state: "discarded", discardReason: "the vault was restored before it was set anywhere" };
}

function reachesTargets({ targets, leaving = [] }: CredentialRow): boolean {
  return targets.length + leaving.length > 0;
}

/** Who sets others' passwords: targets accept his, though it has none of its own. */
function adminsOf(rows: readonly CredentialRow[]): Set<string> {
  return new Set(rows.flatMap(({ targets }) => targets.flatMap(({ adminId }) => adminId ?? [])));
}

/** What a vault sealed itself, it reads without asking again; a backup's rows were parsed when they were placed. */
function rowsOf(store: Store): CredentialRow[] {
  return store.credentials.openAll().map((text) => JSON.parse(text) as CredentialRow);
}

function valueOf(store: Store, credentialId: string, version: number): string {
  const { text } = store.values.revisionOf(passwordId(credentialId, version));
  return (JSON.parse(text) as { value: string }).value; // sealed by `putValue`
}

function passwordId(credentialId: string, version: number): string {
  return valueId({ credentialId, field: PASSWORD_FIELD, version });
}
