import { createHash } from "node:crypto";
import { fileBytes, PASSWORD_FIELD } from "../core/field.js";
import { Secret } from "../core/secret.js";
import type { KdbxContent, KdbxEntry, KdbxKey, KdbxState } from "../vault/keepass/content.js";
import { FIELD_NOTES, formatNotes, placeFields, seedForKeePass } from "../vault/keepass/fields.js";
import { replaceKdbxFile } from "../vault/keepass/file.js";
import { createKdbx, loadKdbx, saveKdbx } from "../vault/keepass/library.js";
import { mergeContent } from "../vault/keepass/write.js";
import type { Category, VaultIdentity } from "../vault/port.js";
import { type ExchangeEntry, type ExchangeNote, type ExchangeVersion, pathText } from "./entry.js";

/** What goes into a KeePass file. */
export interface KdbxExport {
  /** Absolute path of the file; one that is there is brought up to date. */
  path: string;
  key: KdbxKey;
  vault: Pick<VaultIdentity, "id" | "name">;
  categories: readonly Category[];
  /** With the ids by which they are found again at the next export. */
  entries: readonly { id: string; createdAt: string; entry: ExchangeEntry }[];
}

/**
 * Writes or updates a KeePass file.
 * @returns what isn't in it, and what of others is in it
 * @throws CoffreError WRONG_KEY, CORRUPT for a file that is there; LOCKED, READ_ONLY, DISK_FULL
 */
export async function writeKdbx({
  path,
  key,
  vault,
  ...what
}: KdbxExport): Promise<{ notes: ExchangeNote[]; kept: number }> {
  const notes: ExchangeNote[] = [];
  const content = contentOf(vault, what, notes);
  let kept = 0;
  const changed: ExchangeNote[] = [];
  await replaceKdbxFile(path, async (before) => {
    const kdbx = before ? await loadKdbx(before, key, path) : createKdbx(vault.name, key);
    kdbx.meta.historyMaxItems = -1; // else another program cuts the history when it saves
    kdbx.meta.historyMaxSize = -1;
    const merge = await mergeContent(kdbx, content, vault.id);
    kept = merge.kept;
    changed.splice(
      0,
      changed.length,
      ...merge.changedThere.map((at) => ({
        where: pathText(at),
        what: "somebody changed it in the file: theirs is in its history there, and the vault's holds",
      })),
    );
    return saveKdbx(kdbx);
  });
  return { notes: [...notes, ...changed], kept };
}

function contentOf(
  { id: vaultId, name }: Pick<VaultIdentity, "id" | "name">,
  { categories, entries }: Pick<KdbxExport, "categories" | "entries">,
  notes: ExchangeNote[],
): KdbxContent {
  const groupIds = new Map(categories.map(({ id, path }) => [pathText(path), uuidOf(vaultId, id)]));
  const shown = new Set(groupIds.keys());
  const parentOf = (path: readonly string[]) => {
    const key = pathText(path.slice(0, -1));
    return shown.has(key) ? (groupIds.get(key) ?? null) : null;
  };
  return {
    id: "",
    name,
    groups: categories.map(({ id, path, description }) => ({
      id: uuidOf(vaultId, id),
      parentId: parentOf(path),
      name: path.at(-1) ?? "",
      notes: description ?? "",
      isDeleted: false,
    })),
    entries: entries.map(({ id, createdAt, entry }) => {
      const groupId = parentOf(entry.path);
      return { id: uuidOf(vaultId, id), groupId, ...entryOf(entry, new Date(createdAt), notes) };
    }),
  };
}

/** The same for the same thing of the same vault. */
function uuidOf(vaultId: string, id: string): string {
  return createHash("sha256").update(`${vaultId}/${id}`).digest().subarray(0, 16).toString("base64");
}

function entryOf(
  entry: ExchangeEntry,
  createdAt: Date,
  notes: ExchangeNote[],
): Pick<KdbxEntry, "states" | "createdAt" | "customData"> {
  const fields = entry.values.filter(({ field }) => field !== PASSWORD_FIELD);
  const types = fields.map(({ field, versions }) => ({ name: field, type: versions.at(-1)?.type ?? "secret" }));
  const placed = placeFields(types);
  for (const { field, versions } of fields) {
    const [first] = versions;
    if (versions.some(({ type }) => type !== first?.type))
      notes.push({ where: pathText(entry.path), field, what: "its earlier versions were of another type" });
  }
  const tags = entry.tags.map((tag) => tag.replaceAll(/[,;]+/g, " ").trim());
  if (tags.some((tag, index) => tag !== entry.tags[index])) {
    notes.push({ where: pathText(entry.path), field: "tags", what: "a comma or semicolon in a tag is a space there" });
  }
  const states = timelineOf(entry).map((held): KdbxState => {
    const state: KdbxState = {
      at: held.at ?? createdAt,
      title: entry.path.at(-1) ?? "",
      username: entry.username ?? "",
      url: entry.url ?? "",
      notes: entry.description ?? "",
      tags,
      password: held.values.get(PASSWORD_FIELD)?.value ?? new Secret(""),
      strings: [],
      files: [],
    };
    for (const [field, { type, value }] of held.values) {
      const { place, name } = placed.get(field) ?? { place: "string", name: field };
      if (field === PASSWORD_FIELD) continue;
      if (place === "file") state.files.push({ name, bytes: fileBytes(value) });
      else
        state.strings.push({
          name,
          value: type === "totp" ? seedForKeePass(value) : value,
          isProtected: type !== "text",
        });
    }
    return state;
  });
  const said = formatNotes(placed.values());
  return { createdAt, states, customData: said === "" ? {} : { [FIELD_NOTES]: said } };
}

/** What was in force together, oldest first: each change of a field makes one state more. */
function timelineOf({ values }: ExchangeEntry): { at?: Date; values: Map<string, ExchangeVersion> }[] {
  const changes = values.flatMap(({ field, versions }) =>
    versions.map((version, index) => ({
      field,
      index,
      version,
      at: version.at === undefined ? 0 : Date.parse(version.at),
    })),
  );
  changes.sort((left, right) => left.at - right.at || left.index - right.index);
  const states: { at?: Date; values: Map<string, ExchangeVersion>; changed: Set<string> }[] = [];
  for (const { field, version, at } of changes) {
    const last = states.at(-1);
    const isSame = last !== undefined && (last.at?.getTime() ?? 0) === at && !last.changed.has(field);
    const state = isSame
      ? last
      : { ...(at === 0 ? {} : { at: new Date(at) }), values: new Map(last?.values), changed: new Set<string>() };
    if (!isSame) states.push(state);
    state.values.set(field, version);
    state.changed.add(field);
  }
  const gone = values.filter(({ isCurrent }) => !isCurrent).map(({ field }) => field);
  const last = states.at(-1);
  if (last && gone.length === 0) return states;
  const now = new Map(last?.values);
  for (const field of gone) now.delete(field);
  return [...states, { ...(last?.at ? { at: last.at } : {}), values: now }];
}
