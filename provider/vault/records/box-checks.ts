import { checkEmailAddress } from "../../core/email.js";
import { CoffreError } from "../../core/errors.js";
import { parseInstant } from "../../core/instant.js";
import type { BoxRow } from "./box-rows.js";

/** Recipients and managers of one box, each. */
const MOST_ADDRESSES = 1_000;
const LONGEST_TEXT = 4_000;
const LONGEST_PHONE = 40;
const FILE_TYPE = /^[a-z0-9][a-z0-9+-]{0,15}$/;

/** Each once, in the order given. @throws CoffreError INVALID_INPUT */
export function plainAddresses(field: string, addresses: readonly string[]): string[] {
  if (addresses.length > MOST_ADDRESSES)
    throw invalid(field, `has ${addresses.length} addresses, more than ${MOST_ADDRESSES}`);
  return [...new Set(addresses.map((address) => checkEmailAddress(field, address)))];
}

/** A box whose fields fit together, its times as they are kept. @throws CoffreError INVALID_INPUT with `details.field` */
export function checkBox(row: BoxRow): BoxRow {
  if (row.description !== undefined) checkText("description", row.description);
  if (row.expiresAt !== undefined) row.expiresAt = parseInstant("expiresAt", row.expiresAt);
  if (row.archivesAt !== undefined) row.archivesAt = parseInstant("archivesAt", row.archivesAt);
  const { expiresAt, archivesAt } = row;
  if (expiresAt !== undefined && archivesAt !== undefined && archivesAt < expiresAt) {
    throw invalid("archivesAt", "is before expiresAt: a box is archived once nobody deposits in it any more");
  }
  for (const field of ["maxFileBytes", "maxBytes", "keepDays"] as const) {
    const value = row[field];
    if (value !== undefined && (!Number.isSafeInteger(value) || value < 1))
      throw invalid(field, "isn't a whole number above 0");
  }
  for (const type of row.fileTypes ?? []) {
    if (!FILE_TYPE.test(type)) throw invalid("fileTypes", "has one that isn't an ending in lower case, such as pdf");
  }
  for (const phone of row.phones) {
    if (phone.length > LONGEST_PHONE || /\p{Cc}/u.test(phone))
      throw invalid("phones", "has one that is no telephone number");
  }
  return row;
}

/** @throws CoffreError INVALID_INPUT for a text that is too long, or isn't one */
export function checkText(field: string, text: string): string {
  if (text.length > LONGEST_TEXT) throw invalid(field, `has more than ${LONGEST_TEXT} characters`);
  if (!text.isWellFormed() || text.includes("\0")) throw invalid(field, "isn't a text");
  return text;
}

function invalid(field: string, problem: string): CoffreError {
  return new CoffreError("INVALID_INPUT", `${field} ${problem}`, { details: { field } });
}
