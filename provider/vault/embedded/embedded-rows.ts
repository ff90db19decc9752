import type { DatabaseSync } from "node:sqlite";
import { CoffreError } from "../../core/errors.js";
import type { KeyedPurpose, ReadRows, Rows, WriteRows } from "../records/rows.js";
import { Durability, type SyncData } from "./durability.js";
import { VaultKeys } from "./keys.js";
import { checkFile, type FileIdentity, type FileSystemType, fileSystemType, identifyFile } from "./location.js";
import { readLocks } from "./locks.js";
import { type MetaChange, resealAll } from "./rekey.js";
import { unlock, type VaultKey } from "./slots.js";
import { Connection, mapSqliteError, openSqlite, type SqliteOptions, untilFree } from "./sqlite.js";
import { Store } from "./store.js";
import { Transaction } from "./transaction.js";

/** How long a write waits for other processes' writes. */
const LONGEST_WAIT_MS = 15_000;

export interface EmbeddedRowsOptions extends SqliteOptions {
  /** Absolute path of the vault's file. */
  path: string;
  /** What opens it; a function is asked when it is needed. */
  key: VaultKey | (() => VaultKey);
  /** How long to wait for other processes' writes, milliseconds. Default 15 s. */
  longestWaitMs?: number;
  /** For tests: what statfs says of the folder. */
  typeOfFileSystem?: FileSystemType;
  /** For tests: what brings the write-ahead log to disk. */
  syncData?: SyncData;
}

/** What is open: from the first call until `close`. */
interface Opened {
  store: Store;
  transaction: Transaction;
  durability: Durability;
  file: FileIdentity;
  /** Which key slot opened it. */
  slotId: string;
}

/** Rows in a sealed SQLite file. Nothing is opened before the first call, and opening writes nothing. */
export class EmbeddedRows implements Rows {
  readonly path: string;
  readonly #options: EmbeddedRowsOptions;
  #opening: Promise<Opened> | undefined;
  #opened: Opened | undefined;
  #closed = false;

  constructor(options: EmbeddedRowsOptions) {
    this.path = options.path;
    this.#options = options;
  }

  read<T>(work: (tx: ReadRows) => T): Promise<T> {
    return this.inspect(({ transaction }) => work(transaction));
  }

  write<T>(work: (tx: WriteRows) => T): Promise<T> {
    return this.change(({ transaction }) => work(transaction));
  }

  /** One consistent snapshot, with all that lies below the rows. */
  async inspect<T>(work: (opened: Opened) => T): Promise<T> {
    const opened = await this.#open();
    const { store, durability } = opened;
    const { db } = store.connection;
    return this.#attempt(durability, () => {
      db.exec("BEGIN");
      try {
        if (store.begin()) durability.noteState();
        return work(opened);
      } finally {
        db.exec("ROLLBACK"); // nothing was written
      }
    });
  }

  /** Under the write lock: all or nothing, durable on return. */
  async change<T>(work: (opened: Opened) => T): Promise<T> {
    const opened = await this.#open();
    const { store, file, durability } = opened;
    const { db } = store.connection;
    return this.#attempt(durability, () => {
      db.exec("BEGIN IMMEDIATE");
      try {
        this.#checkNotReplaced(file);
        const isNew = store.begin();
        const result = work(opened);
        const wrote = store.finish();
        db.exec(wrote ? "COMMIT" : "ROLLBACK");
        if (isNew || wrote) durability.noteState();
        return result;
      } catch (error) {
        store.abandon();
        if (db.isTransaction) db.exec("ROLLBACK");
        throw error;
      }
    });
  }

  /**
   * As {@link change}; then everything is sealed under a new data key, in the same transaction. This vault goes on with it,
   * every other process that has the file open is refused (ROLLED_BACK) until it opens it again.
   * @param work answers what of `meta` changes with it
   */
  async rekey(work: (opened: Opened) => MetaChange): Promise<void> {
    const opened = await this.#open();
    const { store, file, durability } = opened;
    const { db } = store.connection;
    await this.#attempt(durability, () => {
      db.exec("BEGIN IMMEDIATE");
      try {
        this.#checkNotReplaced(file);
        store.begin();
        const change = work(opened);
        store.finish();
        const resealed = resealAll(store, this.path, change);
        db.exec("COMMIT");
        durability.noteState();
        // In one go with the transaction: nothing may be sealed under the old key from now on.
        this.#opened = { ...opened, store: resealed, transaction: new Transaction(resealed) };
        this.#opening = Promise.resolve(this.#opened);
      } catch (error) {
        store.abandon();
        if (db.isTransaction) db.exec("ROLLBACK");
        throw error;
      }
    });
    store.forget();
    store.keys.wipe();
    emptyJournal(db);
  }

  /** One consistent snapshot that may take its time, on a connection of its own: everybody goes on reading and writing. */
  async snapshot<T>(work: (store: Store) => Promise<T>): Promise<T> {
    const { store, durability } = await this.#open();
    const connection = new Connection(openSqlite(this.path, this.#options));
    try {
      const still = new Store(this.path, connection, store.keys);
      await this.#attempt(durability, () => {
        connection.db.exec("BEGIN");
        try {
          if (still.begin()) durability.noteState();
        } catch (error) {
          connection.db.exec("ROLLBACK");
          throw error;
        }
      });
      return await work(still);
    } catch (error) {
      throw mapSqliteError(this.path, error);
    } finally {
      if (connection.db.isTransaction) connection.db.exec("ROLLBACK"); // nothing was written
      connection.close();
    }
  }

  keyed(purpose: KeyedPurpose, text: string): string {
    if (!this.#opened) throw closed(this.path);
    return this.#opened.store.keys.keyed(purpose, text);
  }

  async close(): Promise<void> {
    this.#closed = true;
    const opened = await this.#opening?.catch(() => undefined);
    this.#opened = undefined;
    opened?.store.forget();
    opened?.store.keys.wipe();
    opened?.store.connection.close();
    await opened?.durability.close();
  }

  /** Answers once all that `transaction` has seen is on disk. */
  async #attempt<T>(durability: Durability, transaction: () => T): Promise<T> {
    try {
      const answer = await untilFree(this.#options.longestWaitMs ?? LONGEST_WAIT_MS, () => {
        if (!this.#opened) throw closed(this.path);
        durability.refuseIfFailed();
        return transaction();
      });
      await durability.settle();
      return answer;
    } catch (error) {
      throw mapSqliteError(this.path, error);
    }
  }

  async #open(): Promise<Opened> {
    if (this.#closed) throw closed(this.path);
    this.#opening ??= this.#unlock();
    try {
      this.#opened = await this.#opening;
      return this.#opened;
    } catch (error) {
      this.#opening = undefined; // another call may find the disk mended, or the key in place
      throw mapSqliteError(this.path, error);
    }
  }

  async #unlock(): Promise<Opened> {
    const { path, key, longestWaitMs = LONGEST_WAIT_MS, typeOfFileSystem = fileSystemType, syncData } = this.#options;
    const file = checkFile(path, typeOfFileSystem);
    const connection = new Connection(openSqlite(path, this.#options));
    try {
      const { vaultId, keyNumber, slots } = await untilFree(longestWaitMs, () => readLocks(path, connection));
      const home = { vaultId, keyNumber };
      const { dataKey, slotId } = await unlock({ ...home, path }, slots, typeof key === "function" ? key() : key);
      const store = new Store(path, connection, new VaultKeys(dataKey, vaultId, keyNumber));
      const durability = new Durability(path, connection, syncData);
      return { store, transaction: new Transaction(store), durability, file, slotId };
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** What is written to a file that has left its path would be lost. */
  #checkNotReplaced(file: FileIdentity): void {
    const now = identifyFile(this.path);
    if (now.inode === file.inode && now.device === file.device) return;
    throw new CoffreError("ROLLED_BACK", `The file ${this.path} was replaced while it was open`, {
      hint: "Run it again. A vault is never restored by replacing its file while a process has it open.",
    });
  }
}

/** So that no page under the old key stays beside the file. Somebody who still reads may keep it from ending: it's no failure. */
function emptyJournal(db: DatabaseSync): void {
  try {
    db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  } catch {
    // The next checkpoint does it.
  }
}

function closed(path: string): CoffreError {
  return new CoffreError("INTERRUPTED", `The vault ${path} was closed`, { hint: "Open it again." });
}
