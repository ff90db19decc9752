import type { BoxRow, DepositRow, FileRow, WriteBoxes } from "../records/box-rows.js";
import type { TransferRow } from "../records/transfer-rows.js";
import { UndoTable } from "./undo-table.js";

/** The tables of drop-boxes, deposits, transfers and files in this process's memory. */
export class MemoryBoxes implements WriteBoxes {
  readonly #boxes = new UndoTable<BoxRow, "named" | "category" | "mark">({
    named: ({ archived, categoryId, name }) => (archived ? [] : [`${categoryId ?? "-"} ${name}`]),
    category: ({ archived, categoryId }) => (archived || categoryId === null ? [] : [categoryId]),
    mark: ({ owner }) => (owner ? [owner.mark] : []),
  });
  readonly #deposits = new UndoTable<DepositRow, "of">({ of: ({ boxId }) => [boxId] });
  readonly #transfers = new UndoTable<TransferRow, "category" | "mark">({
    category: ({ archived, categoryId }) => (archived || categoryId === null ? [] : [categoryId]),
    mark: ({ owner }) => (owner ? [owner.mark] : []),
  });
  readonly #files = new UndoTable<FileRow, "of">({ of: ({ holderId }) => [holderId] });

  /** What a transaction ends together. */
  readonly tables: readonly { commit(): void; rollBack(): void }[] = [
    this.#boxes,
    this.#deposits,
    this.#transfers,
    this.#files,
  ];

  prepare(): void {
    // There is always room.
  }

  box(id: string): BoxRow | undefined {
    return this.#boxes.get(id);
  }

  boxNamed(categoryId: string | null, name: string): string | undefined {
    return this.#boxes.find("named", `${categoryId ?? "-"} ${name}`)[0];
  }

  boxesMarked(mark: string): string[] {
    return this.#boxes.find("mark", mark);
  }

  boxes(): BoxRow[] {
    return this.#boxes.all();
  }

  countIn(categoryId: string): number {
    return this.#boxes.find("category", categoryId).length + this.#transfers.find("category", categoryId).length;
  }

  deposit(id: string): DepositRow | undefined {
    return this.#deposits.get(id);
  }

  depositsOf(boxId: string): string[] {
    return this.#deposits.find("of", boxId);
  }

  transfer(id: string): TransferRow | undefined {
    return this.#transfers.get(id);
  }

  transfers(): TransferRow[] {
    return this.#transfers.all();
  }

  transfersMarked(mark: string): string[] {
    return this.#transfers.find("mark", mark);
  }

  file(id: string): FileRow | undefined {
    return this.#files.get(id);
  }

  files(): FileRow[] {
    return this.#files.all();
  }

  filesOf(depositId: string): string[] {
    return this.#files.find("of", depositId);
  }

  putBox(row: BoxRow): void {
    this.#boxes.put(row.id, row);
  }

  removeBox(id: string): void {
    this.#boxes.remove(id);
  }

  putDeposit(row: DepositRow): void {
    this.#deposits.put(row.id, row);
  }

  removeDeposit(id: string): void {
    this.#deposits.remove(id);
  }

  putTransfer(row: TransferRow): void {
    this.#transfers.put(row.id, row);
  }

  putFile(row: FileRow): void {
    this.#files.put(row.id, row);
  }

  removeFile(id: string): void {
    this.#files.remove(id);
  }
}
