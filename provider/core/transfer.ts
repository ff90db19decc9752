import { randomBytes } from "node:crypto";
import { checkBoxText } from "./drop-box.js";
import { CoffreError } from "./errors.js";
import { parseInstant } from "./instant.js";
import { Secret } from "./secret.js";

/** How long a transfer is open where nothing else is said. */
export const DEFAULT_TRANSFER_DAYS = 7;
/** A day, in milliseconds. */
export const DAY_MS = 86_400_000;
/** How far ahead a transfer may expire. */
export const LONGEST_TRANSFER_DAYS = 366;

const LONGEST_FROM = 200;
/** How often each file of a transfer may be downloaded, where that is limited at all. */
export const MOST_DOWNLOADS = 10_000;
const SHORTEST_PASSWORD = 8;
const LONGEST_PASSWORD = 1_024;
/** 32 bytes in Bech32. */
const RECIPIENT = /^age1[02-9ac-hj-np-z]{58}$/;
const DRAWN_BYTES = 15; // 120 bits, 20 characters

/** What is said of a transfer besides its place, its files and whom it is for; each as in the vault's port. */
export interface TransferFacts {
  from?: string;
  message?: string;
  expiresAt?: string;
  maxDownloads?: number;
  encryptedFor?: string;
}

/**
 * Facts as they are kept: the sender's name without blanks at its ends, the time in UTC.
 * @param now against which `expiresAt` is held; missing for a time that was accepted before
 * @param called what a message calls a fact, where whoever gave it knows it by another name
 * @throws CoffreError INVALID_INPUT with `details.field`
 */
export function checkTransferFacts<Facts extends TransferFacts>(
  given: Facts,
  now: Date | undefined,
  called: Readonly<Record<string, string>> = {},
): Facts {
  const facts = { ...given };
  const nameOf = (field: keyof TransferFacts) => called[field] ?? field;
  if (facts.from !== undefined) facts.from = checkFrom(nameOf("from"), facts.from);
  if (facts.message !== undefined) checkBoxText(nameOf("message"), facts.message);
  if (facts.expiresAt !== undefined) facts.expiresAt = checkExpiry(nameOf("expiresAt"), facts.expiresAt, now);
  const { maxDownloads } = facts;
  const isCount = Number.isInteger(maxDownloads) && Number(maxDownloads) >= 1 && Number(maxDownloads) <= MOST_DOWNLOADS;
  if (maxDownloads !== undefined && !isCount)
    throw invalid(
      nameOf("maxDownloads"),
      `isn't a whole number from 1 to ${MOST_DOWNLOADS.toLocaleString("en")}`,
      "Leave it out for any number of downloads.",
    );
  if (facts.encryptedFor !== undefined && !RECIPIENT.test(facts.encryptedFor))
    throw invalid("encryptedFor", "isn't an X25519 recipient of age");
  return facts;
}

/**
 * @param called what the message calls it, and the hint what to do
 * @throws CoffreError INVALID_INPUT for one that is too short or too long; nothing of it is in the message
 */
export function checkTransferPassword(
  password: Secret,
  called = "password",
  hint = "Whoever has the link has ten tries: draw one, and tell it by another way than the link.",
): void {
  const { length } = password.reveal();
  if (length >= SHORTEST_PASSWORD && isPasswordLength(length)) return;
  const problem = `${called} has fewer than ${SHORTEST_PASSWORD} or more than ${LONGEST_PASSWORD} characters`;
  throw new CoffreError("INVALID_INPUT", problem, { hint, details: { field: "password" } });
}

/** A limit of downloads for people. */
export function downloadsText(maxDownloads: number): string {
  return `${maxDownloads} ${maxDownloads === 1 ? "download" : "downloads"} of each file`;
}

/** A password that is drawn, to be told by another way than the link. */
export function newTransferPassword(): Secret {
  return new Secret(randomBytes(DRAWN_BYTES).toString("base64url"));
}

/** False for what is too long to be anybody's password. @param length characters */
export function isPasswordLength(length: number): boolean {
  return length <= LONGEST_PASSWORD;
}

function checkExpiry(called: string, text: string, now: Date | undefined): string {
  const expiresAt = parseInstant(called, text);
  const ahead = now === undefined ? 1 : Date.parse(expiresAt) - now.getTime();
  if (ahead > 0 && ahead <= LONGEST_TRANSFER_DAYS * DAY_MS) return expiresAt;
  const hint = `Give a time that is still to come, and at most ${LONGEST_TRANSFER_DAYS} days from now.`;
  throw invalid(called, `isn't within the next ${LONGEST_TRANSFER_DAYS} days`, hint);
}

function checkFrom(called: string, from: string): string {
  if (from.trim() !== "" && from.length <= LONGEST_FROM && !/\p{Cc}/u.test(from))
    return checkBoxText(called, from.trim());
  throw invalid(
    called,
    `isn't one line of at most ${LONGEST_FROM} characters`,
    "Give the name by which receivers know who sends.",
  );
}

function invalid(field: string, problem: string, hint?: string): CoffreError {
  const options = { details: { field }, ...(hint === undefined ? {} : { hint }) };
  return new CoffreError("INVALID_INPUT", `${field} ${problem}`, options);
}
