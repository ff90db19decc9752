import type { Secret } from "../../core/secret.js";
import type { NewTransfer, Transfer, TransferInput, TransferPatch, Transfers } from "../port-transfers.js";
import type { OwnerProof } from "../port.js";
import { FileHolders, onlyMarked } from "./file-holders.js";
import { newPassword } from "./transfer-password.js";
import {
  archiveTransfer,
  createTransfer,
  newTransferId,
  requireTransfer,
  sendTransfer,
  updateTransfer,
  viewTransfer,
} from "./transfers.js";

/** The transfers of a vault that keeps records of its own: every rule of the port, over a storage of rows and contents. */
export class RecordTransfers extends FileHolders implements Transfers {
  async create(input: TransferInput): Promise<NewTransfer> {
    const id = newTransferId();
    const password = input.password && (await this.#digested(id, input.password));
    return this.rows.write((tx) => {
      const { row, link } = createTransfer(tx, this.context, this.keyed, { id, input, password });
      return { transfer: viewTransfer(tx, this.context, row), link };
    });
  }

  read(id: string): Promise<Transfer> {
    return this.rows.read((tx) => viewTransfer(tx, this.context, requireTransfer(tx, id)));
  }

  async update(id: string, patch: TransferPatch, link?: Secret): Promise<Transfer> {
    const given = patch.password;
    const password = given ? await this.#digested(id, given) : given;
    return this.rows.write((tx) => updateTransfer(tx, this.context, this.keyed, { id, patch, password, link }));
  }

  async send(id: string, link?: Secret): Promise<Transfer> {
    const { transfer, removed } = await this.rows.write((tx) =>
      sendTransfer(tx, this.context, this.keyed, { id, link }),
    );
    await this.empty(removed);
    return transfer;
  }

  async archive(id: string, proof: OwnerProof): Promise<void> {
    await this.empty(await this.rows.write((tx) => archiveTransfer(tx, this.context, this.keyed, { id, proof })));
  }

  async *list({ archived = false }: { archived?: boolean } = {}): AsyncIterable<Transfer> {
    yield* await this.rows.read((tx) => {
      const rows = tx.boxes.transfers().filter((row) => (row.archived !== undefined) === archived);
      return rows
        .map((row) => viewTransfer(tx, this.context, row))
        .sort((left, right) => Date.parse(left.createdAt) - Date.parse(right.createdAt));
    });
  }

  findOwned(ownerKey: string): Promise<string | undefined> {
    return this.rows.read((tx) => {
      const ids = tx.boxes.transfersMarked(this.keyed("mark", ownerKey));
      const live = ids.filter((id) => !tx.boxes.transfer(id)?.archived);
      return onlyMarked(live, { what: "Two transfers", ownerKey, hint: "End one of them." });
    });
  }

  /** Outside of any transaction: it takes a while on purpose. */
  async #digested(id: string, password: Secret) {
    await this.rows.read(() => undefined); // before the first transaction there are no keys
    return newPassword(this.keyed, id, password, this.context.clock.now());
  }
}
