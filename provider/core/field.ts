import { CoffreError } from "./errors.js";
import { Secret } from "./secret.js";
import { checkTotpSeed } from "./totp.js";

/**
 * What a field of a credential holds. `text` is no secret: it is shown wherever the credential is. `secret`: text that
 * only a read shows. `totp`: the seed of one-time codes. `file`: bytes, for example a TLS key.
 */
export const FIELD_TYPES = ["text", "secret", "totp", "file"] as const;
export type FieldType = (typeof FIELD_TYPES)[number];

/** The field that every credential has: its password, a `secret`. */
export const PASSWORD_FIELD = "password";

/** The most bytes of a value: enough for what people bring, and little enough to seal and hand over in one piece. */
export const LARGEST_BYTES: Readonly<Record<FieldType, number>> = {
  text: 4_096,
  secret: 65_536,
  totp: 2_048,
  file: 1_048_576,
};

/** The most fields of one credential, removed ones included. */
export const MOST_FIELDS = 64;

const NAME = /^[A-Za-z][A-Za-z0-9._-]{0,63}$/;
// They are the credential's own: a field of that name could be taken for them.
const RESERVED: ReadonlySet<string> = new Set([PASSWORD_FIELD, "username", "url", "description", "tags", "name"]);

/**
 * What is wrong with the name of a field, as the end of a sentence; `undefined` if nothing is. It has 1 to 64 letters,
 * digits, dots, hyphens and underscores, the first a letter; case counts, except for the credential's own words.
 */
export function describeFieldNameProblem(name: string): string | undefined {
  if (RESERVED.has(name.toLowerCase())) return `is ${JSON.stringify(name)}, which every credential has of its own`;
  if (NAME.test(name)) return undefined;
  return "isn't 1 to 64 letters, digits, dots, hyphens and underscores that begin with a letter";
}

/** @returns the name. @throws CoffreError INVALID_INPUT with `details.field`; a name of another form isn't repeated */
export function checkFieldName(name: string): string {
  const problem = describeFieldNameProblem(name);
  if (problem === undefined) return name;
  throw new CoffreError("INVALID_INPUT", `The name of the field ${problem}`, {
    hint: "Give it a name such as api-token or tls.key.",
    details: { field: "name" },
  });
}

/**
 * Checks a value that somebody brings for a field of this type: not empty, not too large, and what the type asks for.
 * @param what for messages, for example `The value of token`
 * @returns the value as it is kept: the seed of one-time codes without the spaces that people see it with
 * @throws CoffreError INVALID_INPUT that says nothing of the value but what is wrong
 */
export function checkFieldValue(what: string, type: FieldType, value: Secret): Secret {
  const bytes = type === "file" ? fileSize(what, value) : Buffer.byteLength(value.reveal());
  if (bytes === 0) throw refused(what, "is empty", "Nothing was changed.");
  if (bytes > LARGEST_BYTES[type]) throw tooLarge(what, type);
  if (type === "file") return value;
  if (!value.reveal().isWellFormed()) throw refused(what, "isn't well-formed Unicode");
  if (value.reveal().includes("\0")) {
    throw refused(what, "has a NUL character", "What isn't text is kept in a field of type file.");
  }
  return type === "totp" ? checkTotpSeed(what, value) : value;
}

/** Refuses what is larger than a field of this type may be, before all of it was read. */
export function tooLarge(what: string, type: FieldType): CoffreError {
  const hint =
    type === "file"
      ? "Keep the file elsewhere, encrypted, and its key here."
      : "A larger one is kept in a field of type file, up to 1048576 bytes.";
  return refused(what, `is larger than ${LARGEST_BYTES[type]} bytes`, hint);
}

/** The bytes of a file as fields keep them: base64 text. */
export function fileValue(bytes: Uint8Array): Secret {
  return new Secret(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64"));
}

/** The bytes that {@link fileValue} was given. */
export function fileBytes(value: Secret): Buffer {
  return Buffer.from(value.reveal(), "base64");
}

/**
 * Text that came as bytes. One line end at its end is the shell's or the editor's, not the value's.
 * @throws CoffreError INVALID_INPUT if it isn't UTF-8
 */
export function textValue(what: string, bytes: Uint8Array): Secret {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    // Without its cause, which could show a part of the value.
    throw refused(what, "isn't UTF-8 text", "What isn't text is kept in a field of type file.");
  }
  return new Secret(text.replace(/\r?\n$/, ""));
}

function fileSize(what: string, value: Secret): number {
  const text = value.reveal();
  const bytes = Buffer.from(text, "base64");
  // What else can be said about base64 is said by the way back.
  if (bytes.toString("base64") !== text) throw refused(what, "isn't the base64 of a file's bytes");
  return bytes.length;
}

function refused(what: string, problem: string, hint?: string): CoffreError {
  return new CoffreError("INVALID_INPUT", `${what} ${problem}`, hint === undefined ? {} : { hint });
}
