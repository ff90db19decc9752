import { Secret } from "../../core/secret.js";
import { type KdbxContent, type KdbxEntry, type KdbxGroup, type KdbxState, STANDARD_FIELDS } from "./content.js";
import {
  type Kdbx,
  KdbxBinaries,
  type LibraryEntry,
  type LibraryGroup,
  type Protected,
  ProtectedValue,
} from "./library.js";

const STANDARD: ReadonlySet<string> = new Set(Object.values(STANDARD_FIELDS));

/** Everything of a database that Coffre can make use of. */
export function readContent(kdbx: Kdbx): KdbxContent {
  const root = kdbx.getDefaultGroup();
  const binId = kdbx.meta.recycleBinEnabled === false ? undefined : kdbx.meta.recycleBinUuid;
  const content: KdbxContent = { id: root.uuid.id, name: kdbx.meta.name ?? "", groups: [], entries: [] };
  const walk = (group: LibraryGroup, id: string | null, inBin: boolean) => {
    for (const entry of group.entries) content.entries.push(readEntry(entry, id));
    for (const child of group.groups) {
      const isDeleted = inBin || (binId?.empty === false && child.uuid.equals(binId));
      content.groups.push(readGroup(child, id, isDeleted));
      walk(child, child.uuid.id, isDeleted);
    }
  };
  walk(root, null, false);
  return content;
}

function readGroup({ uuid, name, notes }: LibraryGroup, parentId: string | null, isDeleted: boolean): KdbxGroup {
  return { id: uuid.id, parentId, name: name ?? "", notes: notes ?? "", isDeleted };
}

function readEntry(entry: LibraryEntry, groupId: string | null): KdbxEntry {
  const states = [...entry.history, entry].map(readState);
  const createdAt = entry.times.creationTime ?? states[0]?.at ?? new Date(0);
  const customData = Object.fromEntries([...(entry.customData ?? [])].map(([key, { value = "" }]) => [key, value]));
  return { id: entry.uuid.id, groupId, createdAt, states, customData };
}

function readState({ fields, binaries, tags, times }: LibraryEntry): KdbxState {
  const text = (name: string) => textOf(fields.get(name));
  const others = [...fields].filter(([name]) => !STANDARD.has(name));
  return {
    at: times.lastModTime ?? times.creationTime ?? new Date(0),
    title: text(STANDARD_FIELDS.title),
    username: text(STANDARD_FIELDS.username),
    url: text(STANDARD_FIELDS.url),
    notes: text(STANDARD_FIELDS.notes),
    tags: tags.filter((tag) => tag !== ""),
    password: new Secret(text(STANDARD_FIELDS.password)),
    strings: others.map(([name, value]) => ({
      name,
      value: new Secret(textOf(value)),
      isProtected: value instanceof ProtectedValue,
    })),
    files: [...binaries].map(([name, binary]) => ({ name, bytes: bytesOf(binary) })),
    ...(times.expires === true && times.expiryTime ? { expiresAt: times.expiryTime } : {}),
  };
}

function textOf(value: string | Protected | undefined): string {
  return value instanceof ProtectedValue ? value.getText() : (value ?? "");
}

function bytesOf(binary: NonNullable<ReturnType<LibraryEntry["binaries"]["get"]>>): Uint8Array {
  const value = KdbxBinaries.isKdbxBinaryWithHash(binary) ? binary.value : binary;
  return value instanceof ProtectedValue ? value.getBinary() : new Uint8Array(value);
}
