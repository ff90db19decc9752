import { setImmediate as turnOfTheLoop } from "node:timers/promises";
import { sqliteCode } from "./native-error.js";
import type { Store } from "./store.js";

/** What one caller wants to be done in a transaction. */
export type Piece<Opened> = (opened: Opened) => unknown;

/** What became of one piece, once the transaction of all is durable. */
export type Outcome = { wrote: boolean; result: unknown } | { wrote: false; error: unknown };

interface Waiting<Opened> {
  piece: Piece<Opened>;
  resolve: (result: unknown) => void;
  reject: (error: unknown) => void;
}

/**
 * Collects what is to be written in one turn of the event loop: while the disk syncs one transaction, the answers of
 * servers arrive that lead to the next ones, and those share the next sync.
 */
export class CommitGroup<Opened> {
  readonly #commit: (pieces: readonly Piece<Opened>[]) => Promise<readonly Outcome[]>;
  readonly #underWay = new Set<Promise<void>>();
  #waiting: Waiting<Opened>[] = [];

  /** @param commit does the pieces in their order, and answers once they are durable, an outcome for each */
  constructor(commit: (pieces: readonly Piece<Opened>[]) => Promise<readonly Outcome[]>) {
    this.#commit = commit;
  }

  /** @returns what the piece answered, durable. @throws what it threw, with nothing of it written; what committing throws */
  add<T>(piece: (opened: Opened) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      // Given back to the one who has asked for it.
      this.#waiting.push({ piece, resolve: resolve as (result: unknown) => void, reject });
      if (this.#waiting.length > 1) return;
      const sending = this.#send().finally(() => this.#underWay.delete(sending));
      this.#underWay.add(sending);
    });
  }

  /** Waits until everybody has an answer. */
  async ended(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  async #send(): Promise<void> {
    await turnOfTheLoop();
    const group = this.#waiting;
    this.#waiting = [];
    try {
      const outcomes = await this.#commit(group.map(({ piece }) => piece));
      for (const [index, { resolve, reject }] of group.entries()) {
        const outcome = outcomes[index];
        if (outcome && "result" in outcome) resolve(outcome.result);
        else reject(outcome?.error);
      }
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }
}

/** One piece inside of a transaction: all of it or nothing. @throws what SQLite refuses, which ends the transaction */
export function doPiece(store: Store, piece: () => unknown): Outcome {
  const { db } = store.connection;
  db.exec("SAVEPOINT piece");
  try {
    store.begin();
    const result = piece();
    const wrote = store.finish();
    db.exec("RELEASE piece");
    return { wrote, result };
  } catch (error) {
    if (sqliteCode(error) !== undefined || !db.isTransaction) throw error;
    store.abandon();
    db.exec("ROLLBACK TO piece; RELEASE piece");
    return { wrote: false, error };
  }
}
