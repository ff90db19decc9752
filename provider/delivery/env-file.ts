import { CoffreError, isCoffreError } from "../core/errors.js";
import { parseReference, type Reference } from "../core/reference.js";
import { type Place, placeText, refusedAt } from "./place.js";

/** One variable that a file of references declares. */
export interface DeclaredVariable {
  name: string;
  /** Where its value begins. */
  place: Place;
  /** What it stands for: a value of the vault, or the text that is written there. */
  value: { reference: Reference } | { text: string };
}

const NAME = /^(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*/;
const SCHEME = "coffre://";
const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", '"': '"', "\\": "\\", $: "$" };
const FORM = "A line is NAME=coffre://<vault>/<path>, NAME=text, a # comment, or empty; a text may stand in quotes.";

/**
 * Reads a file of references: `NAME=coffre://…`, one a line. Every other value is the text that it is: as it stands, in single
 * quotes, or in double quotes with `\n`, `\r`, `\t`, `\"`, `\\` and `\$`. Nothing in it is expanded.
 * @param file its name, for messages
 * @throws CoffreError INVALID_INPUT with line and column; it repeats nothing of a value
 */
export function parseEnvFile(text: string, file: string): DeclaredVariable[] {
  const declared = new Map<string, DeclaredVariable>();
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  for (const [index, line] of lines.entries()) {
    const indent = line.length - line.trimStart().length;
    const rest = line.slice(indent);
    if (rest === "" || rest.startsWith("#")) continue;
    const at = (column: number): Place => ({ file, line: index + 1, column: column + 1 });
    const [head, name] = NAME.exec(rest) ?? [];
    if (head === undefined || name === undefined) {
      throw refusedAt(at(indent), "this line declares no variable", FORM);
    }
    const before = declared.get(name);
    if (before)
      throw refusedAt(at(indent), `${name} is declared already, in line ${before.place.line}`, "Keep one of them.");
    const place = at(indent + head.length);
    declared.set(name, { name, place, value: parseValue(rest.slice(head.length), place) });
  }
  return [...declared.values()];
}

function parseValue(written: string, place: Place): DeclaredVariable["value"] {
  const text = unquote(written, place);
  if (!text.startsWith(SCHEME)) return { text };
  try {
    return { reference: parseReference(text) };
  } catch (error) {
    if (!isCoffreError(error)) throw error;
    throw new CoffreError(error.code, `${placeText(place)}: ${error.problem}`, {
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      details: { ...place },
    });
  }
}

function unquote(written: string, place: Place): string {
  const quote = written[0];
  if (quote !== "'" && quote !== '"') return written.replace(/[ \t]#.*$/, "").trim();
  const inside = quote === "'" ? /^'([^']*)'/ : /^"((?:[^"\\]|\\.)*)"/;
  const [whole, text = ""] = inside.exec(written) ?? [];
  if (whole === undefined) throw refusedAt(place, "the quote isn't closed in its line", FORM);
  if (!/^[ \t]*(#.*)?$/.test(written.slice(whole.length))) {
    throw refusedAt(place, "something stands behind the closing quote", FORM);
  }
  if (quote === "'") return text;
  return text.replaceAll(/\\(.)/g, (_all, character: string) => {
    const meant = ESCAPES[character];
    if (meant !== undefined) return meant;
    throw refusedAt(
      place,
      "a backslash stands before a character that it has no meaning for",
      "Write the backslash twice, or use single quotes.",
    );
  });
}
