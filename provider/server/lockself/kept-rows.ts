import type { KeyObject } from "node:crypto";
import type * as z from "zod";
import { SealedRows, sealedTable } from "../sealed-rows.js";
import type { StateFile } from "../state-file.js";

/** What LockSelf has and the vault hasn't, in a table of the server's own file. Rows have integer ids, never given twice. */
export class KeptRows<Row> {
  /** `null`: a row that was removed, whose id stays taken. */
  readonly #rows: SealedRows<Row | null>;

  constructor(file: StateFile, key: KeyObject, table: string, schema: z.ZodType<Row>) {
    file.connection.db.exec(sealedTable(table));
    this.#rows = new SealedRows(file, key, table, schema.nullable());
  }

  /** @returns its id */
  async add(row: Row): Promise<number> {
    for (let id = this.#rows.all().size + 1; ; id++) {
      let isMine = false;
      // Another one may have been added since they were counted.
      await this.#rows.put(String(id), (before) => {
        isMine = before === undefined;
        return before === undefined ? row : before;
      });
      if (isMine) return id;
    }
  }

  /** In the order in which they were made. */
  list(): { id: number; row: Row }[] {
    return [...this.#rows.all()].flatMap(([id, row]) => (row === null ? [] : [{ id: Number(id), row }]));
  }

  /**
   * Changes a row under the write lock. @param change what it becomes; `undefined` removes it
   * @returns as it is then; `undefined` if it is gone
   */
  async change(id: number, change: (row: Row) => Row | undefined): Promise<Row | undefined> {
    const changed = await this.#rows.put(String(id), (before) => (before == null ? null : (change(before) ?? null)));
    return changed ?? undefined;
  }
}
