import { closeSync, openSync } from "node:fs";
import {
  type Connection,
  Connection as SqliteConnection,
  mapSqliteError,
  openSqlite,
  untilFree,
} from "../vault/embedded/sqlite.js";

const LONGEST_WAIT_MS = 5_000;

/**
 * What the server keeps besides the vault, in a SQLite file of its own (mode 0600): tokens, and what its fronts need. The
 * server and the commands about it may have it open at once.
 */
export class StateFile {
  readonly path: string;
  readonly connection: Connection;

  /** @param schema statements `CREATE TABLE IF NOT EXISTS …`. @throws CoffreError READ_ONLY, CORRUPT, DISK_FULL */
  constructor(path: string, schema: readonly string[]) {
    this.path = path;
    try {
      closeSync(openSync(path, "a", 0o600)); // so that SQLite doesn't make it readable for others
      this.connection = new SqliteConnection(openSqlite(path));
      this.connection.db.exec("PRAGMA journal_mode = WAL");
      for (const statement of schema) this.connection.db.exec(statement);
    } catch (error) {
      throw mapSqliteError(path, error);
    }
  }

  /** Changes whenever another process has written. */
  get dataVersion(): unknown {
    return this.connection.prepare("PRAGMA data_version").get()?.["data_version"];
  }

  /** Under the write lock: all or nothing, durable on return. */
  async write<T>(work: () => T): Promise<T> {
    const { db } = this.connection;
    try {
      return await untilFree(LONGEST_WAIT_MS, () => {
        db.exec("BEGIN IMMEDIATE");
        try {
          const result = work();
          db.exec("COMMIT");
          return result;
        } catch (error) {
          if (db.isTransaction) db.exec("ROLLBACK");
          throw error;
        }
      });
    } catch (error) {
      throw mapSqliteError(this.path, error);
    }
  }

  close(): void {
    this.connection.close();
  }
}
