import { ESCAPES } from "../core/escape.js";
import { type ExchangeEntry, type ExchangeNote, pathText } from "./entry.js";
import { flatten } from "./flat.js";
import { TakenNames } from "./taken-names.js";

/**
 * A line for each value: `DATABASES_ORDERS_APP_PASSWORD='…'`.
 * @throws CoffreError INVALID_INPUT if two would have one name
 */
export function writeDotenv(entries: readonly ExchangeEntry[]): { bytes: Buffer; notes: ExchangeNote[] } {
  const { values, notes } = flatten(entries);
  const taken = new TakenNames();
  const lines = values.flatMap(({ entry: { path }, key, type, text }) => {
    const where = pathText(path);
    const name = taken.take(variableName([...path, key]), `${where} ${key}`);
    if (type === "file") notes.push({ where, field: key, what: "its bytes are in base64" });
    const escaped = ESCAPES.dotenv(text);
    if ("text" in escaped) return [`${name}=${escaped.text}\n`];
    notes.push({ where, field: key, what: `it isn't in the file: it ${escaped.problem}` });
    return [];
  });
  return { bytes: Buffer.from(lines.join("")), notes };
}

function variableName(words: readonly string[]): string {
  const name = words
    .join("_")
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .replaceAll(/[^A-Za-z0-9]+/g, "_")
    .toUpperCase();
  return /^[0-9]/.test(name) ? `_${name}` : name;
}
