import { CoffreError } from "../../core/errors.js";
import type { KeyedPurpose, ReadRows, Rows, WriteRows } from "../records/rows.js";
import { checkFormat, corrupt } from "./format.js";
import { VaultKeys } from "./keys.js";
import { checkFile, type FileIdentity, type FileSystemType, fileSystemType, identifyFile } from "./location.js";
import { selectMeta } from "./meta.js";
import { checkSchema } from "./schema.js";
import { type SlotLock, unlock, type VaultKey } from "./slots.js";
import { Connection, mapSqliteError, numberOf, openSqlite, type SqliteOptions, textOf, untilFree } from "./sqlite.js";
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
}

/** What is open: from the first call until `close`. */
interface Opened {
  store: Store;
  transaction: Transaction;
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
    const { store } = opened;
    const { db } = store.connection;
    return this.#attempt(() => {
      db.exec("BEGIN");
      try {
        store.begin();
        return work(opened);
      } finally {
        db.exec("ROLLBACK"); // nothing was written
      }
    });
  }

  /** Under the write lock: all or nothing, durable on return. */
  async change<T>(work: (opened: Opened) => T): Promise<T> {
    const opened = await this.#open();
    const { store, file } = opened;
    const { db } = store.connection;
    return this.#attempt(() => {
      db.exec("BEGIN IMMEDIATE");
      try {
        this.#checkNotReplaced(file);
        store.begin();
        const result = work(opened);
        db.exec(store.finish() ? "COMMIT" : "ROLLBACK");
        return result;
      } catch (error) {
        store.abandon();
        if (db.isTransaction) db.exec("ROLLBACK");
        throw error;
      }
    });
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
  }

  async #attempt<T>(transaction: () => T): Promise<T> {
    try {
      return await untilFree(this.#options.longestWaitMs ?? LONGEST_WAIT_MS, () => {
        if (!this.#opened) throw closed(this.path);
        return transaction();
      });
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
    const { path, key, longestWaitMs = LONGEST_WAIT_MS, typeOfFileSystem = fileSystemType } = this.#options;
    const file = checkFile(path, typeOfFileSystem);
    const connection = new Connection(openSqlite(path, this.#options));
    try {
      const { vaultId, keyNumber, slots } = await untilFree(longestWaitMs, () => readLocks(path, connection));
      const home = { vaultId, keyNumber };
      const { dataKey, slotId } = await unlock(home, slots, typeof key === "function" ? key() : key);
      const store = new Store(path, connection, new VaultKeys(dataKey, vaultId, keyNumber));
      return { store, transaction: new Transaction(store), file, slotId };
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** What is written to a file that has left its path would be lost. */
  #checkNotReplaced(file: FileIdentity): void {
    const now = identifyFile(this.path);
    if (now.inode === file.inode && now.device === file.device) return;
    throw new CoffreError("ROLLED_BACK", `The file ${this.path} was replaced while it was open.`, {
      hint: "Run it again. A vault is never restored by replacing its file while a process has it open.",
    });
  }
}

/** All that is read before a key is known, from one snapshot. */
function readLocks(path: string, connection: Connection): { vaultId: string; keyNumber: number; slots: SlotLock[] } {
  const { db } = connection;
  db.exec("BEGIN");
  try {
    const version = connection.prepare("PRAGMA user_version").get();
    checkFormat(path, version ? numberOf(version, "user_version") : 0);
    checkSchema(db);
    const meta = selectMeta(connection);
    checkFormat(path, numberOf(meta, "format"));
    const rows = connection.prepare("SELECT id, kind, kdf, salt, wrapped, checksum FROM slot ORDER BY rowid").all();
    const slots = rows.map((row): SlotLock => {
      const kind = textOf(row, "kind");
      if (kind !== "passphrase" && kind !== "key-file") throw corrupt("slot", textOf(row, "id"), "its kind is unknown");
      const [id, kdf, salt, wrapped, checksum] = [
        textOf(row, "id"),
        textOf(row, "kdf"),
        textOf(row, "salt"),
        textOf(row, "wrapped"),
        textOf(row, "checksum"),
      ];
      return { id, kind, kdf, salt, wrapped, checksum };
    });
    return { vaultId: textOf(meta, "vault_id"), keyNumber: numberOf(meta, "key_number"), slots };
  } finally {
    db.exec("ROLLBACK");
  }
}

function closed(path: string): CoffreError {
  return new CoffreError("INTERRUPTED", `The vault ${path} was closed.`, { hint: "Open it again." });
}
