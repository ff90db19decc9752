import type { KeyObject } from "node:crypto";
import type * as z from "zod";
import { CoffreError } from "../core/errors.js";
import { open, seal } from "../vault/embedded/seal.js";
import { bytesOf, numberOf, type SqlRow, textOf } from "../vault/embedded/sqlite.js";
import type { StateFile } from "./state-file.js";

/** The statement that makes a table of {@link SealedRows}. */
export function sealedTable(name: string): string {
  return `CREATE TABLE IF NOT EXISTS ${name} (id TEXT PRIMARY KEY, revision INTEGER NOT NULL, body BLOB NOT NULL) STRICT`;
}

/** Rows of the server's own file: an id, and JSON that is sealed and bound to its place. Who has only the file reads and forges none. */
export class SealedRows<Row> {
  readonly #file: StateFile;
  readonly #key: KeyObject;
  readonly #table: string;
  readonly #schema: z.ZodType<Row>;
  #known: Map<string, Row> | undefined;
  #dataVersion: unknown;

  constructor(file: StateFile, key: KeyObject, table: string, schema: z.ZodType<Row>) {
    this.#file = file;
    this.#key = key;
    this.#table = table;
    this.#schema = schema;
  }

  /** All rows by id, oldest first; as they are now, also after another process has written. @throws CoffreError CORRUPT */
  all(): ReadonlyMap<string, Row> {
    const { dataVersion } = this.#file;
    if (this.#known && dataVersion === this.#dataVersion) return this.#known;
    const rows = this.#file.connection.prepare(`SELECT id, revision, body FROM ${this.#table} ORDER BY rowid`).all();
    this.#known = new Map(rows.map((row) => [textOf(row, "id"), this.#open(row)]));
    this.#dataVersion = dataVersion;
    return this.#known;
  }

  /** One row as it is now, without a look at the others. @throws CoffreError CORRUPT */
  get(id: string): Row | undefined {
    const { connection } = this.#file;
    const row = connection.prepare(`SELECT id, revision, body FROM ${this.#table} WHERE id = ?`).get(id);
    return row && this.#open(row);
  }

  /** Writes what `change` makes of the row, or of none; durable on return. @throws what `change` throws */
  async put(id: string, change: (row: Row | undefined) => Row): Promise<Row> {
    const { connection } = this.#file;
    const changed = await this.#file.write(() => {
      const before = connection.prepare(`SELECT id, revision, body FROM ${this.#table} WHERE id = ?`).get(id);
      const row = change(before && this.#open(before));
      const revision = before ? numberOf(before, "revision") + 1 : 1;
      const body = seal(this.#key, this.#place(id, revision), Buffer.from(JSON.stringify(row)));
      connection
        .prepare(
          `INSERT INTO ${this.#table} (id, revision, body) VALUES (?, ?, ?) ` +
            "ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, body = excluded.body",
        )
        .run(id, revision, body);
      return row;
    });
    this.#known = undefined; // a commit of one's own doesn't change the data's version
    return changed;
  }

  #open(row: SqlRow): Row {
    const id = textOf(row, "id");
    const opened = open(this.#key, this.#place(id, numberOf(row, "revision")), bytesOf(row, "body"));
    if (opened) return this.#schema.parse(JSON.parse(opened.toString("utf8")));
    throw new CoffreError(
      "CORRUPT",
      `The ${this.#table} ${id} in ${this.#file.path} was altered, or is another vault's`,
      {
        hint: "Move the file away, and make the tokens anew.",
      },
    );
  }

  #place(id: string, revision: number): string {
    return `coffre serve ${this.#table} ${id} ${revision}`;
  }
}
