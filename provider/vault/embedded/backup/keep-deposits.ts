import type { DepositRow, FileRow } from "../../records/box-rows.js";
import type { Store } from "../store.js";
import { DEPOSIT, STORED_FILE } from "../tables.js";

/**
 * What people outside deposited exists nowhere else, and how far an upload has come the disk knows: a restore in place leaves
 * deposits and files as they are, if the backup has their box or transfer.
 * @returns ids of the rows that stay, by table
 */
export function findDeposits(store: Store, draft: Store): Map<string, ReadonlySet<string>> {
  const [deposits, files] = [new Set<string>(), new Set<string>()];
  if (store.hasSecondTables) {
    const boxes = new Set(draft.dropBoxes.ids());
    for (const { id, text } of store.deposits.stream()) {
      // What this vault sealed itself, it reads without asking again.
      if (boxes.has((JSON.parse(text) as DepositRow).boxId)) deposits.add(id);
    }
    for (const { id, text } of store.files.stream()) {
      const { holderId } = JSON.parse(text) as FileRow;
      if (deposits.has(holderId) || boxes.has(holderId)) files.add(id);
    }
  }
  return new Map([
    [DEPOSIT.name, deposits],
    [STORED_FILE.name, files],
  ]);
}
