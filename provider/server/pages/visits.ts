import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import "@fastify/cookie"; // declares `request.cookies`
import type { FastifyReply, FastifyRequest } from "fastify";
import * as z from "zod";
import type { Clock } from "../../core/clock.js";
import { open, seal } from "../../vault/embedded/seal.js";
import type { ServerKeys } from "../identities/keys.js";

const COOKIE = "coffre_visit";
/** Who is signed in and does nothing for so long is signed out. */
export const IDLE_MINUTES = 15;
/** However busy: after so long a new code is asked for. */
const LONGEST_MINUTES = 12 * 60;
/** Who isn't signed in: time to fetch a code from one's mail. */
const WAITING_MINUTES = 60;
/** A cookie is written anew when it is older. */
const FRESH_SECONDS = 30;

/** What a browser has in its cookie, sealed: it reads nothing of it, and changes nothing. */
const Visit = z.object({
  /** Random; another one once somebody has signed in. */
  id: z.string(),
  /** The address for which a code was asked, as it was typed. */
  asked: z.string().optional(),
  /** Wrong codes that were typed since then: told to whoever types them, whether there is a code or not. */
  tries: z.number().int().optional(),
  /** Who is signed in: an address as the vault has it. */
  who: z.string().optional(),
  /** Since when, and when last seen: ISO 8601. */
  since: z.string(),
  seen: z.string(),
});
export type Visit = z.infer<typeof Visit>;

export interface VisitsOptions {
  keys: Pick<ServerKeys, "cookie" | "page">;
  clock: Clock;
  secure: boolean;
}

/**
 * Visits of browsers to pages, each to one place such as `/boxes/bx_…`: a cookie that only this place gets and only this server
 * reads, so that a restart signs nobody out and nothing is kept of who only looks.
 */
export class Visits {
  readonly #options: VisitsOptions;

  constructor(options: VisitsOptions) {
    this.#options = options;
  }

  /** The visit that the request belongs to, and whether it was somebody's who was idle for too long. */
  of(request: FastifyRequest, place: string): { visit: Visit | undefined; wasIdle: boolean } {
    const sealed = request.cookies[COOKIE];
    const bytes = sealed === undefined ? undefined : open(this.#options.keys.cookie, boundTo(place), fromText(sealed));
    if (!bytes) return { visit: undefined, wasIdle: false };
    const visit = Visit.parse(JSON.parse(bytes.toString("utf8")));
    const idle = visit.who === undefined ? WAITING_MINUTES : IDLE_MINUTES;
    const isOver = this.#minutesSince(visit.seen) >= idle || this.#minutesSince(visit.since) >= LONGEST_MINUTES;
    return isOver ? { visit: undefined, wasIdle: visit.who !== undefined } : { visit, wasIdle: false };
  }

  /** A new one; of whoever `who` is, if it is given. It has to be {@link keep kept}. */
  begin(given: Pick<Visit, "who" | "asked"> = {}): Visit {
    const now = this.#options.clock.now().toISOString();
    return { id: randomBytes(16).toString("base64url"), ...given, since: now, seen: now };
  }

  /** Gives the browser its cookie. */
  keep(reply: FastifyReply, place: string, visit: Visit): void {
    void reply.header("set-cookie", this.#cookie(place, visit));
  }

  /** The cookie's line with the time of now, unless the browser has a fresh one. For answers that aren't fastify's. */
  renewal(place: string, visit: Visit): string | undefined {
    if (this.#minutesSince(visit.seen) * 60 < FRESH_SECONDS) return undefined;
    return this.#cookie(place, { ...visit, seen: this.#options.clock.now().toISOString() });
  }

  /** Takes the cookie away. */
  forget(reply: FastifyReply, place: string): void {
    void reply.header("set-cookie", `${this.#line(place, "")}; Max-Age=0`);
  }

  /** When the visit is over for good, however busy: a cookie that was copied is of no use after that. */
  endOf({ since }: Visit): string {
    return new Date(Date.parse(since) + LONGEST_MINUTES * 60_000).toISOString();
  }

  /** What each form of this visit carries: no other site can know it. */
  formToken({ id }: Visit): string {
    return createHmac("sha256", this.#options.keys.page).update(`form ${id}`).digest("base64url");
  }

  /**
   * True for a form that a page of this visit has sent. `Origin` says nothing here: it is `null` from pages that send no referrer.
   */
  isOwnForm(request: FastifyRequest, visit: Visit, token: unknown): boolean {
    const site = request.headers["sec-fetch-site"];
    if (site !== undefined && site !== "same-origin") return false;
    const [given, right] = [Buffer.from(typeof token === "string" ? token : ""), Buffer.from(this.formToken(visit))];
    return given.length === right.length && timingSafeEqual(given, right);
  }

  #cookie(place: string, visit: Visit): string {
    const sealed = seal(this.#options.keys.cookie, boundTo(place), Buffer.from(JSON.stringify(visit)));
    return this.#line(place, sealed.toString("base64url"));
  }

  /** Both are of our making: neither holds a character that would need escaping. */
  #line(place: string, value: string): string {
    const secure = this.#options.secure ? "; Secure" : "";
    return `${COOKIE}=${value}; Path=${place}; HttpOnly; SameSite=Strict${secure}`;
  }

  #minutesSince(instant: string): number {
    return (this.#options.clock.now().getTime() - Date.parse(instant)) / 60_000;
  }
}

function boundTo(place: string): string {
  return `coffre serve visit ${place}`;
}

function fromText(text: string): Uint8Array {
  return Buffer.from(text, "base64url");
}
