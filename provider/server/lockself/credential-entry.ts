import { randomUUID } from "node:crypto";
import { CoffreError } from "../../core/errors.js";
import type { FieldType } from "../../core/field.js";
import { Secret } from "../../core/secret.js";
import { formatLockselfDate } from "../../vault/lockself/forms.js";
import type { CredentialBody, CredentialValue } from "../../vault/lockself/messages.js";
import { type Credential, type FieldChange, usernameOf, type ValueAnswer } from "../../vault/port.js";
import { type Call, numberText, ROOT_NUMBER } from "./front.js";

/**
 * What LockSelf's entries have and the vault's entries don't is kept in fields of these names. The options are hidden in
 * LockSelf's own interface, so they are secrets here.
 */
const KEPT_AS = {
  opt1: "secret",
  opt2: "secret",
  opt3: "secret",
  totp: "totp",
  isAlert: "text",
} as const satisfies Record<string, FieldType>;
type KeptName = keyof typeof KEPT_AS;
const KEPT_NAMES = Object.keys(KEPT_AS) as KeptName[]; // its own keys

/** Fields whose values are in the answer of a decryption. */
export const DECRYPTED = ["opt1", "opt2", "opt3", "totp"] as const satisfies readonly KeptName[];

/** What a create or an update sends. */
export type SentCredential = { [Name in keyof CredentialBody]?: CredentialBody[Name] | undefined };

/** One order of a client, as the versions that it makes keep it. */
export function newCause(): string {
  return `command:${randomUUID()}`;
}

/** `a, b` as the vault keeps it. */
export function parseTags(tags: string): string[] {
  return [...new Set(tags.split(",").map((tag) => tag.trim()))].filter((tag) => tag !== "");
}

/**
 * The changes of fields that a body asks for. An empty text takes a field away; what isn't named stays.
 * @param before the entry as it is; `undefined` for a new one
 * @throws CoffreError CONFLICT if a field of that name is a file
 */
export function fieldChanges(body: SentCredential, before: Credential | undefined, cause: string): FieldChange[] {
  return KEPT_NAMES.flatMap((name): FieldChange[] => {
    const given = body[name];
    if (given === undefined) return [];
    const text = given === true ? "true" : given === false ? "" : given;
    const field = before?.fields.find((one) => one.name === name);
    if (text === "") return field ? [{ change: "remove", name }] : [];
    const type = field?.type ?? KEPT_AS[name];
    if (type === "file") {
      throw new CoffreError("CONFLICT", `The entry's field ${name} is a file, which LockSelf has no place for`);
    }
    return [{ change: "put", name, type, value: new Secret(text), cause }];
  });
}

/** An entry of `credentials.list`: exactly the fields of the vendor's sample. */
export function listItem({ front, rights }: Call, credential: Credential): Record<string, unknown> {
  const { id, name, categoryId, url = "", createdAt } = credential;
  return {
    id: front.numbers.known(id),
    name,
    domain: url,
    userId: 0, // as in the sample: the vault's entries belong to their category, not to a user
    categoryId: numberText(categoryId === null ? ROOT_NUMBER : front.numbers.known(categoryId)),
    creationDate: formatLockselfDate(new Date(createdAt)),
    modificationDate: formatLockselfDate(new Date(front.numbers.changedAt(id) ?? createdAt)),
    isOwner: rights.mayWrite(categoryId),
    view: 1,
  };
}

/** All of an entry but its secrets. */
export function fullItem(call: Call, credential: Credential): Record<string, unknown> {
  const { description = "", tags, fields } = credential;
  const username = usernameOf(credential) ?? "";
  const isAlert = fields.find(({ name }) => name === "isAlert")?.text === "true";
  return { ...listItem(call, credential), username, description, tags: tags.join(","), isAlert };
}

/** What a decryption answers. `values`: the password and what there is of {@link DECRYPTED}. */
export function decrypted(number: number, credential: Credential, values: readonly ValueAnswer[]): CredentialValue {
  const { name, url = "", description = "", tags } = credential;
  const valueOf = (field: string) => values.find((value) => value.field === field)?.value.reveal() ?? "";
  return {
    id: number,
    name,
    username: usernameOf(credential) ?? "", // of the password that stands beside it
    password: valueOf("password"),
    domain: url,
    description,
    opt1: valueOf("opt1"),
    opt2: valueOf("opt2"),
    opt3: valueOf("opt3"),
    tags: tags.join(","),
    totp: valueOf("totp"),
  };
}
