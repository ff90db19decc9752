import { createHmac, type KeyObject, randomInt, timingSafeEqual } from "node:crypto";
import * as z from "zod";
import type { Clock } from "../../core/clock.js";
import { hasPassed } from "../../core/instant.js";
import type { SealedRows } from "../sealed-rows.js";

/** The table in the server's file. */
export const PAGE_PERSON_TABLE = "page_person";

/** For how long a code is good. */
export const CODE_MINUTES = 10;
const DIGITS = 8;
/** Wrong ones that a code bears. */
export const MOST_TRIES = 5;
/** Codes for one person: so many in so many minutes. */
const MOST_CODES = [
  { codes: 5, minutes: 15 },
  { codes: 20, minutes: 24 * 60 },
] as const;
const DAY_MS = 24 * 60 * 60_000;

/** What is kept of one person at one place. */
export const PersonRow = z.object({
  /** Codes that are out, each for the one browser that asked for it. */
  codes: z.array(
    z.object({
      visit: z.string(),
      /** Base64 of the HMAC. */
      digest: z.string(),
      expiresAt: z.string(),
      tries: z.number().int(),
    }),
  ),
  /** When codes were asked for and not used, within a day. */
  asked: z.array(z.string()),
  /** Visits that ended by the person's own will before their time. */
  ended: z.array(z.object({ visit: z.string(), until: z.string() })),
});
export type PersonRow = z.infer<typeof PersonRow>;

/**
 * What became of a code that was typed: it was the right one, it counts against the one that is out, as its so manieth wrong one, or none
 * was out.
 */
export type CodeTry = { outcome: "right" | "none" } | { outcome: "wrong"; tries: number };

/** Somebody at a place: the address is one that the vault has, so that rows are as few as people. */
export interface Person {
  place: string;
  address: string;
}

/**
 * One-time codes, by which people show that mail to an address reaches them. A code is good once, for ten minutes, in the browser
 * that asked for it, and after five wrong ones for nothing; what is kept of it is an HMAC, in a sealed row.
 */
export class OneTimeCodes {
  readonly #rows: SealedRows<PersonRow>;
  readonly #key: KeyObject;
  readonly #clock: Clock;

  constructor(rows: SealedRows<PersonRow>, key: KeyObject, clock: Clock) {
    this.#rows = rows;
    this.#key = key;
    this.#clock = clock;
  }

  /** @returns a new code, to be sent by mail; `undefined` if this person asked for too many */
  async draw(person: Person, visit: string): Promise<string | undefined> {
    const now = this.#clock.now();
    const code = String(randomInt(10 ** DIGITS)).padStart(DIGITS, "0");
    let isDrawn = false;
    await this.#change(person, (row) => {
      isDrawn = MOST_CODES.every(
        ({ codes, minutes }) =>
          row.asked.filter((at) => Date.parse(at) > now.getTime() - minutes * 60_000).length < codes,
      );
      if (!isDrawn) return row;
      const expiresAt = new Date(now.getTime() + CODE_MINUTES * 60_000).toISOString();
      const others = row.codes.filter((other) => other.visit !== visit);
      const drawn = { visit, digest: this.#digest(person, visit, code), expiresAt, tries: 0 };
      return { ...row, codes: [...others, drawn], asked: [...row.asked, now.toISOString()] };
    });
    return isDrawn ? code : undefined;
  }

  /** The right code is used up by it. Each try counts before it is compared. */
  async use(person: Person, visit: string, code: string): Promise<CodeTry> {
    const digits = code.replaceAll(/\D/g, "");
    let tried: CodeTry = { outcome: "none" };
    await this.#change(person, (row) => {
      const known = row.codes.find((one) => one.visit === visit);
      if (!known || known.tries >= MOST_TRIES) return row;
      const isRight = timingSafeEqual(
        Buffer.from(known.digest, "base64"),
        Buffer.from(this.#digest(person, visit, digits), "base64"),
      );
      const others = row.codes.filter((one) => one !== known);
      const tries = known.tries + 1;
      tried = isRight ? { outcome: "right" } : { outcome: "wrong", tries };
      return isRight ? { ...row, codes: others, asked: [] } : { ...row, codes: [...others, { ...known, tries }] };
    });
    return tried;
  }

  /** Ends a visit for good: its cookie, were it copied, signs nobody in any more. */
  async end(person: Person, visit: string, until: string): Promise<void> {
    await this.#change(person, (row) => ({ ...row, ended: [...row.ended, { visit, until }] }));
  }

  hasEnded(person: Person, visit: string): boolean {
    return this.#rows.get(this.#id(person))?.ended.some((one) => one.visit === visit) ?? false;
  }

  async #change(person: Person, change: (row: PersonRow) => PersonRow): Promise<void> {
    const now = this.#clock.now();
    await this.#rows.put(this.#id(person), (row = { codes: [], asked: [], ended: [] }) =>
      change({
        codes: row.codes.filter(({ expiresAt }) => !hasPassed(expiresAt, now)),
        asked: row.asked.filter((at) => Date.parse(at) > now.getTime() - DAY_MS),
        ended: row.ended.filter(({ until }) => !hasPassed(until, now)),
      }),
    );
  }

  /** So that the file doesn't show who it is about. */
  #id({ place, address }: Person): string {
    return createHmac("sha256", this.#key).update(`person ${place} ${address}`).digest("base64url");
  }

  #digest({ place, address }: Person, visit: string, code: string): string {
    return createHmac("sha256", this.#key).update(`code ${place} ${visit} ${code} ${address}`).digest("base64");
  }
}
