import { checkFieldValue, type FieldType, PASSWORD_FIELD } from "../core/field.js";
import { fitName, freeName } from "../core/fit-name.js";
import { isCoffreError } from "../core/errors.js";
import { Secret } from "../core/secret.js";
import type { ExchangeEntry, ExchangeFile, ExchangeValue } from "./entry.js";
import { pathText } from "./entry.js";

/** Gives entries of a file names and categories that a vault takes, and says where these are others than in the file. */
export class Placing {
  readonly #file: ExchangeFile;
  readonly #taken = new Map<string, Set<string>>();

  constructor(file: ExchangeFile) {
    this.#file = file;
  }

  /**
   * The path of an entry.
   * @param where of the entry, for notes
   * @param more what tells it from others of its name, such as its user name
   */
  pathOf(where: string, categories: readonly string[], name: string, more = ""): string[] {
    const parents = categories.map((category) => fitName("category", category));
    if (parents.some((parent, index) => parent !== categories[index]?.normalize("NFC"))) {
      this.#file.notes.push({
        where,
        what: `its category is called ${JSON.stringify(categories.join(" / "))} in the file, and ${JSON.stringify(pathText(parents))} here`,
      });
    }
    const within = this.#takenIn(pathText(parents));
    const wanted = fitName("credential", name);
    const told = more === "" || !within.has(wanted) ? wanted : fitName("credential", `${wanted} (${more})`);
    const free = freeName(told, within);
    if (free !== name.normalize("NFC")) {
      this.#file.notes.push({
        where,
        what: `it is called ${JSON.stringify(name)} in the file, and ${JSON.stringify(free)} here`,
      });
    }
    return [...parents, free];
  }

  #takenIn(parents: string): Set<string> {
    const taken = this.#taken.get(parents) ?? new Set();
    this.#taken.set(parents, taken);
    return taken;
  }
}

/** Adds a value to an entry, if there is one and it may be kept; what is wrong with it is a problem of the file. */
export function addValue(
  file: ExchangeFile,
  entry: ExchangeEntry,
  field: string,
  type: FieldType,
  text: string,
  column = field,
): void {
  if (text === "") return;
  try {
    const what = field === PASSWORD_FIELD ? "The password" : `The value of ${field}`;
    const value = checkFieldValue(what, type, new Secret(text));
    entry.values.push({ field, versions: [{ type, value }], isCurrent: true } satisfies ExchangeValue);
  } catch (error) {
    if (!isCoffreError(error, "INVALID_INPUT")) throw error;
    file.problems.push({
      where: entry.origin,
      field: column,
      what: `${error.problem.replace(/^The (password|value of \S+) /, "it ")}`,
    });
  }
}

/** A text of an entry, unless it is empty; a NUL has no place in it. */
export function textOf<Name extends string>(name: Name, text: string): Partial<Record<Name, string>> {
  const kept = text.toWellFormed().replaceAll("\0", "");
  // The key is the name itself, which TypeScript doesn't follow.
  return kept === "" ? {} : ({ [name]: kept } as Partial<Record<Name, string>>);
}
