import { createHash, randomBytes } from "node:crypto";
import type { Clock } from "../../../core/clock.js";
import { CoffreError } from "../../../core/errors.js";

/** How long a link is good. LockSelf says nothing of it; its link needs no login, so it can't be good for long. */
export const LINK_MINUTES = 15;
/** Exports that wait to be fetched, in memory. */
const MOST_BYTES = 256 * 1024 * 1024;
const MOST_EXPORTS = 32;

/** A file that waits for whoever has its link. */
export interface ExportFile {
  name: string;
  type: string;
  /** Encrypted already: nothing that the server keeps could open it. */
  bytes: Uint8Array;
}

/** What was exported and not fetched yet: in memory only, each for one download within a quarter of an hour. */
export class Exports {
  readonly #clock: Clock;
  /** By the digest of the link's secret. */
  readonly #waiting = new Map<string, ExportFile & { goodUntil: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @returns the secret of the link, 256 random bits. @throws CoffreError LOCKED if too much waits already */
  add(file: ExportFile): string {
    this.#forgetOld();
    const files = [...this.#waiting.values()];
    const bytes = files.reduce((sum, other) => sum + other.bytes.length, file.bytes.length);
    if (files.length >= MOST_EXPORTS || bytes > MOST_BYTES) {
      throw new CoffreError("LOCKED", "Too many exports wait to be fetched", {
        hint: `Fetch them, or try again in ${LINK_MINUTES} minutes.`,
      });
    }
    const secret = randomBytes(32).toString("base64url");
    this.#waiting.set(digestOf(secret), { ...file, goodUntil: this.#clock.now().getTime() + LINK_MINUTES * 60_000 });
    return secret;
  }

  /** Hands a file over and forgets it. `undefined` for a link that is wrong, used or too old. */
  take(secret: string): ExportFile | undefined {
    this.#forgetOld();
    const key = digestOf(secret);
    const file = this.#waiting.get(key);
    this.#waiting.delete(key);
    return file;
  }

  #forgetOld(): void {
    const now = this.#clock.now().getTime();
    for (const [key, { goodUntil }] of this.#waiting) if (goodUntil <= now) this.#waiting.delete(key);
  }
}

/** So that the time of a look-up tells nothing of the secrets that are good. */
function digestOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}
