import * as z from "zod";
import { CoffreError } from "../core/errors.js";
import { type FieldType, PASSWORD_FIELD } from "../core/field.js";
import { fitFieldName, freeName } from "../core/fit-name.js";
import { Secret } from "../core/secret.js";
import { type ExchangeEntry, type ExchangeFile, newExchangeFile } from "./entry.js";
import { addValue, Placing, textOf } from "./placing.js";
import { decodeText } from "./text.js";

const Text = z
  .string()
  .nullish()
  .transform((text) => text ?? "");
const Named = z.looseObject({ id: z.string(), name: Text });
const Properties = z
  .record(z.string(), z.unknown())
  .nullish()
  .transform((value) => value ?? {});

/** What of an item is used. Source: bitwarden.com/help/condition-bitwarden-import */
const Item = z.looseObject({
  type: z.int(),
  name: Text,
  notes: Text,
  folderId: Text,
  collectionIds: z.array(z.string()).nullish(),
  deletedDate: Text,
  reprompt: z.int().nullish(),
  fields: z.array(z.looseObject({ name: Text, value: Text, type: z.int() })).nullish(),
  passwordHistory: z.array(z.looseObject({ lastUsedDate: Text, password: Text })).nullish(),
  login: z
    .looseObject({
      uris: z.array(z.looseObject({ uri: Text })).nullish(),
      username: Text,
      password: Text,
      totp: Text,
      fido2Credentials: z.array(z.unknown()).nullish(),
    })
    .nullish(),
  card: Properties,
  identity: Properties,
  sshKey: Properties,
});
type Item = z.infer<typeof Item>;

const Export = z.looseObject({
  encrypted: z.boolean().optional(),
  folders: z.array(Named).optional(),
  collections: z.array(Named).optional(),
  items: z.array(z.unknown()),
});

const SECURE_NOTE = 2;
const HIDDEN = 1;
const LINKED = 3;

/** Reads an unencrypted JSON export. @throws CoffreError INVALID_INPUT, NOT_SUPPORTED for an encrypted one */
export function readBitwardenJson(bytes: Uint8Array, what: string): ExchangeFile {
  const file = newExchangeFile();
  const { folders, items } = parseExport(bytes, what);
  const placing = new Placing(file);
  for (const [index, given] of items.entries()) {
    const where = `item ${String(index + 1)}`;
    const parsed = Item.safeParse(given);
    if (!parsed.success) {
      const path = parsed.error.issues[0]?.path.join(".") ?? "";
      file.problems.push({ where, ...(path === "" ? {} : { field: path }), what: "it isn't as Bitwarden writes it" });
      continue;
    }
    if (parsed.data.deletedDate !== "") {
      file.notes.push({ where, what: "it is in the trash, and is left out" });
      continue;
    }
    file.entries.push(readItem(file, placing, parsed.data, { where, folders }));
  }
  return file;
}

function parseExport(bytes: Uint8Array, what: string): { folders: ReadonlyMap<string, string>; items: unknown[] } {
  let json: unknown;
  try {
    json = JSON.parse(decodeText(bytes, what));
  } catch (error) {
    if (error instanceof CoffreError) throw error;
    throw refused(what, "isn't JSON");
  }
  const parsed = Export.safeParse(json);
  const isEncrypted = z.looseObject({ encrypted: z.literal(true) }).safeParse(json).success;
  if (isEncrypted) {
    throw new CoffreError("NOT_SUPPORTED", `The file ${what} is an encrypted export of Bitwarden`, {
      hint: "Export as .json without encryption, import that at once, and delete the file. Nothing was changed.",
    });
  }
  if (!parsed.success) throw refused(what, "isn't an export of Bitwarden");
  const { folders = [], collections = [], items } = parsed.data;
  return { folders: new Map([...folders, ...collections].map(({ id, name }) => [id, name])), items };
}

function readItem(
  file: ExchangeFile,
  placing: Placing,
  item: Item,
  { where, folders }: { where: string; folders: ReadonlyMap<string, string> },
): ExchangeEntry {
  const { login, notes } = item;
  const [home, ...others] = [...(item.collectionIds ?? []), item.folderId].filter((id) => id !== "");
  const folder = (home === undefined ? undefined : folders.get(home)) ?? "";
  if (others.length > 0)
    file.notes.push({ where, what: "it is in several collections, and comes into the first one's category" });
  const [uri, ...more] = (login?.uris ?? []).map((one) => one.uri).filter((text) => text !== "");
  const isNote = item.type === SECURE_NOTE;
  const entry: ExchangeEntry = {
    origin: where,
    path: placing.pathOf(
      where,
      folder.split("/").filter((name) => name.trim() !== ""),
      item.name,
      login?.username ?? "",
    ),
    ...textOf("url", uri ?? ""),
    ...textOf("username", login?.username ?? ""),
    ...(isNote ? {} : textOf("description", notes)),
    tags: [],
    values: [],
  };
  const add = fieldAdder(file, entry);
  addPasswords(file, entry, item);
  if (login) addValue(file, entry, "totp", "totp", login.totp);
  const taken = login && login.totp !== "" ? ["totp"] : [];
  const addField = add(taken);
  more.forEach((text, index) => addField(`url-${String(index + 2)}`, "text", text));
  if (isNote) addField("note", "secret", notes);
  for (const { name, value, type } of item.fields ?? []) {
    if (type === LINKED) file.notes.push({ where, field: name, what: "it names another field, which isn't kept" });
    else addField(name, type === HIDDEN ? "secret" : "text", value);
  }
  for (const [kind, properties] of Object.entries({ card: item.card, identity: item.identity, ssh: item.sshKey })) {
    for (const [name, value] of Object.entries(properties)) {
      if (typeof value === "string") addField(`${kind}-${name}`, "secret", value);
    }
  }
  if ((login?.fido2Credentials ?? []).length > 0)
    file.notes.push({ where, what: "its passkey, which only Bitwarden can use" });
  if (item.reprompt === 1) file.notes.push({ where, what: "that it asks for the master password again" });
  return entry;
}

function fieldAdder(file: ExchangeFile, entry: ExchangeEntry) {
  return (names: readonly string[]) => {
    const taken = new Set(names);
    return (name: string, type: FieldType, text: string) => {
      if (text === "") return;
      const free = freeName(fitFieldName(name).slice(0, 60), taken, (number) => `-${String(number)}`);
      if (free !== name)
        file.notes.push({
          where: entry.origin,
          field: free,
          what: `the field is called ${JSON.stringify(name)} in the file`,
        });
      addValue(file, entry, free, type, text, name);
    };
  };
}

/** The history is newest first; its dates are when a password was last in force. */
function addPasswords(file: ExchangeFile, entry: ExchangeEntry, { login, passwordHistory }: Item): void {
  addValue(file, entry, PASSWORD_FIELD, "secret", login?.password ?? "");
  const now = entry.values.find(({ field }) => field === PASSWORD_FIELD);
  const earlier = (passwordHistory ?? []).filter(({ password }) => password !== "");
  if (earlier.length === 0) return;
  if (!now) {
    file.notes.push({ where: entry.origin, field: PASSWORD_FIELD, what: "its earlier ones, since it has none now" });
    return;
  }
  const dates = earlier.map(({ lastUsedDate }) => Date.parse(lastUsedDate));
  const isDated = dates.every((date) => !Number.isNaN(date));
  if (!isDated)
    file.notes.push({
      where: entry.origin,
      field: PASSWORD_FIELD,
      what: "a date of its history can't be read: the order in the file is taken",
    });
  const order = earlier.map((one, index) => ({ ...one, date: isDated ? (dates[index] ?? 0) : -index }));
  order.sort((left, right) => left.date - right.date);
  now.versions.unshift(...order.map(({ password }) => ({ type: "secret" as const, value: new Secret(password) })));
}

function refused(what: string, problem: string): CoffreError {
  return new CoffreError("INVALID_INPUT", `The file ${what} ${problem}`, {
    hint: "Bitwarden exports it under Tools, Export vault, as .json. Nothing was changed.",
  });
}
