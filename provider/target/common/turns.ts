import { type Breakable, within } from "./connection.js";
import { WireError } from "./wire.js";

/** Runs one call after another on a connection that serves several. */
export class Turns {
  readonly #connection: Breakable;
  #queue: Promise<unknown> = Promise.resolve();
  #unfinished = 0;

  constructor(connection: Breakable) {
    this.#connection = connection;
  }

  /** Calls that wait for another one. */
  get waiting(): number {
    return Math.max(0, this.#unfinished - 1);
  }

  /**
   * Runs `work` after the calls before it. The time in the queue counts, so that no call outlasts its limit.
   * @throws WireError `silent` if there was none left; nothing was sent then
   */
  take<T>(limitMs: number, work: () => Promise<T>): Promise<T> {
    const latest = performance.now() + limitMs;
    this.#unfinished += 1;
    const turn = this.#queue.then(async () => {
      const leftMs = latest - performance.now();
      if (leftMs <= 0) throw new WireError("silent", "other calls on the same connection took all its time");
      return within(this.#connection, { limitMs: leftMs }, work);
    });
    this.#queue = turn.catch(() => {}).finally(() => (this.#unfinished -= 1));
    return turn;
  }

  /** When all that was begun has ended. */
  async ended(): Promise<void> {
    await this.#queue;
  }
}
