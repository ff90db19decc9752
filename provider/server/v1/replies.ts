import { createHash } from "node:crypto";
import type { Clock } from "../../core/clock.js";
import { CoffreError } from "../../core/errors.js";

/** How long the outcome of a change is remembered; a client asks again for a shorter time. */
const KEPT_MS = 5 * 60_000;

interface Reply {
  /** Digest of what was asked for, so that one id never stands for two changes. */
  asked: string;
  outcome: Promise<string>;
  atMs: number;
}

/**
 * Carries out each change once, however often it arrives: a client that got no answer sends it again under the same id and gets
 * the first one's outcome. What failed has changed nothing, and may be tried anew.
 */
export class Replies {
  readonly #clock: Clock;
  readonly #replies = new Map<string, Reply>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * @param id the caller's own for this change
   * @param body what was asked for, as it arrived
   * @throws what `work` throws; CoffreError CONFLICT if the id stands for another change already
   */
  async once(id: string, body: string, work: () => Promise<string>): Promise<string> {
    this.#forgetOld();
    const asked = createHash("sha256").update(body).digest("base64");
    const known = this.#replies.get(id);
    if (known) {
      if (known.asked === asked) return known.outcome;
      throw new CoffreError("CONFLICT", "Another change was sent under this id", {
        hint: "Give each change an id of its own.",
      });
    }
    const outcome = work();
    this.#replies.set(id, { asked, outcome, atMs: this.#clock.monotonicMs() });
    try {
      return await outcome;
    } catch (error) {
      this.#replies.delete(id);
      throw error;
    }
  }

  #forgetOld(): void {
    const oldest = this.#clock.monotonicMs() - KEPT_MS;
    for (const [id, { atMs }] of this.#replies) {
      if (atMs > oldest) return; // in the order in which they came
      this.#replies.delete(id);
    }
  }
}
