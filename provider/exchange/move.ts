import { collect } from "../core/collect.js";
import { CoffreError, isCoffreError } from "../core/errors.js";
import type { Category, Credential, Vault, VaultIdentity } from "../vault/port.js";
import { compareEntries } from "./compare.js";
import { count, type ExchangeEntry, type ExchangeNote, pathText } from "./entry.js";
import { interrupted, readCredentials } from "./read-vault.js";
import { addPasswords, catchUp, type CauseOf, createEntries, makeCategories } from "./write-vault.js";

export interface MoveRequest {
  source: Vault;
  destination: Vault;
  /** Names of the source's category whose entries move, with all that is below. Default: all. */
  category?: readonly string[];
  /** Leaves the entries in the source as they are. */
  keep?: boolean;
  dryRun?: boolean;
  signal?: AbortSignal;
  progress?: (doing: string, done: number, all: number) => void;
}

/** What came of it. No value is in it. */
export interface MoveReport {
  source: Pick<VaultIdentity, "id" | "name">;
  destination: Pick<VaultIdentity, "id" | "name">;
  /** Paths of entries that stand in the destination now; of a dry run, that would. */
  copied: string[];
  /** Entries whose every field was the same on both sides. */
  proven: number;
  /** Entries that left the source. */
  removed: number;
  /** Entries that stay where they are, and why. */
  stays: ExchangeNote[];
  /** What the destination doesn't have. */
  notes: ExchangeNote[];
  /** Where a copy isn't what its entry is, or its place is taken. While there is one, nothing leaves the source. */
  differences: ExchangeNote[];
}

const BATCH = 100;

/**
 * Brings entries from one vault to another: copies them with their history, reads both sides back and compares every version
 * of every field, and only then archives them in the source. Each step is found again by the next run, whenever this
 * one is killed.
 * @throws CoffreError INVALID_INPUT, READ_ONLY, NOT_FOUND, INTERRUPTED; what a vault throws
 */
export async function moveEntries(request: MoveRequest): Promise<MoveReport> {
  const { source, destination, keep = false, dryRun = false } = request;
  const [from, to] = [await source.identity(), await destination.identity()];
  refuse(request, from, to);
  const found = await listMovable(request);
  const report: MoveReport = {
    source: { id: from.id, name: from.name },
    destination: { id: to.id, name: to.name },
    copied: found.movable.map(({ path }) => pathText(path)),
    proven: 0,
    removed: 0,
    stays: found.stays,
    notes: await notesOf(request, found),
    differences: [],
  };
  const places = await placesIn(destination, from.id, found.movable);
  report.differences = places.taken;
  if (dryRun || places.taken.length > 0) return report;
  await copyAll(request, from.id, found, places.there);
  const proof = await prove(request, found.movable, report);
  if (report.differences.length > 0 || keep) return report;
  await removeAll(request, proof, found.categories, report);
  return report;
}

function refuse({ source, destination, keep = false }: MoveRequest, from: VaultIdentity, to: VaultIdentity): void {
  if (from.id === to.id) {
    throw new CoffreError("INVALID_INPUT", `Vault ${from.name} can't be moved into itself`, {
      hint: "Name another vault with --to.",
    });
  }
  if (destination.capabilities.readOnly === true) {
    throw new CoffreError("READ_ONLY", `Nothing can be written to vault ${to.name}`, {
      hint: "Name another vault with --to.",
    });
  }
  if (source.capabilities.readOnly === true && !keep) {
    throw new CoffreError("READ_ONLY", `Nothing can be taken out of vault ${from.name}`, {
      hint: "Add --keep: its entries are copied and compared, and stay there too.",
    });
  }
}

interface Movable {
  movable: Credential[];
  stays: ExchangeNote[];
  categories: Category[];
}

/** @throws CoffreError NOT_FOUND for a category */
async function listMovable({ source, category = [] }: MoveRequest): Promise<Movable> {
  const all = await collect(source.listCategories());
  const isInside = ({ path }: { path: readonly string[] }) => category.every((name, index) => path[index] === name);
  if (category.length > 0 && !all.some(({ path }) => pathText(path) === pathText(category))) {
    throw new CoffreError("NOT_FOUND", `There is no category ${pathText(category)}`, {
      hint: "`coffre list` shows the tree.",
    });
  }
  const found: Movable = { movable: [], stays: [], categories: all.filter(isInside) };
  for await (const credential of source.listCredentials()) {
    if (!isInside(credential)) continue;
    const what = stayReason(credential, await source.listDependants(credential.id));
    if (what === undefined) found.movable.push(credential);
    else found.stays.push({ where: pathText(credential.path), what });
  }
  return found;
}

/** Whoever sets a password somewhere must find its journal where it left it. */
function stayReason(
  { targets, leaving, journal, owned }: Credential,
  dependants: readonly string[],
): string | undefined {
  if (journal.pending)
    return `version ${String(journal.pending.version)} is pending: finish it with \`coffre resume\` first`;
  if ((journal.draining ?? []).length > 0) return "an earlier login of it is still in use";
  if (journal.lease) return "somebody is at work on it";
  if (journal.attention) return "a person has to decide about it first: `coffre attention`";
  if (owned) return "a stack declares it: it moves with its stack";
  if (targets.length > 0 || leaving.length > 0)
    return "Coffre sets it on a target: `coffre sync` copies it, its rotation stays here";
  if (dependants.length > 0) return `it is the admin of ${count(dependants.length, "entry", "entries")}`;
  return undefined;
}

async function notesOf({ source }: MoveRequest, { movable, categories }: Movable): Promise<ExchangeNote[]> {
  const notes: ExchangeNote[] = [];
  for (const { path, notify, versions } of movable) {
    const where = pathText(path);
    if (notify.length > 0) notes.push({ where, what: "who is told of new versions" });
    const discarded = versions.filter(({ state }) => state === "discarded").length;
    if (discarded > 0) notes.push({ where, what: `${count(discarded, "version")} that never came into force` });
  }
  for (const { path, readOnly, expiresAt } of categories) {
    const where = pathText(path);
    if (readOnly === true) notes.push({ where, what: "that only managers change it" });
    if (expiresAt !== undefined) notes.push({ where, what: `that it ends at ${expiresAt}` });
  }
  if (source.capabilities.grants === "none") return notes;
  const ids = new Map(categories.map(({ id, path }) => [id, path]));
  for (const { categoryId } of await collect(source.people.listGrants())) {
    const path = categoryId === null ? undefined : ids.get(categoryId);
    if (path) notes.push({ where: pathText(path), what: "a grant on it" });
  }
  return notes;
}

/** A copied version says of which it is a copy, and when that one was made, which the copy's own date doesn't say. */
function causeFor(vaultId: string, { id, versions, fields, removedFields }: Credential): CauseOf {
  const dates = new Map(
    [...fields, ...removedFields].map(({ name, versions: kept }) => [name, kept.map(({ createdAt }) => createdAt)]),
  );
  const passwords = versions
    .filter(
      ({ state, valueRemovedAt }) => (state === "current" || state === "previous") && valueRemovedAt === undefined,
    )
    .map(({ createdAt }) => createdAt);
  return (_entry, field, number) => {
    const at = (dates.get(field) ?? passwords)[number - 1];
    return `${markOf(vaultId, id)}${field}:${String(number)}${at === undefined ? "" : `:${String(Date.parse(at))}`}`;
  };
}

function markOf(vaultId: string, entryId: string): string {
  return `move:${vaultId}:${entryId}:`;
}

/** Copies that earlier runs have made, by the source's id, and places that others hold. */
async function placesIn(
  destination: Vault,
  vaultId: string,
  movable: readonly Credential[],
): Promise<{ there: Map<string, Credential>; taken: ExchangeNote[] }> {
  const byPath = new Map<string, Credential>();
  for await (const credential of destination.listCredentials()) byPath.set(pathText(credential.path), credential);
  const there = new Map<string, Credential>();
  const taken: ExchangeNote[] = [];
  for (const { id, path, versions, fields } of movable) {
    const found = byPath.get(pathText(path));
    if (!found) continue;
    const isEmpty = (one: Pick<Credential, "versions" | "fields">) => one.versions.length + one.fields.length === 0;
    const isOurs = causesOf(found).some((cause) => cause.startsWith(markOf(vaultId, id)));
    if (isOurs || (isEmpty(found) && isEmpty({ versions, fields }))) there.set(id, found);
    else taken.push({ where: pathText(path), what: "there is another entry in the destination already" });
  }
  return { there, taken };
}

function causesOf({ versions, fields, removedFields }: Credential): string[] {
  const kept = [...fields, ...removedFields].flatMap((field) => field.versions.map(({ cause }) => cause));
  return [...versions.flatMap(({ causes }) => causes), ...kept];
}

async function copyAll(
  request: MoveRequest,
  vaultId: string,
  found: Movable,
  there: ReadonlyMap<string, Credential>,
): Promise<void> {
  const { source, destination, signal, progress } = request;
  const details = new Map(
    (await collect(source.listCategories())).map(({ path, description, policy }) => {
      return [
        pathText(path),
        { ...(description === undefined ? {} : { description }), ...(policy === undefined ? {} : { policy }) },
      ];
    }),
  );
  const parents = found.movable.map(({ path }) => path.slice(0, -1));
  const { ids } = await makeCategories(destination, parents, details);
  for (let at = 0; at < found.movable.length; at += BATCH) {
    if (signal?.aborted) throw interrupted();
    const batch = await readCredentials(source, found.movable.slice(at, at + BATCH));
    const causes = new Map<ExchangeEntry, CauseOf>(
      batch.map(({ credential, entry }) => [entry, causeFor(vaultId, credential)]),
    );
    const origin = new Map(batch.map(({ credential, entry }) => [entry, credential]));
    const causeOf: CauseOf = (entry, field, number) => causes.get(entry)?.(entry, field, number) ?? "";
    const missing = batch.filter(({ credential }) => !there.has(credential.id)).map(({ entry }) => entry);
    const made = await createEntries(destination, missing, ids, causeOf, (entry) => {
      const { valueManagedBy = "external", rotation } = origin.get(entry) ?? {};
      return { valueManagedBy, ...(rotation === undefined ? {} : { rotation }) };
    });
    const begun = batch.flatMap(({ credential, entry }) => {
      const copy = there.get(credential.id);
      return copy ? [{ entry, credential: copy }] : [];
    });
    for (const { entry, credential } of begun) await catchUp(destination, credential, entry, causeOf);
    for (const { entry, credential } of [...made, ...begun])
      await addPasswords(destination, credential, entry, causeOf);
    progress?.("copying", Math.min(at + BATCH, found.movable.length), found.movable.length);
  }
}

/** Reads both sides afresh, by path in the destination, and compares every version of every field. @returns the entries as they were proven */
async function prove(
  { source, destination, category, signal, progress }: MoveRequest,
  movable: readonly Credential[],
  report: MoveReport,
): Promise<Credential[]> {
  const wanted = new Set(movable.map(({ id }) => id));
  const proven: Credential[] = [];
  const now = (await collect(source.listCredentials())).filter(({ id }) => wanted.has(id));
  const copies = new Map(
    (await collect(destination.listCredentials())).map((credential) => [pathText(credential.path), credential]),
  );
  const mode = destination.capabilities.versions ? "all" : "current";
  for (let at = 0; at < now.length; at += BATCH) {
    if (signal?.aborted) throw interrupted();
    const here = await readCredentials(source, now.slice(at, at + BATCH));
    const pairs = here.map((one) => ({ ...one, copy: copies.get(pathText(one.entry.path)) }));
    const there = await readCredentials(
      destination,
      pairs.flatMap(({ copy }) => copy ?? []),
    );
    const byPath = new Map(there.map(({ entry }) => [pathText(entry.path), entry]));
    for (const { credential, entry } of here) {
      const copy = byPath.get(pathText(entry.path));
      const differs = copy ? compareEntries(entry, copy, mode) : ["entry"];
      for (const field of differs)
        report.differences.push({ where: pathText(entry.path), field, what: "it isn't the same in the destination" });
      if (differs.length === 0) proven.push(credential);
    }
    progress?.("comparing", Math.min(at + BATCH, now.length), now.length);
  }
  report.proven = proven.length;
  if (now.length < movable.length)
    report.notes.push({ where: pathText(category ?? []), what: "entries that somebody took away meanwhile" });
  return proven;
}

/** Archives what was proven, unless it has changed since; its values stay in the source, readable by id. */
async function removeAll(
  { source, signal, progress }: MoveRequest,
  proven: readonly Credential[],
  categories: readonly Category[],
  report: MoveReport,
): Promise<void> {
  for (const [index, credential] of proven.entries()) {
    if (signal?.aborted) throw interrupted();
    if (stateOf(await source.readCredential(credential.id)) === stateOf(credential)) {
      await source.archiveCredential(credential.id, {});
      report.removed += 1;
    } else {
      report.differences.push({
        where: pathText(credential.path),
        what: "somebody changed it meanwhile: run it again",
      });
    }
    progress?.("taking away", index + 1, proven.length);
  }
  const deepestFirst = categories
    .filter(({ owned }) => !owned)
    .sort((left, right) => right.path.length - left.path.length);
  for (const { id } of deepestFirst) {
    // One in which something stands, or on which somebody has a grant, stays.
    await source.deleteCategory(id, {}).catch((error: unknown) => {
      if (!isCoffreError(error, "CONFLICT")) throw error;
    });
  }
}

/** Everything that a list shows of an entry; another text once anything of it has changed. */
function stateOf({
  path,
  username,
  url,
  description,
  tags,
  versions,
  fields,
  removedFields,
  journal,
  owned,
  targets,
}: Credential): string {
  return JSON.stringify([
    path,
    username,
    url,
    description,
    tags,
    versions,
    fields,
    removedFields,
    journal.pending ?? null,
    owned,
    targets,
  ]);
}
