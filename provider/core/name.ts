import { CoffreError } from "./errors.js";

const LONGEST_NAME = 200;
const VAULT_NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const LINE_BREAK = /[\n\v\f\r\u0085\u2028\u2029]/;
const CONTROL = /\p{Cc}/u;
// They make a terminal show another text than the one that is there.
const DIRECTION = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

/** What has a name of its own. */
export type Named = "category" | "credential" | "user" | "group" | "drop-box";

/**
 * Checks the name of a category, a credential, a user, a group or a drop-box: 1 to 200 characters, no slash, line break, control character or space
 * at an end, not `.` or `..`. Case counts: `DBA` and `dba` are two names.
 * @returns the name in Unicode's NFC, which is what is kept and compared: an é typed on two systems is one name
 * @throws CoffreError INVALID_INPUT with `details.field` `name`
 */
export function checkName(kind: Named, name: string): string {
  const problem = describeNameProblem(name);
  if (problem !== undefined) {
    throw new CoffreError("INVALID_INPUT", `The name of the ${kind} ${problem}`, {
      hint: `Give the ${kind} a name of 1 to ${LONGEST_NAME} characters, on one line and without a slash.`,
      details: { field: "name" },
    });
  }
  return name.normalize("NFC");
}

/**
 * Checks a vault's own name: 1 to 63 of a-z, 0-9, dot, hyphen and underscore, the first a letter or digit.
 * @returns the name. @throws CoffreError INVALID_INPUT
 */
export function checkVaultName(name: string): string {
  if (!VAULT_NAME.test(name)) {
    const problem = name === "" ? "is empty" : "has characters that it can't have, or is too long";
    throw new CoffreError("INVALID_INPUT", `The vault's name ${problem}`, {
      hint: "A vault's name has 1 to 63 of a-z, 0-9, dot, hyphen and underscore, and starts with a letter or digit.",
      details: { field: "vault" },
    });
  }
  return name;
}

/**
 * What is wrong with a name, as the end of a sentence; `undefined` if nothing is. `foreign` names were made by people
 * in other vaults: any length, and a slash or a space at an end is theirs to have.
 */
export function describeNameProblem(name: string, { foreign = false } = {}): string | undefined {
  if (name === "") return "is empty";
  if (!name.isWellFormed()) return "isn't well-formed Unicode";
  if (LINE_BREAK.test(name)) return "has a line break";
  if (CONTROL.test(name)) return "has a control character";
  if (DIRECTION.test(name)) return "has an invisible character that changes the direction of the text";
  if (name === "." || name === "..") return `is "${name}", which means a folder elsewhere`;
  if (foreign) return undefined;
  if (name.includes("/")) return "has a slash, which separates categories";
  if (name.trim() !== name) return "starts or ends with a space";
  const length = [...name.normalize("NFC")].length;
  if (length > LONGEST_NAME) return `has ${length} characters, more than ${LONGEST_NAME}`;
  return undefined;
}
