import type { BoxRow, DepositRow, FileRow, WriteBoxes } from "../records/box-rows.js";
import { isTransferId, type TransferRow } from "../records/transfer-rows.js";
import type { SealedTable } from "./sealed-table.js";
import { textOf } from "./sqlite.js";
import type { Store } from "./store.js";
import { dropBoxColumns, nameIndex, ROOT } from "./tables.js";

/**
 * The vault's drop-boxes as one transaction on the store sees and changes them. Transfers stand in the table of drop-boxes, told
 * apart by their ids: both belong to a category and an owner, and hold files. A file of format 1 has none until one is made.
 */
export class BoxTables implements WriteBoxes {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  prepare(by: { at: string; actor: string }): void {
    this.#store.upgrade(by);
  }

  box(id: string): BoxRow | undefined {
    return isTransferId(id) ? undefined : this.#row<BoxRow>(this.#store.dropBoxes, id);
  }

  boxNamed(categoryId: string | null, name: string): string | undefined {
    const index = nameIndex(this.#store.keys.indexOf, "drop-box", categoryId, name);
    return this.#ids("SELECT id FROM drop_box WHERE category_id = ? AND name_index = ?", categoryId ?? ROOT, index)[0];
  }

  boxesMarked(mark: string): string[] {
    return this.#marked(mark).filter((id) => !isTransferId(id));
  }

  boxes(): BoxRow[] {
    return this.#all().filter((row) => !isTransferId(row.id)) as BoxRow[];
  }

  countIn(categoryId: string): number {
    return this.#ids("SELECT id FROM drop_box WHERE category_id = ? AND name_index IS NOT NULL", categoryId).length;
  }

  deposit(id: string): DepositRow | undefined {
    return this.#row<DepositRow>(this.#store.deposits, id);
  }

  depositsOf(boxId: string): string[] {
    return this.#ids("SELECT id FROM deposit WHERE box_id = ? ORDER BY rowid", boxId);
  }

  transfer(id: string): TransferRow | undefined {
    return isTransferId(id) ? this.#row<TransferRow>(this.#store.dropBoxes, id) : undefined;
  }

  transfers(): TransferRow[] {
    return this.#all().filter((row) => isTransferId(row.id)) as TransferRow[];
  }

  transfersMarked(mark: string): string[] {
    return this.#marked(mark).filter(isTransferId);
  }

  file(id: string): FileRow | undefined {
    return this.#row<FileRow>(this.#store.files, id);
  }

  files(): FileRow[] {
    if (!this.#store.hasSecondTables) return [];
    return this.#store.files.openAll().map((text) => JSON.parse(text) as FileRow); // sealed by this vault itself
  }

  filesOf(depositId: string): string[] {
    return this.#ids("SELECT id FROM stored_file WHERE holder_id = ? ORDER BY rowid", depositId);
  }

  putBox(row: BoxRow): void {
    const { dropBoxes, ledger, keys } = this.#store;
    dropBoxes.put(ledger, row.id, dropBoxColumns(keys.indexOf, row), JSON.stringify(row));
  }

  removeBox(id: string): void {
    this.#store.dropBoxes.remove(this.#store.ledger, id);
  }

  putDeposit(row: DepositRow): void {
    this.#store.deposits.put(this.#store.ledger, row.id, [row.boxId], JSON.stringify(row));
  }

  removeDeposit(id: string): void {
    this.#store.deposits.remove(this.#store.ledger, id);
  }

  putTransfer(row: TransferRow): void {
    const { dropBoxes, ledger, keys } = this.#store;
    dropBoxes.put(ledger, row.id, dropBoxColumns(keys.indexOf, row), JSON.stringify(row));
  }

  putFile(row: FileRow): void {
    this.#store.files.put(this.#store.ledger, row.id, [row.holderId], JSON.stringify(row));
  }

  removeFile(id: string): void {
    this.#store.files.remove(this.#store.ledger, id);
  }

  #all(): (BoxRow | TransferRow)[] {
    if (!this.#store.hasSecondTables) return [];
    // What this vault sealed itself, it reads without asking again.
    return this.#store.dropBoxes.openAll().map((text) => JSON.parse(text) as BoxRow | TransferRow);
  }

  #marked(mark: string): string[] {
    return this.#ids("SELECT id FROM drop_box WHERE mark = ? ORDER BY rowid", mark);
  }

  #row<Row>(table: SealedTable, id: string): Row | undefined {
    if (!this.#store.hasSecondTables) return undefined;
    const text = table.get(id);
    // What this vault sealed itself, it reads without asking again.
    if (text !== undefined) return JSON.parse(text) as Row;
    this.#store.confirmAbsence(table, id);
    return undefined;
  }

  #ids(select: string, ...parameters: string[]): string[] {
    if (!this.#store.hasSecondTables) return [];
    return this.#store.connection
      .prepare(select)
      .all(...parameters)
      .map((row) => textOf(row, "id"));
  }
}
