import type { Secret } from "../../core/secret.js";
import { type KdbxContent, type KdbxEntry, type KdbxState, STANDARD_FIELDS } from "./content.js";
import {
  type Kdbx,
  KdbxUuid,
  type LibraryEntry,
  type LibraryGroup,
  type Protected,
  ProtectedValue,
} from "./library.js";

/** Under this name an entry or group says which vault it was copied from. */
export const ORIGIN = "coffre.vault";

/** What of a file isn't as Coffre left it there. */
export interface KdbxMerge {
  /** Paths of entries that somebody changed in the file since; what they wrote is in the entry's history. */
  changedThere: string[][];
  /** Entries and groups that are somebody else's, and were left as they are. */
  kept: number;
}

/**
 * Makes the copies of one vault in a database what `content` says. Whatever else stands there stays. An entry of ours that
 * somebody changed keeps what they wrote as an earlier state.
 * @param origin names the vault; the same at each export
 */
export async function mergeContent(kdbx: Kdbx, content: KdbxContent, origin: string): Promise<KdbxMerge> {
  const merge: KdbxMerge = { changedThere: [], kept: 0 };
  const root = kdbx.getDefaultGroup();
  const isOurs = ({ customData }: LibraryGroup | LibraryEntry) => customData?.get(ORIGIN)?.value === origin;
  const before = new Map<string, LibraryEntry>();
  for (const entry of [...root.allEntries()]) {
    if (!isOurs(entry)) merge.kept += 1;
    else {
      before.set(entry.uuid.id, entry);
      detach(entry);
    }
  }
  const groups = placeGroups(kdbx, content, origin, isOurs);
  for (const entry of content.entries) {
    const group = entry.groupId === null ? root : (groups.get(entry.groupId) ?? root);
    const written = await writeEntry(kdbx, group, entry, origin);
    const there = before.get(entry.id);
    if (there && isChanged(there)) {
      merge.changedThere.push([...pathOf(group), titleOf(there)]);
      keepTheirs(written, there);
    }
  }
  prune(root, isOurs, new Set(groups.keys()));
  kdbx.cleanup({ binaries: true });
  return merge;
}

function detach(entry: LibraryEntry): void {
  const siblings = entry.parentGroup?.entries;
  siblings?.splice(siblings.indexOf(entry), 1);
}

function placeGroups(
  kdbx: Kdbx,
  content: KdbxContent,
  origin: string,
  isOurs: (group: LibraryGroup) => boolean,
): Map<string, LibraryGroup> {
  const root = kdbx.getDefaultGroup();
  const known = new Map([...root.allGroups()].filter(isOurs).map((group) => [group.uuid.id, group]));
  const placed = new Map<string, LibraryGroup>();
  for (const { id, parentId, name, notes } of content.groups) {
    const parent = parentId === null ? root : (placed.get(parentId) ?? root);
    const there = known.get(id);
    const group = there ?? kdbx.createGroup(parent, name);
    if (!there) group.uuid = new KdbxUuid(id);
    else if (there.parentGroup !== parent) kdbx.move(there, parent);
    group.name = name;
    group.notes = notes;
    group.customData = new Map([[ORIGIN, { value: origin }]]);
    placed.set(id, group);
  }
  return placed;
}

/** Groups of ours that nothing stands in any more, deepest first. */
function prune(group: LibraryGroup, isOurs: (group: LibraryGroup) => boolean, needed: ReadonlySet<string>): void {
  for (const child of group.groups) prune(child, isOurs, needed);
  group.groups = group.groups.filter(
    (child) => !isOurs(child) || needed.has(child.uuid.id) || child.entries.length + child.groups.length > 0,
  );
}

async function writeEntry(kdbx: Kdbx, group: LibraryGroup, entry: KdbxEntry, origin: string): Promise<LibraryEntry> {
  const written = kdbx.createEntry(group);
  written.uuid = new KdbxUuid(entry.id);
  const [first, ...later] = entry.states;
  if (first) await applyState(kdbx, written, first);
  for (const state of later) {
    written.pushHistory();
    await applyState(kdbx, written, state);
  }
  written.times.creationTime = entry.createdAt;
  for (const earlier of written.history) earlier.times.creationTime = entry.createdAt;
  const data = { ...entry.customData, [ORIGIN]: origin, [WRITTEN]: stampOf(written) };
  written.customData = new Map(Object.entries(data).map(([key, value]) => [key, { value }]));
  return written;
}

/** Under this name an entry says when Coffre last wrote it, so that what somebody changed is noticed. */
const WRITTEN = "coffre.written";

function stampOf({ times }: LibraryEntry): string {
  return String(Math.floor((times.lastModTime?.getTime() ?? 0) / 1000)); // the format keeps whole seconds
}

function isChanged(entry: LibraryEntry): boolean {
  return entry.customData?.get(WRITTEN)?.value !== stampOf(entry);
}

/** What somebody wrote stands before what the vault says, so that it is found and doesn't hold. */
function keepTheirs(written: LibraryEntry, theirs: LibraryEntry): void {
  const copy = Object.assign(Object.create(Object.getPrototypeOf(theirs) as object) as LibraryEntry, theirs, {
    history: [],
  });
  written.history.push(copy);
}

async function applyState(kdbx: Kdbx, entry: LibraryEntry, state: KdbxState): Promise<void> {
  entry.fields = new Map<string, string | Protected>([
    [STANDARD_FIELDS.title, state.title],
    [STANDARD_FIELDS.username, state.username],
    [STANDARD_FIELDS.password, protect(state.password)],
    [STANDARD_FIELDS.url, state.url],
    [STANDARD_FIELDS.notes, state.notes],
    ...state.strings.map(({ name, value, isProtected }): [string, string | Protected] => {
      return [name, isProtected ? protect(value) : value.reveal()];
    }),
  ]);
  entry.binaries = new Map();
  for (const { name, bytes } of state.files) {
    entry.binaries.set(name, await kdbx.createBinary(ProtectedValue.fromBinary(new Uint8Array(bytes).buffer)));
  }
  entry.tags = [...state.tags];
  entry.times.lastModTime = state.at;
}

function protect(value: Secret): Protected {
  return ProtectedValue.fromString(value.reveal());
}

function titleOf({ fields }: LibraryEntry): string {
  const title = fields.get(STANDARD_FIELDS.title);
  return typeof title === "string" ? title : "";
}

function pathOf(group: LibraryGroup): string[] {
  return group.parentGroup ? [...pathOf(group.parentGroup), group.name ?? ""] : [];
}
