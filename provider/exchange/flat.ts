import type { FieldType } from "../core/field.js";
import { currentOf, type ExchangeEntry, type ExchangeNote, pathText } from "./entry.js";

/** One value in force of an entry, for formats that have names and values and nothing else. */
export interface FlatValue {
  entry: ExchangeEntry;
  /** `username`, `url`, or a field's name; `password` among them. */
  key: string;
  type: FieldType;
  /** Of a file its bytes in base64. */
  text: string;
}

/** What of entries is in force, in their order, and what has no place in such a format. */
export function flatten(entries: readonly ExchangeEntry[]): { values: FlatValue[]; notes: ExchangeNote[] } {
  const notes: ExchangeNote[] = [];
  const values = entries.flatMap((entry): FlatValue[] => {
    const where = pathText(entry.path);
    if (entry.description !== undefined)
      notes.push({ where, field: "description", what: "this format has no place for it" });
    if (entry.tags.length > 0) notes.push({ where, field: "tags", what: "this format has no place for them" });
    const texts = (["username", "url"] as const).flatMap((key): FlatValue[] => {
      const text = entry[key];
      return text === undefined || text === "" ? [] : [{ entry, key, type: "text", text }];
    });
    const current = entry.values.flatMap(({ field }): FlatValue[] => {
      const found = currentOf(entry, field);
      return found === undefined ? [] : [{ entry, key: field, type: found.type, text: found.value.reveal() }];
    });
    if (current.length === 0) notes.push({ where, what: "it has no value" });
    return [...texts, ...current];
  });
  return { values, notes };
}
