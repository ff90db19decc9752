import type { KeyObject } from "node:crypto";
import type * as z from "zod";
import { CoffreError } from "../../core/errors.js";
import { open, seal } from "../../vault/embedded/seal.js";
import { bytesOf, numberOf } from "../../vault/embedded/sqlite.js";
import type { StateFile } from "../state-file.js";

/** What LockSelf has and the vault hasn't: named policies, transfers. Ids are never given twice. */
const SCHEMA = `CREATE TABLE IF NOT EXISTS lockself (
  id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, revision INTEGER NOT NULL, body BLOB NOT NULL) STRICT`;

/** Rows of one kind in the server's own file: their contents are sealed, each for its place. */
export class KeptRows<Row> {
  readonly #file: StateFile;
  readonly #key: KeyObject;
  readonly #kind: string;
  readonly #schema: z.ZodType<Row>;

  constructor(file: StateFile, key: KeyObject, kind: string, schema: z.ZodType<Row>) {
    this.#file = file;
    this.#key = key;
    this.#kind = kind;
    this.#schema = schema;
    file.connection.db.exec(SCHEMA);
  }

  /** @returns its id */
  add(row: Row): Promise<number> {
    return this.#file.write(() => {
      const { connection } = this.#file;
      const { lastInsertRowid } = connection
        .prepare("INSERT INTO lockself (kind, revision, body) VALUES (?, 1, x'')")
        .run(this.#kind);
      const id = Number(lastInsertRowid);
      connection.prepare("UPDATE lockself SET body = ? WHERE id = ?").run(this.#seal(id, 1, row), id);
      return id;
    });
  }

  /** In the order in which they were made. */
  list(): { id: number; row: Row }[] {
    return this.#file.connection
      .prepare("SELECT id, revision, body FROM lockself WHERE kind = ? ORDER BY id")
      .all(this.#kind)
      .map((found) => ({ id: numberOf(found, "id"), row: this.#open(found) }));
  }

  get(id: number): Row | undefined {
    const found = this.#find(id);
    return found && this.#open(found);
  }

  /**
   * Changes a row under the write lock. @param change what it becomes; `undefined` removes it
   * @returns as it is then; `undefined` if it is gone
   */
  change(id: number, change: (row: Row) => Row | undefined): Promise<Row | undefined> {
    return this.#file.write(() => {
      const found = this.#find(id);
      if (!found) return undefined;
      const changed = change(this.#open(found));
      const { connection } = this.#file;
      if (changed === undefined) connection.prepare("DELETE FROM lockself WHERE id = ?").run(id);
      else {
        const revision = numberOf(found, "revision") + 1;
        connection
          .prepare("UPDATE lockself SET revision = ?, body = ? WHERE id = ?")
          .run(revision, this.#seal(id, revision, changed), id);
      }
      return changed;
    });
  }

  #find(id: number) {
    return this.#file.connection
      .prepare("SELECT id, revision, body FROM lockself WHERE kind = ? AND id = ?")
      .get(this.#kind, id);
  }

  #seal(id: number, revision: number, row: Row): Buffer {
    return seal(this.#key, this.#place(id, revision), Buffer.from(JSON.stringify(row)));
  }

  #open(found: Parameters<typeof numberOf>[0]): Row {
    const id = numberOf(found, "id");
    const opened = open(this.#key, this.#place(id, numberOf(found, "revision")), bytesOf(found, "body"));
    if (!opened) {
      throw new CoffreError("CORRUPT", `The ${this.#kind} ${id} in ${this.#file.path} was altered`, {
        hint: "Bring the file back from its backup.",
      });
    }
    return this.#schema.parse(JSON.parse(opened.toString("utf8")));
  }

  #place(id: number, revision: number): string {
    return `coffre serve lockself ${this.#kind} ${id} ${revision}`;
  }
}
