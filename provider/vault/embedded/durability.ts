import { closeSync, fdatasync, openSync } from "node:fs";
import { setImmediate as endOfTurn, setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { CoffreError } from "../../core/errors.js";
import type { Connection } from "./sqlite.js";

/** How long a sync waits for more to cover, while writes come so fast that they share it. A single one never waits. */
const GATHER_MS = 1;

/** What brings a file's data to disk, and what of its own length that needs. */
export type SyncData = (file: number) => Promise<void>;

/**
 * Brings to disk what transactions wrote to the vault's write-ahead log, while this process goes on: one sync serves all
 * that were committed before it began. Nobody is answered, neither who wrote nor who only read, before what he was
 * answered from is on disk. Where there is no such log, or it can't be opened, SQLite goes on syncing by itself
 * within each commit.
 */
export class Durability {
  readonly #path: string;
  readonly #syncData: SyncData;
  readonly #hasLog: boolean;
  #file: number | undefined;
  /** States of the vault that this process has seen, its own and others'; and how many of them a sync has covered. */
  #seen = 0;
  #synced = 0;
  #running: Promise<void> | undefined;
  /** The last sync covered more than one state. */
  #isShared = false;
  #failure: CoffreError | undefined;

  /**
   * @param path the vault's, absolute
   * @param connection one that has read already: only then its log is there
   */
  constructor(path: string, connection: Connection, syncData: SyncData = promisify(fdatasync)) {
    this.#path = path;
    this.#syncData = syncData;
    this.#file = openIfThere(`${path}-wal`);
    this.#hasLog = this.#file !== undefined;
    if (!this.#hasLog) return;
    // SQLite still syncs the log before it copies it into the file, and both files where the log begins anew.
    connection.db.exec("PRAGMA synchronous = NORMAL");
  }

  /** To be called, in one go with the transaction, by whoever wrote or has found that another process did. */
  noteState(): void {
    this.#seen += 1;
  }

  /** @throws CoffreError what a sync failed with: the system may have dropped what it couldn't write, and says so once */
  refuseIfFailed(): void {
    if (this.#failure) throw this.#failure;
  }

  /** Resolves when all that was seen up to now is on disk. @throws CoffreError DISK_FULL, CORRUPT if that isn't sure */
  async settle(): Promise<void> {
    if (!this.#hasLog) return; // each commit was synced as it was made
    const wanted = this.#seen;
    while (this.#synced < wanted) {
      this.refuseIfFailed();
      // One that runs already may have begun too early: then the next one is waited for as well.
      await (this.#running ??= this.#sync());
    }
  }

  /** After the connection's own end, when nothing is written any more; who still waits for an answer gets it. */
  async close(): Promise<void> {
    await this.settle().catch(() => undefined); // those who wait are told
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  async #sync(): Promise<void> {
    await (this.#isShared ? pause(GATHER_MS) : endOfTurn());
    const covers = this.#seen;
    this.#isShared = covers - this.#synced > 1;
    try {
      if (this.#file !== undefined) await this.#syncData(this.#file);
      this.#synced = covers;
    } catch (error) {
      this.#failure = notKept(this.#path, error);
      throw this.#failure;
    } finally {
      this.#running = undefined;
    }
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch {
    return undefined;
  }
}

function notKept(path: string, cause: unknown): CoffreError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown";
  const isFull = code === "ENOSPC" || code === "EDQUOT";
  return new CoffreError(
    isFull ? "DISK_FULL" : "CORRUPT",
    `The disk didn't confirm what was written last to the vault ${path} (${code})`,
    {
      hint:
        `${isFull ? "Make room" : "Look after the disk"}, then run it again: it is written, but a power cut may undo it. ` +
        "`coffre vault check` tells whether the vault is whole.",
      cause,
    },
  );
}
