import { setTimeout as timer } from "node:timers/promises";
import { CoffreError } from "./errors.js";

/** Time, as an argument: what is due, what has expired and what waits can then be tested without waiting. */
export interface Clock {
  /** The wall clock: for dates that are kept, and for what other machines see. */
  now(): Date;
  /**
   * Milliseconds since some fixed moment; never steps back when the wall clock is set. It may stand still while the
   * machine is suspended, so an expiry is checked against `now()` as well.
   */
  monotonicMs(): number;
  /** Waits; 0 or less doesn't. @throws CoffreError INTERRUPTED as soon as `signal` is aborted */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

// A longer timer of Node's fires at once.
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  async sleep(ms, signal) {
    try {
      signal?.throwIfAborted();
      for (let leftMs = ms; leftMs > 0; leftMs -= LONGEST_TIMER_MS) {
        await timer(Math.min(leftMs, LONGEST_TIMER_MS), undefined, signal === undefined ? {} : { signal });
      }
    } catch (error) {
      throw new CoffreError("INTERRUPTED", "The wait was interrupted", { cause: error });
    }
  },
};
