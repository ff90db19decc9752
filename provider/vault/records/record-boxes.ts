import { isSameAddress } from "../../core/email.js";
import { refuseUnknownTypes } from "../../core/file-types.js";
import type {
  Boxes,
  Deposit,
  DepositInput,
  DropBox,
  DropBoxInput,
  DropBoxPatch,
  DropBoxRemoval,
  OwnerProof,
  TidyReport,
} from "../port.js";
import { archiveBox, createBox, listBoxes, requireBox, updateBox, viewBox } from "./boxes.js";
import { deleteBox, openDeposit, removeDeposit, requireDeposit, submitDeposit, tidy, viewDeposit } from "./deposits.js";
import { FileHolders, type HolderStorage, onlyMarked } from "./file-holders.js";
import { RecordFiles } from "./record-files.js";
import { RecordTransfers } from "./record-transfers.js";

/** The drop-boxes of a vault that keeps records of its own: every rule of the port, over a storage of rows and contents. */
export class RecordBoxes extends FileHolders implements Boxes {
  readonly files: RecordFiles;
  readonly transfers: RecordTransfers;

  constructor(storage: HolderStorage) {
    super(storage);
    this.files = new RecordFiles(storage.rows, storage.context, storage.contents);
    this.transfers = new RecordTransfers(storage);
  }

  async createBox(input: DropBoxInput): Promise<DropBox> {
    if (input.fileTypes) await refuseUnknownTypes(input.fileTypes);
    return this.rows.write((tx) => createBox(tx, this.context, this.keyed, input));
  }

  readBox(id: string): Promise<DropBox> {
    return this.rows.read((tx) => viewBox(tx, this.context, requireBox(tx, id)));
  }

  async updateBox(id: string, patch: DropBoxPatch): Promise<DropBox> {
    if (patch.fileTypes) await refuseUnknownTypes(patch.fileTypes);
    return this.rows.write((tx) => updateBox(tx, this.context, this.keyed, id, patch));
  }

  archiveBox(id: string, proof: OwnerProof): Promise<void> {
    return this.rows.write((tx) => archiveBox(tx, this.context, this.keyed, id, proof));
  }

  async deleteBox(id: string, removal: DropBoxRemoval): Promise<void> {
    await this.empty(await this.rows.write((tx) => deleteBox(tx, this.context, this.keyed, id, removal)));
  }

  findBox(categoryId: string | null, name: string): Promise<DropBox | undefined> {
    return this.rows.read((tx) => {
      const id = tx.boxes.boxNamed(categoryId, name.normalize("NFC"));
      const box = id === undefined ? undefined : viewBox(tx, this.context, requireBox(tx, id));
      return box?.status === "archived" ? undefined : box; // its time has come, and nobody has tidied up yet
    });
  }

  async *listBoxes(filter: { archived?: boolean } = {}): AsyncIterable<DropBox> {
    yield* await this.rows.read((tx) => listBoxes(tx, this.context, filter));
  }

  findOwnedBox(ownerKey: string): Promise<string | undefined> {
    return this.rows.read((tx) => {
      const ids = tx.boxes.boxesMarked(this.keyed("mark", ownerKey));
      const live = ids.filter((id) => !tx.boxes.box(id)?.archived);
      const hint = "Archive one of them, or adopt it under another name.";
      return onlyMarked(live, { what: "Two drop-boxes", ownerKey, hint });
    });
  }

  openDeposit(boxId: string, input: DepositInput): Promise<Deposit> {
    return this.rows.write((tx) => openDeposit(tx, this.context, boxId, input));
  }

  readDeposit(id: string): Promise<Deposit> {
    return this.rows.read((tx) => viewDeposit(tx, requireDeposit(tx, id)));
  }

  async submitDeposit(id: string, input: Pick<DepositInput, "note"> = {}): Promise<Deposit> {
    const { deposit, removed } = await this.rows.write((tx) => submitDeposit(tx, this.context, id, input));
    await this.empty(removed);
    return deposit;
  }

  async deleteDeposit(id: string): Promise<void> {
    await this.empty(await this.rows.write((tx) => removeDeposit(tx, this.context, id)));
  }

  async *listDeposits(boxId: string, { by }: { by?: string } = {}): AsyncIterable<Deposit> {
    yield* await this.rows.read((tx) => {
      requireBox(tx, boxId);
      const rows = tx.boxes.depositsOf(boxId).flatMap((id) => tx.boxes.deposit(id) ?? []);
      return rows.filter((row) => by === undefined || isSameAddress(row.by, by)).map((row) => viewDeposit(tx, row));
    });
  }

  async tidy(): Promise<TidyReport> {
    const { removed, ...report } = await this.rows.write((tx) => tidy(tx, this.context));
    await this.empty(removed);
    const known = () => this.rows.read((tx) => new Set(tx.boxes.files().map(({ id }) => id)));
    await this.contents.sweep(known, this.context.clock.now());
    return report;
  }
}
