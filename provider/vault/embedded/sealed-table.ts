import { CoffreError } from "../../core/errors.js";
import { corrupt } from "./format.js";
import type { VaultKeys } from "./keys.js";
import type { Ledger } from "./ledger.js";
import { openRow, sealRow, tagOf } from "./seal.js";
import { bytesOf, type Connection, numberOf, type SqlRow, textOf } from "./sqlite.js";
import { sqlOf, type TableSql } from "./table-sql.js";

/** Rows that are kept opened in memory; above that it starts afresh. */
const MOST_REMEMBERED = 20_000;

interface Known {
  revision: number;
  tag: Uint8Array;
  /** The opened text; missing in a table that remembers none. */
  text?: string;
  /** The same, parsed by somebody who only looks. */
  parsed?: object;
}

export interface TableDefinition {
  name: string;
  /** The clear columns besides id and revision. */
  columns: readonly string[];
  /** False for values, which stay sealed until they are asked for. Default true. */
  remembers?: boolean;
}

/** The values of a row's clear columns, in the table's order. */
export type Columns = readonly (string | number | null)[];

/**
 * A table whose rows are an id, clear columns, a revision and a sealed text that is bound to all of them.
 * It remembers what it has opened; the owner says when that may have become stale.
 */
export class SealedTable {
  readonly name: string;
  readonly #columns: readonly string[];
  readonly #connection: Connection;
  readonly #keys: VaultKeys;
  readonly #remembers: boolean;
  readonly #sql: TableSql;
  readonly #known = new Map<string, Known>();

  constructor(connection: Connection, keys: VaultKeys, { name, columns, remembers = true }: TableDefinition) {
    this.#connection = connection;
    this.#keys = keys;
    this.name = name;
    this.#columns = columns;
    this.#remembers = remembers;
    this.#sql = sqlOf(name, columns);
  }

  forget(): void {
    this.#known.clear();
  }

  /** @throws CoffreError CORRUPT */
  get(id: string): string | undefined {
    const known = this.#known.get(id);
    if (known?.text !== undefined) return known.text;
    const row = this.#connection.prepare(this.#sql.selectOne).get(id);
    return row && this.#open(id, row);
  }

  /** A row that was opened before, parsed once for all: never to be changed. `undefined` also if it isn't known yet. */
  glimpse<Row extends object>(id: string): Readonly<Row> | undefined {
    const known = this.#known.get(id);
    if (known?.text === undefined) return undefined;
    // What this vault sealed itself, it reads without asking again.
    known.parsed ??= JSON.parse(known.text) as Row;
    return known.parsed as Row;
  }

  /**
   * Many rows by one statement, which costs a fraction of one each. What can't be opened stands as its error.
   * @returns in the order of `ids`
   */
  getMany(ids: readonly string[]): (string | CoffreError | undefined)[] {
    const rows = this.#selectEach(ids);
    const found = new Map(rows.map((row) => [row["id"], row]));
    return ids.map((id) => {
      const row = found.get(id);
      try {
        return row && this.#open(id, row);
      } catch (error) {
        if (error instanceof CoffreError) return error;
        throw error;
      }
    });
  }

  /** The id of the one row with these values in two clear columns; the row is opened, so the values are its own. */
  find(columns: readonly [string, string], values: readonly [string, string]): string | undefined {
    const [first, second] = columns;
    const select = `${this.#sql.selectAny} WHERE ${first} = ? AND ${second} = ?`;
    const row = this.#connection.prepare(select).get(...values);
    if (!row) return undefined;
    const id = textOf(row, "id");
    if (!this.#known.has(id)) this.#open(id, row);
    return id;
  }

  /** The texts of all rows, in the order in which they were first written. @throws CoffreError CORRUPT for the first that was altered */
  openAll(): string[] {
    const rows = this.#connection.prepare(this.#sql.select).all();
    return rows.map((row) => this.#open(textOf(row, "id"), row));
  }

  /** Ids of all rows, in the order in which they were first written. */
  ids(): string[] {
    return this.#connection
      .prepare(this.#sql.ids)
      .all()
      .map((row) => textOf(row, "id"));
  }

  /** Every row, opened one by one and not remembered: for what goes through all of a vault. @throws CoffreError CORRUPT */
  *stream(): Iterable<{ id: string; revision: number; text: string }> {
    for (const row of this.#connection.prepare(this.#sql.select).iterate()) {
      const id = textOf(row, "id");
      yield { id, revision: numberOf(row, "revision"), text: this.#openText(id, row) };
    }
  }

  /** One row with its revision. @throws CoffreError CORRUPT, also if it isn't there */
  revisionOf(id: string): { revision: number; text: string } {
    const row = this.#connection.prepare(this.#sql.selectOne).get(id);
    if (!row) throw corrupt(this.name, id, "it isn't there under its id");
    return { revision: numberOf(row, "revision"), text: this.#openText(id, row) };
  }

  /**
   * Writes a row as it is, at this revision, in the place of one with its id: for a restore, or under another key. In no
   * ledger: the caller notes it there, or takes the census anew. @returns its tag
   */
  place(id: string, columns: Columns, revision: number, text: string): Uint8Array {
    const body = sealRow(this.#keys, { table: this.name, id, revision, columns }, text);
    this.#connection.prepare(this.#sql.place).run(id, ...columns, revision, body);
    this.#known.delete(id);
    return tagOf(body);
  }

  /** Every row as it lies in the file, for a check: one that doesn't open has no text but an error. */
  *audit(): Iterable<{ id: string; revision: number; text: string } | { id: string; error: unknown }> {
    for (const row of this.#connection.prepare(this.#sql.select).all()) {
      const id = typeof row["id"] === "string" ? row["id"] : "?";
      try {
        yield { id, text: this.#open(id, row), revision: numberOf(row, "revision") };
      } catch (error) {
        yield { id, error };
      }
    }
  }

  /** Writes a row with its next revision. @returns whether it is new */
  put(ledger: Ledger, id: string, columns: Columns, text: string): boolean {
    const before = this.#known.get(id);
    if (!before && this.add(ledger, id, columns, text)) return true;
    const { revision, tag } = before ?? this.#peek(id);
    const body = sealRow(this.#keys, { table: this.name, id, revision: revision + 1, columns }, text);
    const update = this.#connection.prepare(this.#sql.update);
    const { changes } = update.run(...columns, revision + 1, body, id, revision);
    if (changes !== 1) throw corrupt(this.name, id, "it isn't there under its id");
    this.#note(ledger, id, revision + 1, text, body, tag);
    return false;
  }

  /** Looks for a row without trusting the index. */
  isThere(id: string): boolean {
    return this.#connection.prepare(this.#sql.scan).get(id) !== undefined;
  }

  /** Writes a row that is new. @returns false, having written nothing, if there is one with this id */
  add(ledger: Ledger, id: string, columns: Columns, text: string): boolean {
    const body = sealRow(this.#keys, { table: this.name, id, revision: 1, columns }, text);
    const insert = this.#connection.prepare(this.#sql.insert);
    if (insert.run(id, ...columns, 1, body).changes === 0) return false;
    this.#note(ledger, id, 1, text, body);
    return true;
  }

  remove(ledger: Ledger, id: string): void {
    const { tag } = this.#known.get(id) ?? this.#peek(id);
    this.#connection.prepare(this.#sql.remove).run(id);
    this.#known.delete(id);
    ledger.note(this.name, id, 0, { before: tag });
  }

  /** The tags of all rows, for the census. */
  tags(): Uint8Array[] {
    return this.#connection
      .prepare(this.#sql.tags)
      .all()
      .map((row) => bytesOf(row, "tag"));
  }

  /** A list handed over as JSON costs one row more than its own select does. */
  #selectEach(ids: readonly string[]): SqlRow[] {
    const [only] = ids;
    if (only === undefined || ids.length > 1)
      return this.#connection.prepare(this.#sql.selectMany).all(JSON.stringify(ids));
    const row = this.#connection.prepare(this.#sql.selectOne).get(only);
    return row ? [row] : [];
  }

  #open(id: string, row: SqlRow): string {
    const text = this.#openText(id, row);
    this.#remember(id, { revision: numberOf(row, "revision"), tag: tagOf(bytesOf(row, "body")), text });
    return text;
  }

  #openText(id: string, row: SqlRow): string {
    const columns = this.#columns.map((column) => {
      const value = row[column];
      if (typeof value === "string" || typeof value === "number" || value === null) return value;
      throw corrupt(this.name, id, `its column ${column} has the wrong type`);
    });
    return openRow(
      this.#keys,
      { table: this.name, id, revision: numberOf(row, "revision"), columns },
      bytesOf(row, "body"),
    );
  }

  #peek(id: string): Known {
    const row = this.#connection.prepare(this.#sql.selectOne).get(id);
    if (!row) throw corrupt(this.name, id, "it isn't there under its id");
    return { revision: numberOf(row, "revision"), tag: tagOf(bytesOf(row, "body")) };
  }

  #note(ledger: Ledger, id: string, revision: number, text: string, body: Buffer, before?: Uint8Array): void {
    const after = tagOf(body);
    ledger.note(this.name, id, revision, before ? { before, after } : { after });
    this.#remember(id, { revision, tag: after, text });
  }

  #remember(id: string, known: Known): void {
    if (!this.#remembers) return;
    if (this.#known.size >= MOST_REMEMBERED) this.#known.clear();
    this.#known.set(id, known);
  }
}
