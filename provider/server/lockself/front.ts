import type { FastifyRequest } from "fastify";
import type { Clock } from "../../core/clock.js";
import type { CmsRecipient } from "../../core/cms.js";
import { CoffreError } from "../../core/errors.js";
import type { Caller } from "../app.js";
import { parseNumber } from "./bodies.js";
import type { EntryNumbers, NumberedKind } from "./entry-numbers.js";
import type { Exports } from "./export/exports.js";
import type { ListStyle } from "./lists.js";
import type { NamedPolicies } from "./policies/named-policies.js";
import type { Transfers } from "./transfers/transfers.js";

/**
 * The one organisation of a server: LockSelf's clients name it at exports and logs, and on an instance of one organisation
 * it is 1 (assumption: seen in one client's code).
 */
export const ORGANIZATION_ID = 1;

/** The id that stands for no category: what stands at the root of the vault. LockSelf itself has no such place. */
export const ROOT_NUMBER = 0;

/** How the front answers where LockSelf's own ways differ, or aren't known. */
export interface LockselfStyle {
  /** Default `sample`. */
  lists?: ListStyle;
  /** Where clients reach this server, for absolute links: `https://vault.example`. Default: as the request came. */
  publicUrl?: string;
  /** An export is a CMS message to these certificates, instead of a zip with a password. */
  exportCertificates?: readonly CmsRecipient[];
}

/** What all requests share. */
export interface LockselfFront {
  clock: Clock;
  numbers: EntryNumbers;
  policies: NamedPolicies;
  exports: Exports;
  transfers: Transfers;
  style: Required<Pick<LockselfStyle, "lists">> & LockselfStyle;
}

/** One request of somebody who was let in. */
export interface Call extends Caller {
  front: LockselfFront;
  request: FastifyRequest;
  params: Readonly<Record<string, string>>;
  query: unknown;
  body: unknown;
}

/** What a route answers: a body as JSON, or nothing. */
export interface Answer {
  status: 200 | 201 | 204;
  body?: unknown;
}

export type Handler = (call: Call) => Promise<Answer>;

/** @param what for example `credential 12` */
export function notThere(what: string): CoffreError {
  return new CoffreError("NOT_FOUND", `There is no ${what}, or it isn't shared with you`);
}

/** @param what the right that is missing, as the end of a sentence */
export function notAllowed({ principal }: Call, what: string): CoffreError {
  return new CoffreError("FORBIDDEN", `${principal.name} may not ${what}`, {
    hint: "An administrator, or a manager of the category, can give the right.",
  });
}

/**
 * The vault's id of what a path or a body names by its number.
 * @param word for messages: `credential`
 * @throws CoffreError NOT_FOUND
 */
export async function requireId(
  { front }: Call,
  kind: NumberedKind,
  word: string,
  given: string | number | undefined,
): Promise<string> {
  const number = typeof given === "number" ? given : parseNumber(given);
  const id = await front.numbers.idOf(kind, number);
  // What isn't a number isn't repeated: it may be anything.
  if (id === undefined) throw notThere(number === undefined ? word : `${word} ${number}`);
  return id;
}

/**
 * The vault's id of the category that a number names; `null` is the root.
 * @throws CoffreError NOT_FOUND also for one that the caller may not see
 */
export async function requireCategoryId(call: Call, given: string | number | undefined): Promise<string | null> {
  if (Number(given) === ROOT_NUMBER) return null;
  const id = await requireId(call, "ct_", "category", given);
  if (!call.rights.maySee(id)) throw notThere(`category ${given}`);
  return id;
}

/** @throws CoffreError NOT_FOUND for any but the one organisation: a stranger learns nothing about others */
export function checkOrganization(given: number | undefined): void {
  if (given === undefined || given === ORGANIZATION_ID) return;
  throw notThere(`organization ${given}`);
}

/** A number as the list of the vendor's sample writes a category's. */
export function numberText(number: number): string {
  return String(number);
}
