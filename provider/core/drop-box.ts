import { checkEmailAddress, eachAddressOnce } from "./email.js";
import { CoffreError } from "./errors.js";
import { parseInstant } from "./instant.js";

/** Recipients and managers of one box, each. */
const MOST_ADDRESSES = 1_000;
const LONGEST_TEXT = 4_000;
const LONGEST_PHONE = 40;
/** A hundred years. */
const MOST_KEEP_DAYS = 36_500;
/** All but tab, line feed and carriage return. */
const CONTROL = /[^\P{Cc}\t\n\r]/u;
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

/** Facts that are held against each other stand together. */
const FITTING: readonly (readonly (keyof BoxFacts)[])[] = [
  ["description"],
  ["expiresAt", "archivesAt"],
  ["maxFileBytes", "maxBytes"],
  ["keepDays"],
  ["fileTypes"],
  ["phones"],
];

/**
 * Each once, in the order given, as {@link checkEmailAddress} keeps it; of two spellings the first.
 * @throws CoffreError INVALID_INPUT that counts from 1
 */
export function plainAddresses(field: string, addresses: readonly string[]): string[] {
  if (addresses.length > MOST_ADDRESSES)
    throw invalid(field, `has ${addresses.length} addresses, more than ${MOST_ADDRESSES}`, "Split it into several.");
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
    const problem = "is before expiresAt: a box is archived once nobody deposits in it any more";
    throw invalid("archivesAt", problem, "Give a later archivesAt, or an earlier expiresAt.");
  }
  refuseSizes(facts);
  const { fileTypes = [], phones = [] } = facts;
  for (const [index, type] of fileTypes.entries()) {
    if (FILE_TYPE.test(type)) continue;
    const problem = `Number ${index + 1} of fileTypes isn't an ending in lower case`;
    throw refused("fileTypes", problem, "Write it without a dot, as names end: pdf, xlsx, txt.");
  }
  for (const [index, phone] of phones.entries()) {
    if (phone.length <= LONGEST_PHONE && !/\p{Cc}/u.test(phone)) continue;
    const hint = `Write it on one line of at most ${LONGEST_PHONE} characters.`;
    throw refused("phones", `Number ${index + 1} of phones is no telephone number`, hint);
  }
  return facts;
}

/** The facts that a change touches, each with those that it has to fit: what was taken once doesn't stand in the way of others. */
export function touchedFacts(row: BoxFacts, patch: object): BoxFacts {
  const touched = FITTING.filter((fields) => fields.some((field) => field in patch)).flat();
  const given = touched.filter((field) => row[field] !== undefined).map((field) => [field, row[field]]);
  return Object.fromEntries(given) as BoxFacts; // each is the row's own
}

/** What somebody typed, without what {@link checkBoxText} refuses: programs for texts keep page ends and line ends of their own in it. */
export function typedText(text: string): string {
  return text
    .replace(/\r\n|[\v\f\u0085]/g, "\n")
    .replace(new RegExp(CONTROL, "gu"), "")
    .trim();
}

function refuseSizes(facts: BoxFacts): void {
  for (const field of ["maxFileBytes", "maxBytes"] as const) {
    refuseNumber(field, facts[field], Number.MAX_SAFE_INTEGER, "It counts bytes: 20_000_000 are 20 MB.");
  }
  refuseNumber(
    "keepDays",
    facts.keepDays,
    MOST_KEEP_DAYS,
    "Leave it out to keep deposits until somebody deletes them.",
  );
  const { maxFileBytes, maxBytes } = facts;
  if (maxFileBytes === undefined || maxBytes === undefined || maxFileBytes <= maxBytes) return;
  const problem = "is larger than maxBytes: no file of that size would find room";
  throw invalid("maxFileBytes", problem, "maxBytes is for all files of the box together: give it more.");
}

function refuseNumber(field: string, value: number | undefined, most: number, hint: string): void {
  if (value === undefined || (Number.isInteger(value) && value >= 1 && value <= most)) return;
  const isTooLarge = value > most;
  throw invalid(field, isTooLarge ? `is more than ${most.toLocaleString("en")}` : "isn't a whole number above 0", hint);
}

/** What a person is to read, of a box or a deposit. @throws CoffreError INVALID_INPUT for a text that is too long, or isn't one */
export function checkBoxText(field: string, text: string): string {
  const { length } = text;
  if (length > LONGEST_TEXT)
    throw invalid(field, `has more than ${LONGEST_TEXT} characters`, `Shorten it: it has ${length}.`);
  if (!text.isWellFormed()) throw invalid(field, "isn't whole Unicode: it has half a character", "Write it anew.");
  if (CONTROL.test(text)) throw invalid(field, "has a control character", "Only line breaks and tabs may stand in it.");
  return text;
}

function invalid(field: string, problem: string, hint: string): CoffreError {
  return refused(field, `${field} ${problem}`, hint);
}

function refused(field: string, problem: string, hint: string): CoffreError {
  return new CoffreError("INVALID_INPUT", problem, { hint, details: { field } });
}
