import { deflateRawSync, inflateRawSync } from "node:zlib";
import * as z from "zod";
import { CoffreError } from "../../core/errors.js";
import type { GrantRow, MembershipRow, PrincipalRow } from "../records/people-rows.js";
import type { BookingRow, CategoryRow, CredentialRow } from "../records/rows.js";

/** The folder in the vault's root that is Coffre's own. */
export const RESERVED = ".coffre";

/** What this release reads and writes. */
export const FORMAT = 1;

/** Who the vault is. Written once, by `coffre vault init`. */
export const IdentityDocument = z.object({
  format: z.int(),
  id: z.string().min(1),
  name: z.string().min(1),
  restoreCounter: z.int().min(0),
  /** Of the keyed digests, base64, 32 bytes. It guards no value. */
  digestKey: z.string().min(1),
  createdAt: z.string(),
});
export type IdentityDocument = z.infer<typeof IdentityDocument>;

/** What one live or archived credential has claimed: more than its row says, while a change is under way. */
export interface Claims {
  id: string;
  names: { categoryId: string | null; name: string }[];
  accounts: string[];
  admins: string[];
  marks: string[];
  stacks: string[];
}

/** Everything that must be consistent in itself: the tree, the people, and who has claimed which name and account. */
export interface DirectoryContent {
  categories: CategoryRow[];
  principals: PrincipalRow[];
  memberships: MembershipRow[];
  grants: GrantRow[];
  claims: Claims[];
  /** Credentials whose entry for people may not be where or what it should be: whoever sees one sets it right. */
  due: string[];
  /** Missing where categories are only names in paths. */
  places?: CategoryPlace[];
}

/** What a server has of a category: its own id, and the name and parent that it was given last. */
export interface CategoryPlace {
  id: string;
  at: number;
  name: string;
  parentAt: number;
}

/** Everything of one credential that people don't read. */
export interface CredentialDocument {
  row: CredentialRow;
  /** By field and version, `password 3`: the value itself, or the name of the document that a large one stands in. */
  values: Record<string, { text: string } | { at: string }>;
  /** Logins that were booked with a value that is known to be right, and not yet settled; and what counts for the account. */
  bookings: BookingRow[];
  /** Where people read it: the names from the root down, and that path's version. Missing while there is none. */
  entry?: { path: string[]; version: number };
  /** The entry isn't yet what it should be. */
  due?: true;
}

/** The logins of an account that no credential has, or those that a host counts. */
export interface LoginsDocument {
  bookings: BookingRow[];
}

/** One text of JSON: servers limit how many keys and texts a request may have, not how long one is. */
const Wrapped = z.object({ format: z.int(), content: z.string() });
const Credential = z.looseObject({
  row: z.looseObject({ id: z.string(), name: z.string(), versions: z.array(z.unknown()), journal: z.looseObject({}) }),
  values: z.record(z.string(), z.union([z.object({ text: z.string() }), z.object({ at: z.string() })])),
  bookings: z.array(z.looseObject({ id: z.string() })),
});
const Logins = z.looseObject({ bookings: z.array(z.looseObject({ id: z.string() })) });
const Value = z.object({ value: z.string() });

/** As it is kept. A person without Coffre can still read it: `jq -r .content`. */
export function wrap(content: object): Record<string, unknown> {
  return { format: FORMAT, content: JSON.stringify(content) };
}

/** A directory of thousands is one document, so it is compressed: a few dozen bytes a credential. */
export function wrapDirectory(content: DirectoryContent): Record<string, unknown> {
  return { format: FORMAT, content: deflateRawSync(JSON.stringify(content)).toString("base64") };
}

/** @throws CoffreError CORRUPT for what Coffre didn't write; NEWER_FORMAT; so do all below */
export function unwrapDirectory(where: string, data: unknown): DirectoryContent {
  const content = unwrap(where, data, (text) => inflateRawSync(Buffer.from(text, "base64")).toString("utf8"));
  const parsed = z.looseObject({ categories: z.array(z.unknown()), claims: z.array(z.unknown()) }).safeParse(content);
  // What has the shape is what Coffre itself wrote, from rows of these types; so below.
  if (parsed.success) return content as DirectoryContent;
  throw corrupt(where, "isn't what Coffre wrote there");
}

export function unwrapCredential(where: string, data: unknown): CredentialDocument {
  return unwrapAs<CredentialDocument>(where, Credential, data);
}

export function unwrapLogins(where: string, data: unknown): LoginsDocument {
  return unwrapAs<LoginsDocument>(where, Logins, data);
}

/** One version of a field's value; those are written once. */
export function unwrapValue(where: string, data: unknown): string {
  return unwrapAs<z.infer<typeof Value>>(where, Value, data).value;
}

/** What {@link wrap} wrote, of this shape. */
export function unwrapAs<Content>(where: string, schema: z.ZodType, data: unknown): Content {
  const content = unwrap(where, data, (text) => text);
  if (schema.safeParse(content).success) return content as Content;
  throw corrupt(where, "isn't what Coffre wrote there");
}

function unwrap(where: string, data: unknown, unpack: (text: string) => string): unknown {
  const wrapped = Wrapped.safeParse(data).data;
  if (!wrapped) throw corrupt(where, "isn't a document of Coffre's");
  refuseNewer(wrapped.format);
  try {
    return JSON.parse(unpack(wrapped.content));
  } catch {
    throw corrupt(where, "can't be read");
  }
}

/** @throws CoffreError NEWER_FORMAT */
export function refuseNewer(format: number): void {
  if (format <= FORMAT) return;
  throw new CoffreError("NEWER_FORMAT", `The vault has the format ${format}; this release knows up to ${FORMAT}`, {
    hint: "Install a newer release of Coffre.",
  });
}

export function corrupt(where: string, what: string): CoffreError {
  return new CoffreError("CORRUPT", `The document ${where} ${what}`, {
    hint: "Somebody changed or removed it by hand: bring back what stood there, where the server still has it.",
  });
}
