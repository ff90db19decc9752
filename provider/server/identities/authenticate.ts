import type { Clock } from "../../core/clock.js";
import { CoffreError } from "../../core/errors.js";
import { hasPassed } from "../../core/instant.js";
import { notAuthenticated } from "../failures.js";
import type { Principal, Rights } from "../principal.js";
import type { RightsBook } from "../rights.js";
import type { Tokens } from "./tokens.js";

/** How many wrong secrets one token's id bears, and how long it is refused then. */
export const LOCK = { failures: 10, withinMinutes: 15, minutes: 15 } as const;
/** More ids with failures than this are not remembered: they are forgotten together. */
const MOST_REMEMBERED = 10_000;

/** Finds out whose a token is. */
export class Authenticator {
  readonly #tokens: Tokens;
  readonly #rights: RightsBook;
  readonly #clock: Clock;
  /** Times of wrong secrets, by the token's id. */
  readonly #failures = new Map<string, number[]>();

  constructor(tokens: Tokens, rights: RightsBook, clock: Clock) {
    this.#tokens = tokens;
    this.#rights = rights;
    this.#clock = clock;
  }

  /**
   * Whose token this is, and what they may do.
   * @throws HttpFailure 401 for one that is missing, wrong, expired or revoked, or whose user is gone or has expired;
   * CoffreError LOCKED after {@link LOCK}.failures wrong secrets, also for the right one
   */
  async authenticate(text: string | undefined): Promise<{ principal: Principal; rights: Rights }> {
    const found = text === undefined ? undefined : this.#tokens.find(text);
    // Failures are noted of tokens that there are only: who guesses ids fills no memory.
    if (!found) throw notAuthenticated();
    const { user: name, userId, role, id: tokenId } = found.token;
    this.#refuseLocked(tokenId);
    if (!found.isRight) {
      this.#noteFailure(tokenId);
      throw notAuthenticated();
    }
    if (!found.isInForce) throw notAuthenticated();
    this.#failures.delete(tokenId);
    if (userId === undefined) {
      if (role !== "administrator") throw notAuthenticated();
      const administrator: Principal = { id: tokenId, name, role, tokenId };
      return { principal: administrator, rights: (await this.#rights.now()).of(administrator) };
    }
    const now = await this.#rights.now();
    const user = now.user(userId);
    if (!user || hasPassed(user.expiresAt, this.#clock.now())) throw notAuthenticated();
    const principal: Principal = { id: userId, name: user.name, role, tokenId };
    return { principal, rights: now.of(principal) };
  }

  /** Which token this is, if it is a good one; nothing is noted of one that isn't. */
  tokenId(text: string): string | undefined {
    const found = this.#tokens.find(text);
    return found?.isRight === true && found.isInForce ? found.token.id : undefined;
  }

  #refuseLocked(id: string): void {
    const times = this.#recent(id);
    if (times.length < LOCK.failures) return;
    throw new CoffreError(
      "LOCKED",
      `The token is locked for ${LOCK.minutes} minutes: wrong ones of its id were given`,
      {
        hint: "Wait, or revoke it and make a new one: `coffre token create`.",
      },
    );
  }

  #noteFailure(id: string): void {
    if (this.#failures.size >= MOST_REMEMBERED) this.#failures.clear();
    this.#failures.set(id, [...this.#recent(id), this.#clock.now().getTime()].slice(-LOCK.failures));
  }

  #recent(id: string): number[] {
    const since = this.#clock.now().getTime() - LOCK.withinMinutes * 60_000;
    return (this.#failures.get(id) ?? []).filter((time) => time > since);
  }
}

/** The token of `Authorization: Bearer …`, whatever the case of the scheme (RFC 9110, 11.1). */
export function bearerToken(header: string | undefined): string | undefined {
  return /^bearer +(\S+) *$/i.exec(header ?? "")?.[1];
}
