import { describeFieldNameProblem } from "./field.js";
import { describeNameProblem, type Named } from "./name.js";

const LONGEST_NAME = 200;
const LONGEST_FIELD_NAME = 64;
// Every character that a name can't have, but the slash.
const UNFIT = /[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu;
const ACCENTS = /\p{Mn}/gu;

/**
 * The nearest name that `checkName` takes, for what was named elsewhere: a slash becomes a hyphen (`TCP/IP`, `TCP-IP`), a
 * line break a space; what is too long is cut, and what has no name is called after its kind. A name that fits is
 * answered in NFC, and otherwise as it is.
 */
export function fitName(kind: Named, name: string): string {
  const fits = describeNameProblem(name) === undefined;
  if (fits) return name.normalize("NFC");
  const text = name.toWellFormed().normalize("NFC").replaceAll("/", "-").replaceAll(UNFIT, " ").trim();
  const cut = [...text].slice(0, LONGEST_NAME).join("").trim();
  if (cut === "." || cut === "..") return cut.replaceAll(".", "-");
  return cut === "" ? `unnamed ${kind}` : cut;
}

/** The same for the name of a field, by `checkFieldName`: `Clé d'API` becomes `Cle-d-API`, `URL` becomes `URL-field`. */
export function fitFieldName(name: string): string {
  if (describeFieldNameProblem(name) === undefined) return name;
  const plain = name.toWellFormed().normalize("NFKD").replaceAll(ACCENTS, "");
  const words = plain.replaceAll(/[^A-Za-z0-9._-]+/g, "-").replaceAll(/^[^A-Za-z]+|-+$/g, "");
  const cut = words.slice(0, LONGEST_FIELD_NAME);
  if (cut === "") return "field";
  return describeFieldNameProblem(cut) === undefined ? cut : `${cut}-field`;
}

/**
 * `name`, or the first of `name (2)`, `name (3)`, … that isn't taken yet; it is taken from then on.
 * @param taken where the name is unique
 */
export function freeName(
  name: string,
  taken: Set<string>,
  numbered = (number: number) => ` (${String(number)})`,
): string {
  let free = name;
  for (let number = 2; taken.has(free); number += 1) {
    const suffix = numbered(number);
    free = `${[...name].slice(0, LONGEST_NAME - suffix.length).join("")}${suffix}`;
  }
  taken.add(free);
  return free;
}
