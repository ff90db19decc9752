import { CoffreError } from "../../core/errors.js";
import type { Secret } from "../../core/secret.js";
import type { StoredFile } from "../port-files.js";
import type { Transfer, TransferLinks } from "../port-transfers.js";
import { logEvent, type VaultContext } from "./context.js";
import type { Keyed } from "./owner.js";
import type { RecordFiles } from "./record-files.js";
import type { Rows, WriteRows } from "./rows.js";
import { isPassword } from "./transfer-password.js";
import type { TransferRow } from "./transfer-rows.js";
import {
  idsOf,
  MOST_CUT,
  MOST_WRONG,
  requireLink,
  requireTransfer,
  statusOf,
  textOf,
  viewTransfer,
} from "./transfers.js";

/** What the links of a vault's transfers open, over its rows and files. */
export class RecordLinks implements TransferLinks {
  readonly #rows: Rows;
  readonly #context: VaultContext;
  readonly #keyed: Keyed;
  readonly #files: RecordFiles;

  constructor(rows: Rows, context: VaultContext, keyed: Keyed, files: RecordFiles) {
    this.#rows = rows;
    this.#context = context;
    this.#keyed = keyed;
    this.#files = files;
  }

  open(link: Secret): Promise<Transfer> {
    return this.#rows.read((tx) => viewTransfer(tx, this.#context, requireLink(tx, this.#keyed, link)));
  }

  async unlock(link: Secret, password: Secret): Promise<void> {
    // The try is booked before it is made: many at once, or a kill, win nobody another one.
    const row = await this.#rows.write((tx) => {
      const found = requireLink(tx, this.#keyed, link);
      if (!found.password) return found;
      const wrong = found.wrong ?? 0;
      if (wrong >= MOST_WRONG) throw locked(found);
      tx.boxes.putTransfer({ ...found, wrong: wrong + 1 });
      if (wrong + 1 === MOST_WRONG) logEvent(tx, this.#context, "transfer.locked", idsOf(found));
      return found;
    });
    if (!row.password || (await isPassword(this.#keyed, row.id, password, row.password))) {
      return this.#rows.write((tx) => forgive(tx, row));
    }
    throw new CoffreError("FORBIDDEN", "The password isn't that of the transfer", {
      hint: `After ${MOST_WRONG} wrong ones in a row nobody comes in any more.`,
      details: { transferId: row.id, left: MOST_WRONG - 1 - (row.wrong ?? 0) },
    });
  }

  async download(
    link: Secret,
    fileId: string,
    by: string,
  ): Promise<{ file: StoredFile; content: AsyncIterable<Uint8Array> }> {
    const id = await this.#rows.write((tx) => this.#count(tx, requireLink(tx, this.#keyed, link), fileId));
    const { file, content } = await this.#files.read(fileId, { by });
    const uncount = (): Promise<void> => this.#rows.write((tx) => takeBack(tx, id, fileId));
    async function* counted(): AsyncIterable<Uint8Array> {
      let isWhole = false;
      try {
        yield* content;
        isWhole = true;
      } finally {
        if (!isWhole) await uncount();
      }
    }
    return { file, content: counted() };
  }

  /** @returns the transfer's id */
  #count(tx: WriteRows, row: TransferRow, fileId: string): string {
    const status = statusOf(tx, row, this.#context.clock.now());
    if (status === "locked") throw locked(row);
    if (!tx.boxes.filesOf(row.id).includes(fileId) && status !== "archived") {
      throw new CoffreError("NOT_FOUND", `${textOf(row)} has no file ${fileId}`, { details: { transferId: row.id } });
    }
    const { count, cut } = row.downloads[fileId] ?? { count: 0, cut: 0 };
    const isUsed = row.maxDownloads !== undefined && count >= row.maxDownloads;
    if (status !== "open" || isUsed) {
      const now = isUsed ? "used" : status;
      throw new CoffreError("CONFLICT", `Nothing can be downloaded of ${row.id}: it is ${now}`, {
        hint: "Ask whoever sent it to send it again.",
        details: { transferId: row.id, status: now },
      });
    }
    tx.boxes.putTransfer({ ...row, downloads: { ...row.downloads, [fileId]: { count: count + 1, cut } } });
    return row.id;
  }
}

/** The password was right. */
function forgive(tx: WriteRows, { id, password }: TransferRow): void {
  const row = requireTransfer(tx, id);
  // Another one may have been set meanwhile.
  if (row.wrong === undefined || row.password?.digest !== password?.digest) return;
  const { wrong: _wrong, ...rest } = row;
  tx.boxes.putTransfer(rest);
}

/** A download was cut. It counts no more, unless this file's were cut too often. */
function takeBack(tx: WriteRows, id: string, fileId: string): void {
  const row = tx.boxes.transfer(id);
  const counted = row?.downloads[fileId];
  if (!row || !counted || counted.cut >= MOST_CUT) return;
  const { count, cut } = counted;
  tx.boxes.putTransfer({ ...row, downloads: { ...row.downloads, [fileId]: { count: count - 1, cut: cut + 1 } } });
}

function locked(row: TransferRow): CoffreError {
  return new CoffreError("LOCKED", `${textOf(row)} had ${MOST_WRONG} wrong passwords in a row`, {
    hint: "Its sender opens it again by setting another password.",
    details: { transferId: row.id, status: "locked" },
  });
}
