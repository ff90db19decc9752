import { CoffreError, isCoffreError } from "../core/errors.js";
import { parseReference, type Reference } from "../core/reference.js";
import { type Escaped, ESCAPES, type EscapeName } from "../core/escape.js";
import { type Place, placeAt, placeText, refusedAt } from "./place.js";
import type { DeliveredValue } from "./read-wanted.js";
import { bytesOf, textOf } from "./value-text.js";

/** The ways in which a value is written, by the word behind the `|`. `base64` takes bytes, too. */
export const FILTERS = [...(Object.keys(ESCAPES) as EscapeName[]), "base64"] as const; // its own keys
type Filter = (typeof FILTERS)[number];

/** A text, or a reference whose value takes its place. */
export type TemplatePart = { text: string } | { reference: Reference; filters: readonly Filter[]; place: Place };

// Only this is ours: what other programs write in braces stays as it is.
const OPENING = /\{\{[ \t]*(?=coffre:\/\/)/g;
const FORM = "Its form: {{ coffre://<vault>/<path> }}, with | yaml (or another filter) before the braces.";

/**
 * Reads a template: `{{ coffre://… }}`, in one line, with filters behind `|`. All other text, braces of other programs
 * included, stays as it is.
 * @param file its name, for messages
 * @throws CoffreError INVALID_INPUT with line and column: not closed, no reference, no such filter
 */
export function parseTemplate(text: string, file: string): TemplatePart[] {
  const parts: TemplatePart[] = [];
  let done = 0;
  for (const { index, 0: opening } of text.matchAll(OPENING)) {
    const place = placeAt(file, text, index);
    if (index < done) throw refusedAt(place, "a reference begins within another one", FORM);
    const from = index + opening.length;
    const line = /^[^\r\n]*/.exec(text.slice(from))?.[0] ?? "";
    const length = line.indexOf("}}");
    if (length < 0) throw refusedAt(place, "the reference isn't closed: }} is missing in its line", FORM);
    const [written = "", ...words] = line.slice(0, length).split("|");
    parts.push({ text: text.slice(done, index) });
    parts.push({
      reference: referenceAt(place, written.trim()),
      filters: words.map((word) => filterAt(place, word.trim())),
      place,
    });
    done = from + length + "}}".length;
  }
  return [...parts, { text: text.slice(done) }];
}

/**
 * The template with its values.
 * @param values of its references, in their order
 * @throws CoffreError INVALID_INPUT with line and column for a value that the filter can't write; it tells nothing of it
 */
export function renderTemplate(parts: readonly TemplatePart[], values: readonly DeliveredValue[]): Buffer {
  const left = [...values];
  return Buffer.concat(
    parts.map((part) => {
      if ("text" in part) return Buffer.from(part.text);
      const value = left.shift();
      if (value === undefined) throw new Error("there are fewer values than references");
      return written(part, value);
    }),
  );
}

function written({ filters, place }: Exclude<TemplatePart, { text: string }>, value: DeliveredValue): Buffer {
  const [first, ...others] = filters;
  if (first === undefined) return bytesOf(value);
  const isBytes = first === "base64";
  const given = isBytes ? bytesOf(value).toString("base64") : textOf(value);
  if (given === undefined)
    throw refusedAt(place, "the value isn't text", "Write it without a filter, or with | base64.");
  let text: string = given;
  for (const filter of isBytes ? others : filters) {
    const escaped: Escaped =
      filter === "base64" ? { text: Buffer.from(text).toString("base64") } : ESCAPES[filter](text);
    if ("problem" in escaped) {
      throw refusedAt(place, `the value ${escaped.problem}`, "Choose another filter. Nothing was written.");
    }
    text = escaped.text;
  }
  return Buffer.from(text);
}

function referenceAt(place: Place, text: string): Reference {
  try {
    return parseReference(text);
  } catch (error) {
    if (!isCoffreError(error)) throw error;
    throw new CoffreError(error.code, `${placeText(place)}: ${error.problem}`, { hint: FORM, details: { ...place } });
  }
}

function filterAt(place: Place, word: string): Filter {
  const found = FILTERS.find((name) => name === word);
  if (found !== undefined) return found;
  const shown = /^[a-z0-9]{1,20}$/.test(word) ? ` ${word}` : " of that name";
  throw refusedAt(place, `there is no filter${shown}`, `There are ${FILTERS.join(", ")}.`);
}
