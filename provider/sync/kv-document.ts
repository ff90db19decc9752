import { createHash } from "node:crypto";
import * as z from "zod";
import { CoffreError } from "../core/errors.js";
import { FIELD_TYPES, type FieldType, PASSWORD_FIELD } from "../core/field.js";
import { Secret } from "../core/secret.js";
import { LARGEST_DOCUMENT_BYTES } from "../vault/hashicorp/kv.js";
import type { HeldCopy } from "./copy-store.js";
import { type EntryValue, fingerprintOf, pathKey, type ReadValues, type SyncEntry } from "./entry.js";
import type { SourceVersion } from "./mark.js";

/**
 * A key of each document that says what it is a copy of. No field has a name that begins with a dot. Text, since what
 * hands a document's keys on to machines as variables or files expects text.
 */
const MARK = ".coffre";

const Version = z.tuple([z.int(), z.number()]);
const Mark = z.object({
  /** Names the job. */
  job: z.string(),
  /** In the source. */
  entry: z.string(),
  tags: z.array(z.string()),
  /** Of each value its version in the source, and of a field its type. */
  values: z.record(z.string(), z.object({ version: Version, type: z.enum(FIELD_TYPES) })),
  /** Of everything else in the document: another one if somebody changed it by hand. */
  digest: z.string(),
});

/** What stands at the path of a copy. */
export interface KvCopy extends HeldCopy {
  entryId: string;
  versions: Map<string, SourceVersion>;
  /** As Coffre wrote it. */
  intact: boolean;
}

/**
 * A copy as machines read it: `password`, `username`, `url`, `description` and its fields by their names.
 * @throws CoffreError INVALID_INPUT for one that is too large for an entry of the server's storage
 */
export function kvDocument(job: string, entry: SyncEntry, values: ReadValues): Record<string, string> {
  const { username, url, description, tags } = entry.texts;
  const shown = {
    ...(username === undefined ? {} : { username }),
    ...(url === undefined ? {} : { url }),
    ...(description === undefined ? {} : { description }),
    ...Object.fromEntries([...values].map(([name, value]) => [name, value.reveal()])),
  };
  const kinds = [...entry.values].map(([name, { type, version }]): [string, z.infer<typeof Mark>["values"][string]] => [
    name,
    { type, version: [version.number, version.madeAt] },
  ]);
  const mark: z.infer<typeof Mark> = {
    job,
    entry: entry.id,
    tags,
    values: Object.fromEntries(kinds),
    digest: digestOf(shown),
  };
  const document = { ...shown, [MARK]: JSON.stringify(mark) };
  if (Buffer.byteLength(JSON.stringify(document)) <= LARGEST_DOCUMENT_BYTES) return document;
  throw new CoffreError("INVALID_INPUT", `${pathKey(entry.path)} is larger than a KV engine takes (1 MiB)`, {
    hint: "Keep its large field in an entry of its own outside of what is synced.",
    details: { entryId: entry.id },
  });
}

/** The copy in a document; `undefined` for what is no copy of this job's. */
export function parseKvDocument(job: string, data: Record<string, unknown> | undefined): KvCopy | undefined {
  const { [MARK]: said, ...shown } = data ?? {};
  const mark = typeof said === "string" ? Mark.safeParse(parseJson(said)).data : undefined;
  if (mark?.job !== job) return undefined;
  const text = (name: string) => (typeof shown[name] === "string" ? shown[name] : undefined);
  const [username, url, description] = [text("username"), text("url"), text("description")];
  const values = new Map<string, Secret>();
  const kept = new Map<string, EntryValue>();
  for (const [name, { type, version }] of Object.entries(mark.values)) {
    const value = text(name);
    if (value === undefined) continue;
    values.set(name, new Secret(value));
    const [number, madeAt] = version;
    kept.set(name, { type, version: { number, madeAt }, ...textOf(name, type, value) });
  }
  for (const name of Object.keys(shown)) {
    const isKnown = kept.has(name) || name === "username" || name === "url" || name === "description";
    if (!isKnown) values.set(name, new Secret(text(name) ?? "")); // somebody else's: the comparison shows it
  }
  const texts = {
    ...(username === undefined ? {} : { username }),
    ...(url === undefined ? {} : { url }),
    ...(description === undefined ? {} : { description }),
    tags: mark.tags,
  };
  return {
    entryId: mark.entry,
    values,
    fingerprint: fingerprintOf(texts, kept),
    versions: new Map([...kept].map(([name, { version }]) => [name, version])),
    intact: mark.digest === digestOf(shown),
  };
}

function textOf(name: string, type: FieldType, value: string): { text?: string } {
  return type === "text" && name !== PASSWORD_FIELD ? { text: value } : {};
}

/** In the document itself: who can read it can read what it is of. */
function digestOf(shown: Record<string, unknown>): string {
  const sorted = Object.entries(shown).sort(([left], [right]) => (left < right ? -1 : 1));
  return createHash("sha256").update(JSON.stringify(sorted)).digest("hex").slice(0, 32);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
