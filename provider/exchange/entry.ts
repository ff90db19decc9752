import type { FieldType } from "../core/field.js";
import type { Secret } from "../core/secret.js";

/** One entry on its way between a vault and a file, or between two vaults. */
export interface ExchangeEntry {
  /** Where it comes from, for people: `line 17`, `Databases/orders-app`. */
  origin: string;
  /** Names of its categories and, last, its own. */
  path: string[];
  username?: string;
  url?: string;
  description?: string;
  tags: string[];
  /** The password, by the field `password`, and the fields. */
  values: ExchangeValue[];
}

/** All that a field has held. */
export interface ExchangeValue {
  field: string;
  /** Oldest first; at least one. */
  versions: ExchangeVersion[];
  /** Whether the last one is in force; otherwise the field has only earlier ones. */
  isCurrent: boolean;
}

export interface ExchangeVersion {
  type: FieldType;
  value: Secret;
  /** When it came into force, ISO 8601, UTC, where that is known. */
  at?: string;
}

/** Something that is held otherwise than it was, or not at all. Never a value. */
export interface ExchangeNote {
  /** `line 17`, or a path. */
  where: string;
  /** A field, or a column of the file. */
  field?: string;
  /** What becomes of it, as a clause: `2 earlier versions aren't in it`. */
  what: string;
}

/** What a file holds, and what is wrong with it. */
export interface ExchangeFile {
  entries: ExchangeEntry[];
  /** Descriptions of categories, by their path as one text. */
  categories: { path: string[]; description: string }[];
  /** What had to be changed or left out. */
  notes: ExchangeNote[];
  /** What can't be taken: nothing is imported while there is one. */
  problems: ExchangeNote[];
}

/** A file without anything in it yet. */
export function newExchangeFile(): ExchangeFile {
  return { entries: [], categories: [], notes: [], problems: [] };
}

/** A path as one text. No name has a slash. */
export function pathText(path: readonly string[]): string {
  return path.join("/");
}

/** The value in force of a field. */
export function currentOf({ values }: ExchangeEntry, field: string): ExchangeVersion | undefined {
  const found = values.find((value) => value.field === field);
  return found?.isCurrent === true ? found.versions.at(-1) : undefined;
}

/** `2 earlier versions`, `1 earlier version`. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${String(number)} ${number === 1 ? one : many}`;
}
