import { randomInt } from "node:crypto";
import { accessSync, constants, statfsSync } from "node:fs";
import { DatabaseSync, type SQLOutputValue, type StatementSync } from "node:sqlite";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { CoffreError } from "../../core/errors.js";
import { corrupt } from "./format.js";
import { sqliteCode } from "./native-error.js";

/** How long a statement of SQLite itself waits for a lock: it blocks this process's event loop. */
const BLOCKING_WAIT_MS = 10;
const LONGEST_PAUSE_MS = 40;
/** A vault of some ten thousand entries stays in memory, instead of being read again for each index. */
const CACHE_KIB = 32_000;
/** Random ids touch many pages of the indexes: rarer checkpoints write each of them once for many transactions. */
const CHECKPOINT_PAGES = 4_000;
/** Less than this is a full disk: SQLite needs some pages at once. */
const FULL_BELOW_BYTES = 256 * 1024;

/** SQLite's primary result codes that mean something of their own here (sqlite.org/rescode.html). */
const SQLITE = { BUSY: 5, LOCKED: 6, READONLY: 8, IOERR: 10, CORRUPT: 11, FULL: 13, CANTOPEN: 14, NOTADB: 26 } as const;

export interface SqliteOptions {
  /** Most pages that the file may have, for tests of a full disk. */
  maxPages?: number;
}

/** Opens a file as a vault needs it: full sync, nothing left in freed pages, nothing trusted that the file brings along. */
export function openSqlite(path: string, { maxPages }: SqliteOptions = {}): DatabaseSync {
  const db = new DatabaseSync(path, {
    timeout: BLOCKING_WAIT_MS,
    enableForeignKeyConstraints: false,
    enableDoubleQuotedStringLiterals: false,
    allowExtension: false,
    defensive: true,
  });
  try {
    db.exec(
      "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY; " +
        `PRAGMA cache_size = -${CACHE_KIB}; PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}; ` +
        "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; " +
        "PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON", // macOS: a sync that the disk has heard of
    );
    if (maxPages !== undefined) db.exec(`PRAGMA max_page_count = ${maxPages}`);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** One row as SQLite answers it. */
export type SqlRow = Record<string, SQLOutputValue>;

/** A connection with its statements, each prepared once. */
export class Connection {
  readonly db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(db: DatabaseSync) {
    this.db = db;
  }

  prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  close(): void {
    this.#statements.clear();
    if (this.db.isOpen) this.db.close();
  }
}

/** A column's text. @throws CoffreError CORRUPT: a vault's tables are strict, so only an altered file has another type */
export function textOf(row: SqlRow, column: string): string {
  const value = row[column];
  if (typeof value !== "string") throw wrongType(row, column);
  return value;
}

export function numberOf(row: SqlRow, column: string): number {
  const value = row[column];
  if (typeof value !== "number") throw wrongType(row, column);
  return value;
}

export function bytesOf(row: SqlRow, column: string): Uint8Array {
  const value = row[column];
  if (!(value instanceof Uint8Array)) throw wrongType(row, column);
  return value;
}

function wrongType(row: SqlRow, column: string): CoffreError {
  return corrupt("?", typeof row.id === "string" ? row.id : "?", `its column ${column} has the wrong type`);
}

/**
 * Calls `attempt` until no other process holds the lock that it needs, for `limitMs` at most, and lets this process go
 * on meanwhile.
 * @throws CoffreError LOCKED after `limitMs`; whatever else `attempt` throws
 */
export async function untilFree<T>(limitMs: number, attempt: () => T): Promise<T> {
  const start = performance.now();
  for (let longest = 5; ; longest = Math.min(longest * 2, LONGEST_PAUSE_MS)) {
    try {
      return attempt();
    } catch (error) {
      if (!isBusy(error)) throw error;
      if (performance.now() - start > limitMs) {
        throw new CoffreError("LOCKED", `Another process has been writing to the vault for ${limitMs / 1000} seconds`, {
          hint: "Try again; if it stays so, look for a process that hangs while it has the vault open.",
          cause: error,
        });
      }
    }
    // Of several that wait, chance decides who comes next; none waits in step with another.
    await pause(randomInt(1, longest + 1));
  }
}

export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === SQLITE.BUSY || code === SQLITE.LOCKED;
}

/** SQLite's failures as the vault's own; other errors stay as they are. */
export function mapSqliteError(path: string, error: unknown): unknown {
  const code = sqliteCode(error);
  if (code === undefined) return error;
  const options = { cause: error };
  if (code === SQLITE.FULL || (code === SQLITE.IOERR && isDiskFull(path))) {
    return new CoffreError("DISK_FULL", `There is no space left for the vault ${path}`, {
      hint: "Make room and run it again; nothing was changed.",
      ...options,
    });
  }
  if (code === SQLITE.BUSY || code === SQLITE.LOCKED) {
    return new CoffreError("LOCKED", `Another process is using the vault ${path}`, { hint: "Try again.", ...options });
  }
  if (code === SQLITE.READONLY || (code === SQLITE.CANTOPEN && !isWritable(path))) return readOnly(path, error);
  return new CoffreError("CORRUPT", `The vault ${path} can't be read as a database (SQLite's code ${code})`, {
    hint: "Its file is cut or altered, or its disk fails. Nothing was changed. Bring a backup.",
    ...options,
  });
}

export function readOnly(path: string, cause?: unknown): CoffreError {
  return new CoffreError("READ_ONLY", `The vault ${path} can't be written: its file or folder is read-only`, {
    hint: "Each read of a value is written to the event log first: give this user write access to file and folder.",
    ...(cause === undefined ? {} : { cause }),
  });
}

/** True if this user may write the file and make files beside it, as SQLite has to. */
export function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    accessSync(dirname(path), constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function isDiskFull(path: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(dirname(path));
    return bavail * bsize < FULL_BELOW_BYTES;
  } catch {
    return false;
  }
}
