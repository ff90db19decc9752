import { stringify } from "csv-stringify/sync";

/** The first line of LockSelf's default format for passwords, to the letter. Source: the vendor's help page on imports. */
export const LOCKSELF_CSV_COLUMNS = [
  "Name",
  "URL",
  "Username",
  "Password",
  "Category/SubCategory",
  "Tags",
  "Description",
  "Opt1",
  "Opt2",
  "Opt3",
  "Totp",
] as const;

/** Semicolons, and quotes also around what a reader could trim. */
export const LOCKSELF_CSV_FORM = { delimiter: ";", quoted_match: /[\r\t]|^\s|\s$/ } as const;

export type LockselfCsvRow = Record<(typeof LOCKSELF_CSV_COLUMNS)[number], string>;

/**
 * Writes LockSelf's default format: UTF-8, semicolons, quotes where a value needs them. Values are written as they are: one
 * that a spreadsheet takes for a formula stays one, since a password that was changed for its sake would be none.
 */
export function writeLockselfCsv(rows: readonly LockselfCsvRow[]): Buffer {
  return Buffer.from(
    stringify([...rows], { header: true, columns: [...LOCKSELF_CSV_COLUMNS], ...LOCKSELF_CSV_FORM }),
    "utf8",
  );
}
