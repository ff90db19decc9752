import type { ValueAnswer, ValueRequest } from "../port.js";
import type { VaultContext } from "./context.js";
import { readMany } from "./reading.js";
import type { Rows } from "./rows.js";

/** One call of `readMany` that waits for its turn. */
interface WaitingRead {
  context: VaultContext;
  requests: readonly ValueRequest[];
  resolve: (answers: (ValueAnswer | Error)[]) => void;
  reject: (error: unknown) => void;
}

/**
 * Reads of several callers, in one transaction and so with one sync of the disk: each has its own event, and none is
 * answered before that is durable. For a process that reads for many: a sync takes longer than a hundred reads.
 */
export class SharedReads {
  readonly #rows: Rows;
  #waiting: WaitingRead[] = [];
  #running = false;

  constructor(rows: Rows) {
    this.#rows = rows;
  }

  read(context: VaultContext, requests: readonly ValueRequest[]): Promise<(ValueAnswer | Error)[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ context, requests, resolve, reject });
      if (this.#running) return;
      this.#running = true;
      // What has arrived by now comes along.
      setImmediate(() => void this.#run());
    });
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        const answers = await this.#rows.write((tx) =>
          batch.map(({ context, requests }) => attempt(() => readMany(tx, context, requests))),
        );
        for (const [index, one] of batch.entries()) {
          const answer = answers[index];
          if (answer && "done" in answer) one.resolve(answer.done);
          else one.reject(answer?.failed);
        }
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
      // Requests that came while the disk was synced are read from their sockets first.
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#running = false;
  }
}

/** A read that fails has logged nothing, so that the others' events can stand without it. */
function attempt<T>(work: () => T): { done: T } | { failed: unknown } {
  try {
    return { done: work() };
  } catch (failed) {
    return { failed };
  }
}
