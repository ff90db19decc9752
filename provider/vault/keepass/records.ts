import { type FieldType, PASSWORD_FIELD } from "../../core/field.js";
import { fitName, freeName } from "../../core/fit-name.js";
import type { Secret } from "../../core/secret.js";
import type { FieldVersion, VersionInfo } from "../port.js";
import type { CategoryRow, CredentialRow, FieldRow, ValueKey } from "../records/rows.js";
import type { KdbxContent, KdbxEntry, KdbxGroup } from "./content.js";
import { FieldNames } from "./fields.js";

/** Why a version exists that came out of a KeePass file. */
const CAUSE = "keepass";

/** What a KeePass file has that a vault shows otherwise, or not at all. Never a value. */
export interface KdbxNote {
  /** Of the entry or group, as the vault shows it. */
  path: string[];
  field?: string;
  what: string;
}

/** A KeePass file as the rows of a vault. */
export interface KdbxRecords {
  categories: CategoryRow[];
  credentials: CredentialRow[];
  values: { key: ValueKey; value: Secret }[];
  notes: KdbxNote[];
}

/** Groups become categories, entries credentials; what lies in the recycle bin is left out. */
export function recordsOf(content: KdbxContent): KdbxRecords {
  const records: KdbxRecords = { categories: [], credentials: [], values: [], notes: [] };
  const taken = new Map<string | null, Set<string>>();
  const takenIn = (id: string | null) => taken.get(id) ?? taken.set(id, new Set()).get(id)!;
  const paths = new Map<string | null, string[]>([[null, []]]);
  for (const group of content.groups.filter(({ isDeleted }) => !isDeleted)) {
    const name = freeName(fitName("category", group.name), takenIn(group.parentId), suffixOf(group));
    const path = [...(paths.get(group.parentId) ?? []), name];
    paths.set(group.id, path);
    if (name !== group.name) records.notes.push({ path, what: renamedFrom("group", group.name) });
    records.categories.push(categoryRow(group, name));
  }
  const bin = new Set(content.groups.flatMap(({ id, isDeleted }) => (isDeleted ? [id] : [])));
  const names = new Map<string | null, Set<string>>();
  for (const entry of content.entries) {
    if (entry.groupId !== null && bin.has(entry.groupId)) continue;
    const title = entry.states.at(-1)?.title ?? "";
    const within = names.get(entry.groupId) ?? new Set();
    names.set(entry.groupId, within);
    const name = freeName(fitName("credential", title), within, suffixOf(entry));
    const path = [...(paths.get(entry.groupId) ?? []), name];
    if (name !== title) records.notes.push({ path, what: renamedFrom("entry", title) });
    addEntry(records, entry, name, path);
  }
  return records;
}

/** By its own id, so that a name stays the same whatever is added before it. */
function suffixOf({ id }: { id: string }): (number: number) => string {
  const short = idOf("", id).replaceAll(/[^A-Za-z0-9]/g, "");
  return (number) => ` (${short.slice(0, 2 + number)})`;
}

function renamedFrom(what: string, name: string): string {
  return `the ${what} is called ${JSON.stringify(name)} in the file`;
}

/** A UUID's 16 bytes are the 22 characters of an id. */
function idOf(prefix: string, uuid: string): string {
  return `${prefix}${Buffer.from(uuid, "base64").toString("base64url")}`;
}

function categoryRow({ id, parentId, notes }: KdbxGroup, name: string): CategoryRow {
  return {
    id: idOf("ct_", id),
    name,
    parentId: parentId === null ? null : idOf("ct_", parentId),
    ...(notes === "" ? {} : { description: notes }),
  };
}

function addEntry({ credentials, values, notes }: KdbxRecords, entry: KdbxEntry, name: string, path: string[]): void {
  const now = entry.states.at(-1);
  if (!now) return;
  const id = idOf("cr_", entry.id);
  const history = historyOf(entry);
  const fields = [...history.fields].map(([field, timeline], index): FieldRow => {
    const fieldId = `fd_${String(index)}`;
    for (const [at, { value }] of timeline.versions.entries()) {
      values.push({ key: { credentialId: id, field: fieldId, version: at + 1 }, value });
    }
    return fieldRow(fieldId, field, timeline, now.at);
  });
  for (const [at, { value }] of history.passwords.versions.entries()) {
    values.push({ key: { credentialId: id, field: PASSWORD_FIELD, version: at + 1 }, value });
  }
  for (const { from, to } of history.names.renamed) {
    notes.push({ path, field: to, what: `the field is called ${JSON.stringify(from)} in the file` });
  }
  if (now.expiresAt) notes.push({ path, what: "it expires in the file; here nothing does by itself" });
  const earlier = entry.states.slice(0, -1);
  for (const text of ["username", "url", "notes"] as const) {
    if (earlier.some((state) => state[text] !== now[text] && state[text] !== "")) {
      notes.push({ path, field: text, what: "it had another text earlier, which isn't kept here" });
    }
  }
  credentials.push({
    id,
    name,
    categoryId: entry.groupId === null ? null : idOf("ct_", entry.groupId),
    ...(now.username === "" ? {} : { username: now.username }),
    ...(now.url === "" ? {} : { url: now.url }),
    ...(now.notes === "" ? {} : { description: now.notes }),
    tags: [...new Set(now.tags)],
    valueManagedBy: "external",
    targets: [],
    ...(fields.length === 0 ? {} : { fields }),
    versions: passwordVersions(history.passwords),
    journal: { fencing: 0, draws: 0 },
    createdAt: entry.createdAt.toISOString(),
  });
}

/** The values that a field has had, oldest first, each other than the one before it. */
interface Timeline {
  type: FieldType;
  versions: { value: Secret; type: FieldType; at: Date }[];
  /** Whether the last one is there still. */
  isThere: boolean;
}

function historyOf(entry: KdbxEntry): { passwords: Timeline; fields: Map<string, Timeline>; names: FieldNames } {
  const passwords: Timeline = { type: "secret", versions: [], isThere: false };
  const fields = new Map<string, Timeline>();
  const names = new FieldNames(entry);
  for (const state of entry.states) {
    for (const timeline of [passwords, ...fields.values()]) timeline.isThere = false;
    if (state.password.reveal() !== "") addVersion(passwords, "secret", state.password, state.at);
    for (const { field, type, value } of names.valuesOf(state)) {
      const timeline = fields.get(field) ?? { type, versions: [], isThere: false };
      fields.set(field, timeline);
      addVersion(timeline, type, value, state.at);
    }
  }
  return { passwords, fields, names };
}

function addVersion(timeline: Timeline, type: FieldType, value: Secret, at: Date): void {
  const last = timeline.versions.at(-1);
  timeline.isThere = true;
  timeline.type = type;
  if (last?.type === type && last.value.reveal() === value.reveal()) return;
  timeline.versions.push({ value, type, at });
}

function passwordVersions({ versions, isThere }: Timeline): VersionInfo[] {
  return versions.map(({ at }, index) => ({
    number: index + 1,
    state: isThere && index === versions.length - 1 ? "current" : "previous",
    causes: [CAUSE],
    createdAt: at.toISOString(),
    promotedAt: at.toISOString(),
    verified: false,
  }));
}

function fieldRow(id: string, name: string, { type, versions, isThere }: Timeline, now: Date): FieldRow {
  const kept = versions.map((version, index): FieldVersion => {
    const state = isThere && index === versions.length - 1 ? "current" : "previous";
    return { number: index + 1, state, type: version.type, cause: CAUSE, createdAt: version.at.toISOString() };
  });
  const last = versions.at(-1);
  return {
    id,
    name,
    type,
    versions: kept,
    ...(isThere && type === "text" && last ? { text: last.value.reveal() } : {}),
    createdAt: (versions[0]?.at ?? now).toISOString(),
    ...(isThere ? {} : { removedAt: now.toISOString() }),
  };
}
