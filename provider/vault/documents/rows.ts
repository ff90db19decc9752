import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { CoffreError, isCoffreError } from "../../core/errors.js";
import type { KeyedPurpose, ReadRows, Rows, WriteRows } from "../records/rows.js";
import { Commit } from "./commit.js";
import { forgetDue, settleEntry } from "./settle.js";
import { CasConflict, type EntryKeeper } from "./storage.js";
import { Run } from "./run.js";
import type { Store } from "./store.js";
import type { View } from "./view.js";

/** How often some work is done again because others wrote meanwhile. */
const MOST_TRIES = 60;
const LONGEST_PAUSE_MS = 200;

/**
 * Rows over documents that are written by compare-and-set. Work is done on documents as they were seen last; what isn't known is fetched, and the work done
 * again. What it changed is written by `cas`, so that what it was based on still holds; what it only looked at is asked
 * for afresh before its result counts.
 */
export class DocumentRows implements Rows {
  readonly #store: Store;
  readonly #entries: EntryKeeper;
  readonly #made = new Map<string, { account: string; host: string }>();
  /** The end of the line of those who write the directory: one at a time in this process. */
  #turn: Promise<void> = Promise.resolve();
  /** What this process is at, which needs nobody's help. */
  readonly #busy = new Set<string>();
  /** Credentials that were settled, but are still noted as due. */
  readonly #settled = new Set<string>();
  /** Pieces of work that are under way. */
  #working = 0;
  #closed = false;

  constructor(store: Store, entries: EntryKeeper) {
    this.#store = store;
    this.#entries = entries;
  }

  read<T>(work: (tx: ReadRows) => T): Promise<T> {
    return this.#transact(work, false);
  }

  write<T>(work: (tx: WriteRows) => T): Promise<T> {
    return this.#transact(work, true);
  }

  /** As {@link write}, with what only a view of this kind can do. */
  view<T>(work: (view: View) => T): Promise<T> {
    return this.#transact(work, true);
  }

  keyed(purpose: KeyedPurpose, text: string): string {
    return this.#store.keyed(purpose, text);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#settled.size > 0) await this.#inTurn(() => this.#forgetSettled()).catch(() => undefined);
    this.#store.forget();
  }

  async #transact<T>(work: (view: View) => T, writes: boolean): Promise<T> {
    const identity = await this.#store.identity();
    const run = new Run(this.#store, identity, this.#made);
    this.#working += 1;
    try {
      const result = await this.#attempt(run, work, writes, false);
      await this.#help(run).catch(() => undefined); // whoever comes next helps too
      return result;
    } finally {
      this.#working -= 1;
      if (this.#working === 0) this.#store.trim();
    }
  }

  async #attempt<T>(run: Run, work: (view: View) => T, writes: boolean, inTurn: boolean): Promise<T> {
    for (let tries = 1; tries <= MOST_TRIES; tries++) {
      const done = run.try(work, () => randomUUID());
      if (done.outcome === "needs") {
        await run.load(done.keys);
        continue;
      }
      if (done.outcome === "failed") {
        // What was only remembered may be why it failed.
        const stale = run.stale(undefined);
        if (stale.length === 0) throw done.error;
        await run.load(stale);
        continue;
      }
      const commit = new Commit(this.#store, this.#entries, done.view, this.#settled);
      const stale = run.stale(writes ? commit : undefined);
      if (stale.length > 0) {
        await run.load(stale);
        continue;
      }
      if (commit.isEmpty) return done.result;
      if (commit.writesDirectory && !inTurn) {
        // Others in this process may be at it: the work is done again once it is our turn, on what they left.
        return this.#inTurn(() => this.#attempt(run, work, writes, true));
      }
      const at = commit.ids.filter((id) => !this.#busy.has(id));
      for (const id of at) this.#busy.add(id);
      try {
        await commit.send();
        for (const id of done.view.removedLogins) this.#made.delete(id);
        return done.result;
      } catch (error) {
        if (!(error instanceof CasConflict)) throw error;
        run.forget();
        await pause(Math.random() * Math.min(LONGEST_PAUSE_MS, 2 ** tries));
      } finally {
        for (const id of at) this.#busy.delete(id);
      }
    }
    throw new CoffreError("LOCKED", "Others write the same documents of the vault again and again", {
      hint: "Nothing was changed. Run it again.",
    });
  }

  /** Sets right what a process that died has left; who may only read leaves it. */
  async #help(run: Run): Promise<void> {
    if (this.#store.isTorn) await this.#inTurn(() => this.#store.mend());
    const due = run.seenDue().filter((id) => !this.#busy.has(id) && !this.#settled.has(id));
    if (due.length === 0) return;
    for (const id of due) this.#busy.add(id);
    try {
      await this.#store.loadDirectory();
      const directory = this.#store.directory?.content;
      if (!directory) return;
      for (const id of due) {
        if (await settleEntry({ store: this.#store, entries: this.#entries }, id, directory)) this.#settled.add(id);
      }
      await this.#inTurn(() => this.#forgetSettled());
    } catch (error) {
      if (!isCoffreError(error)) throw error;
    } finally {
      for (const id of due) this.#busy.delete(id);
    }
  }

  async #forgetSettled(): Promise<void> {
    const ids = [...this.#settled];
    await this.#store.loadDirectory();
    const forget = forgetDue({ store: this.#store, entries: this.#entries }, ids);
    await this.#store.writeDirectory([forget], this.#store.directory?.version ?? 0);
    for (const id of ids) this.#settled.delete(id);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }
}
