import type { FastifyRequest } from "fastify";
import type { Clock } from "../../../core/clock.js";
import { isSameAddress } from "../../../core/email.js";
import { isCoffreError } from "../../../core/errors.js";
import type { DropBox, Vault } from "../../../vault/port.js";
import type { SharedVault } from "../../../vault/records/record-vault.js";
import { HttpFailure } from "../../failures.js";
import { PageFailure } from "../failures.js";
import type { Language, Locale } from "../../html/locale.js";
import type { OneTimeCodes, Person } from "../codes.js";
import { preferredLanguage } from "../language.js";
import type { PageStyle } from "../style.js";
import type { Visit, Visits } from "../visits.js";
import { blockedText } from "./states.js";
import { wordsIn } from "./words.js";
import type { BoxWords } from "./words-en.js";

/** What all requests to pages of drop-boxes share. */
export interface BoxPages {
  vault: SharedVault;
  clock: Clock;
  style: PageStyle;
  visits: Visits;
  codes: OneTimeCodes;
  /** Whether codes reach anybody. */
  sendsMail: boolean;
  /** Mail was booked: it needn't wait for the next look at the outbox. */
  wake: () => void;
  /** Told of what went wrong in the server itself. */
  complain: (error: unknown) => void;
}

/** What a person may do in a box: managers everything, recipients what the box gives them. */
export type BoxRole = "manager" | "recipient";

/** A request to a box by whoever it is. */
export interface BoxRequest {
  pages: BoxPages;
  box: DropBox;
  /** `/boxes/bx_…`: the box's page, and where its cookie goes. */
  place: string;
  visit: Visit | undefined;
  /** The visit was over since nothing had happened for too long. */
  wasIdle: boolean;
  language: Language;
  locale: Locale;
  words: BoxWords;
}

/** A request of somebody who is signed in. */
export interface Guest extends BoxRequest {
  visit: Visit;
  /** As the box has it. */
  address: string;
  role: BoxRole;
  /** The vault in that person's name. */
  vault: Vault;
}

/** The page of a box, or of a deposit in it, without the server's address. */
export function placeOf(boxId: string, depositId?: string): string {
  return `/boxes/${boxId}${depositId === undefined ? "" : `/deposits/${depositId}`}`;
}

/** What a request is about. @throws HttpFailure 404 for a box that isn't there */
export async function boxRequest(pages: BoxPages, request: FastifyRequest): Promise<BoxRequest> {
  const { boxId = "" } = request.params as Record<string, string | undefined>;
  const language = preferredLanguage(request.headers["accept-language"], pages.style.language);
  if (!boxId.startsWith("bx_")) throw noSuchPage();
  const box = await pages.vault.boxes.readBox(boxId).catch((error: unknown) => {
    throw isCoffreError(error, "NOT_FOUND") ? noSuchPage() : error;
  });
  const place = placeOf(box.id);
  const locale = { language, timeZone: pages.style.timeZone };
  return { pages, box, place, language, locale, words: wordsIn(language), ...pages.visits.of(request, place) };
}

/** Who is signed in, as the box's people are now; `undefined` for nobody. */
export function guestOf(request: BoxRequest, ip: string): Guest | undefined {
  const { pages, box, visit, place } = request;
  if (visit?.who === undefined) return undefined;
  const entry = entryOf(box, visit.who);
  if (!entry || pages.codes.hasEnded({ place, address: entry.address }, visit.id)) return undefined;
  return { ...request, visit, ...entry, vault: pages.vault.actingAs(entry.address, ip, () => false) };
}

/** @throws PageFailure 401, or 403 for somebody whom only the box's being closed or archived keeps out */
export function requireGuest(request: BoxRequest, ip: string): Guest {
  const guest = guestOf(request, ip);
  if (guest) return guest;
  const { pages, box, visit, place, words, wasIdle } = request;
  const recipient = box.recipients.find((address) => visit?.who !== undefined && isSameAddress(address, visit.who));
  const blocked = blockedText(request);
  const isKnown = recipient !== undefined && !pages.codes.hasEnded({ place, address: recipient }, visit?.id ?? "");
  if (isKnown && blocked) throw new PageFailure(403, blocked);
  throw new PageFailure(401, { title: words.signIn, text: wasIdle ? words.wasIdle : words.signedOut });
}

/**
 * Whom an address that somebody typed lets in, whatever its capital letters. A closed or archived box has no recipients, and an expired
 * one lets them see what they have handed in.
 */
export function entryOf(box: DropBox, typed: string): { address: string; role: BoxRole } | undefined {
  const same = (address: string) => isSameAddress(address, typed);
  const manager = box.managers.find(same);
  if (manager !== undefined) return { address: manager, role: "manager" };
  const recipient = box.recipients.find(same);
  const isIn = box.status === "open" || box.status === "expired";
  return recipient !== undefined && isIn ? { address: recipient, role: "recipient" } : undefined;
}

export function personOf({ place, address }: Pick<Guest, "place" | "address">): Person {
  return { place, address };
}

/** A link that leads nowhere: the same for what never was, what was deleted, and what is somebody else's. */
export function noSuchPage(): HttpFailure {
  return new HttpFailure(404, "NOT_FOUND", "There is no such page", "Check that the link is whole.");
}

/** @returns the visit one of whose pages has sent the form. @throws HttpFailure 403 if none has */
export function requireOwnForm({ pages, visit }: BoxRequest, request: FastifyRequest, token: unknown): Visit {
  if (visit && pages.visits.isOwnForm(request, visit, token)) return visit;
  throw new HttpFailure(403, "FORBIDDEN", "The form isn't one of this visit's", "Load the page again.");
}
