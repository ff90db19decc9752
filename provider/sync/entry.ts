import { createHash } from "node:crypto";
import { type FieldType, PASSWORD_FIELD } from "../core/field.js";
import type { Secret } from "../core/secret.js";
import { type Credential, usernameOf } from "../vault/port.js";
import type { SourceVersion } from "./mark.js";

/** One entry as it is to stand in the destination, without its values. */
export interface SyncEntry {
  /** In the source. */
  id: string;
  /** In the destination: the prefix, the source's path. */
  path: string[];
  /** Ids of the source's categories along the path, after the prefix. */
  categoryIds: string[];
  texts: EntryTexts;
  /** Its current values by field; the password is the field `password`. Nothing pending, nothing earlier. */
  values: ReadonlyMap<string, EntryValue>;
  /** Equal for entries that differ in nothing but their place. */
  fingerprint: string;
  /** The highest number that a version of the field has, whatever became of it, by field; also of removed fields. */
  newest: ReadonlyMap<string, number>;
  /** A version is pending in the source: the copy is what was current, until that one is promoted and synced again. */
  rotating: boolean;
}

/** What is no secret of an entry. */
export interface EntryTexts {
  username?: string;
  url?: string;
  description?: string;
  tags: string[];
}

/** A current value, by its version. */
export interface EntryValue {
  type: FieldType;
  version: SourceVersion;
  /** What a field of type text says: it stands in lists. */
  text?: string;
}

/** Values by field, as read for one entry. */
export type ReadValues = ReadonlyMap<string, Secret>;

/** What is current in a credential, with each value's version as `versionOf` finds it; what it doesn't know is left out. */
export function currentValues(
  credential: Pick<Credential, "versions" | "fields">,
  versionOf: (version: { number: number; createdAt: string; causes: readonly string[] }) => SourceVersion | undefined,
): Map<string, EntryValue> {
  const values = new Map<string, EntryValue>();
  const add = (
    name: string,
    type: FieldType,
    version: { number: number; createdAt: string; causes: readonly string[] },
    text?: string,
  ) => {
    const found = versionOf(version);
    if (found) values.set(name, { type, version: found, ...(text === undefined ? {} : { text }) });
  };
  const password = credential.versions.find(({ state }) => state === "current");
  if (password) add(PASSWORD_FIELD, "secret", password);
  for (const { name, type, text, versions } of credential.fields) {
    const current = versions.find(({ state }) => state === "current");
    if (current) add(name, type, { ...current, causes: [current.cause] }, text);
  }
  return values;
}

/** The texts of a credential. */
export function textsOf(credential: Credential): EntryTexts {
  const { url, description, tags } = credential;
  const username = usernameOf(credential);
  return {
    ...(username === undefined ? {} : { username }),
    ...(url === undefined ? {} : { url }),
    ...(description === undefined ? {} : { description }),
    tags: [...tags],
  };
}

/** A digest of texts and versions: no value goes into it, but the texts that every list shows. */
export function fingerprintOf(texts: EntryTexts, values: ReadonlyMap<string, EntryValue>): string {
  const { username = null, url = null, description = null, tags } = texts;
  const fields = [...values]
    // A text that was changed there and back is a new version with nothing new to copy.
    .map(([name, { type, version, text }]) => [name, type, text ?? [version.number, version.madeAt]])
    .sort(([left], [right]) => (String(left) < String(right) ? -1 : 1));
  const said = JSON.stringify([username, url, description, tags, fields]);
  return createHash("sha256").update(said).digest("hex").slice(0, 32);
}

/** A path as one text. No name has a slash. */
export function pathKey(path: readonly string[]): string {
  return path.join("/");
}
