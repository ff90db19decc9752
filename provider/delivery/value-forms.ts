import { textForms } from "../core/text-forms.js";

/** Shorter ones would turn half of an output into stars, and tell nothing. */
export const SHORTEST_VALUE = 4;
/** A part or an encoding of a value, which appears by accident sooner than the value itself. */
const SHORTEST_FORM = 8;

/**
 * The forms in which programs print a value: as it is, in JSON, in a URL, for a shell, in base64 wherever it begins in
 * what was encoded, in hexadecimal, and each line of one that has several.
 * @returns none for a value that is shorter than {@link SHORTEST_VALUE} bytes
 */
export function formsOf(value: Buffer): Buffer[] {
  if (value.length < SHORTEST_VALUE) return [];
  const text = value.toString("utf8");
  const isText = Buffer.from(text).equals(value);
  const lines = isText && /[\r\n]/.test(text) ? text.split(/\r?\n/) : [];
  const texts = [
    value.toString("hex"),
    value.toString("hex").toUpperCase(),
    ...[0, 1, 2].flatMap((offset) => base64At(value, offset)),
    ...(isText ? textForms(text) : []),
    ...lines.flatMap((line) => [line, ...textForms(line)]),
  ].filter((form) => form.length >= SHORTEST_FORM);
  return [value, ...[...new Set(texts)].filter((form) => form !== text).map((form) => Buffer.from(form))];
}

/** The characters that are the same whatever stands before and after the value, at one of three places in a group. */
function base64At(value: Buffer, offset: number): string[] {
  const bytes = Buffer.concat([Buffer.alloc(offset), value]);
  const first = Math.ceil((offset * 8) / 6);
  const last = Math.floor((bytes.length * 8) / 6);
  const text = bytes.toString("base64").slice(first, last);
  return [text, text.replaceAll("+", "-").replaceAll("/", "_")];
}
