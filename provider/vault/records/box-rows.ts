import type { DropBoxInput } from "../port-boxes.js";
import type { StoredFile } from "../port-files.js";
import type { OwnerRow } from "./rows.js";
import type { ReadTransfers, WriteTransfers } from "./transfer-rows.js";

/** What `RecordBoxes` asks of a storage, inside the transactions of its `Rows`: the same promises hold. */
export interface ReadBoxes extends ReadTransfers {
  box(id: string): BoxRow | undefined;
  /** The live box of this name in the category, by its id. */
  boxNamed(categoryId: string | null, name: string): string | undefined;
  /** Ids of boxes, archived ones too, that carry the mark. */
  boxesMarked(mark: string): string[];
  boxes(): BoxRow[];
  /** How many boxes and transfers that aren't archived stand in the category. */
  countIn(categoryId: string): number;
  deposit(id: string): DepositRow | undefined;
  /** Ids, in the order in which they were begun. */
  depositsOf(boxId: string): string[];
  file(id: string): FileRow | undefined;
  /** Of everybody, in the order in which they were begun. */
  files(): FileRow[];
  /** Ids of the files of a deposit or a transfer, in the order in which they were begun. */
  filesOf(depositId: string): string[];
}

export interface WriteBoxes extends ReadBoxes, WriteTransfers {
  /** Readies the storage for rows of these kinds; to be called before one is written. */
  prepare(by: { at: string; actor: string }): void;
  putBox(row: BoxRow): void;
  removeBox(id: string): void;
  putDeposit(row: DepositRow): void;
  removeDeposit(id: string): void;
  putFile(row: FileRow): void;
  /** With the key of its content, which nobody opens again. */
  removeFile(id: string): void;
}

export interface BoxRow extends Omit<DropBoxInput, "owner" | "onNameConflict" | "managers" | "phones"> {
  id: string;
  managers: string[];
  phones: string[];
  /** Missing where it is the default. */
  partitioned?: true;
  depositNotice?: false;
  downloadNotice?: true;
  enabled?: false;
  owner?: OwnerRow;
  /** ISO 8601, UTC. */
  createdAt: string;
  /** Set while it is out of the list, with the path that it had. */
  archived?: { at: string; path: string[] };
}

export interface DepositRow {
  id: string;
  boxId: string;
  by: string;
  note?: string;
  openedAt: string;
  submittedAt?: string;
}

export interface FileRow extends Omit<StoredFile, "depositId"> {
  /** The deposit, or the transfer. */
  holderId: string;
  /** What its content is sealed under: 32 random bytes, base64. */
  key: string;
  /** Acknowledged bytes behind the last whole chunk, base64; gone once it is whole. */
  tail: string;
  /** Of the last acknowledgement, ISO 8601, UTC. */
  touchedAt: string;
}
