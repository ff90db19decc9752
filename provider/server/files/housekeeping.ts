import type { Clock } from "../../core/clock.js";
import type { Boxes } from "../../vault/port.js";

const HOUR_MS = 3_600_000;

export interface HousekeepingOptions {
  boxes: Boxes;
  clock: Clock;
  complain: (error: unknown) => void;
}

/**
 * Tidies up once an hour, and at once: archives what is over, deletes what was kept long enough, gives up uploads that nobody
 * goes on with.
 */
export class Housekeeping {
  readonly #options: HousekeepingOptions;
  readonly #ending = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(options: HousekeepingOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** What is under way ends first. */
  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { boxes, clock, complain } = this.#options;
    const { signal } = this.#ending;
    while (!signal.aborted) {
      await boxes.tidy().catch(complain);
      await clock.sleep(HOUR_MS, signal).catch(() => undefined);
    }
  }
}
