import { checkEmailAddress, eachAddressOnce } from "./email.js";
import { CoffreError } from "./errors.js";
import { parseInstant } from "./instant.js";

/** Recipients and managers of one box, each. */
const MOST_ADDRESSES = 1_000;
const LONGEST_TEXT = 4_000;
const LONGEST_PHONE = 40;
const FILE_TYPE = /^[a-z0-9][a-z0-9+-]{0,15}$/;

/** What is said of a drop-box besides its place and its people; each as in the vault's port. */
export interface BoxFacts {
  description?: string;
  expiresAt?: string;
  archivesAt?: string;
  maxFileBytes?: number;
  maxBytes?: number;
  keepDays?: number;
  fileTypes?: readonly string[];
  phones?: readonly string[];
}

/**
 * Each once, in the order given, as {@link checkEmailAddress} keeps it; of two spellings the first.
 * @throws CoffreError INVALID_INPUT that counts from 1
 */
export function plainAddresses(field: string, addresses: readonly string[]): string[] {
  if (addresses.length > MOST_ADDRESSES)
    throw invalid(field, `has ${addresses.length} addresses, more than ${MOST_ADDRESSES}`);
  const plain = addresses.map((address, index) => checkEmailAddress(`Number ${index + 1} of ${field}`, address, field));
  return eachAddressOnce(plain);
}

/** Facts that fit together, with their times in UTC, as they are kept. @throws CoffreError INVALID_INPUT with `details.field` */
export function checkBoxFacts<Facts extends BoxFacts>(given: Facts): Facts {
  const facts = { ...given };
  if (facts.description !== undefined) checkBoxText("description", facts.description);
  if (facts.expiresAt !== undefined) facts.expiresAt = parseInstant("expiresAt", facts.expiresAt);
  if (facts.archivesAt !== undefined) facts.archivesAt = parseInstant("archivesAt", facts.archivesAt);
  const { expiresAt, archivesAt } = facts;
  if (expiresAt !== undefined && archivesAt !== undefined && archivesAt < expiresAt) {
    throw invalid("archivesAt", "is before expiresAt: a box is archived once nobody deposits in it any more");
  }
  for (const field of ["maxFileBytes", "maxBytes", "keepDays"] as const) {
    const value = facts[field];
    if (value !== undefined && (!Number.isSafeInteger(value) || value < 1))
      throw invalid(field, "isn't a whole number above 0");
  }
  for (const type of facts.fileTypes ?? []) {
    if (!FILE_TYPE.test(type)) throw invalid("fileTypes", "has one that isn't an ending in lower case, such as pdf");
  }
  for (const phone of facts.phones ?? []) {
    if (phone.length > LONGEST_PHONE || /\p{Cc}/u.test(phone))
      throw invalid("phones", "has one that is no telephone number");
  }
  return facts;
}

/** What a person is to read, of a box or a deposit. @throws CoffreError INVALID_INPUT for a text that is too long, or isn't one */
export function checkBoxText(field: string, text: string): string {
  if (text.length > LONGEST_TEXT) throw invalid(field, `has more than ${LONGEST_TEXT} characters`);
  if (!text.isWellFormed() || text.includes("\0")) throw invalid(field, "isn't a text");
  return text;
}

function invalid(field: string, problem: string): CoffreError {
  return new CoffreError("INVALID_INPUT", `${field} ${problem}`, { details: { field } });
}
