import { CoffreError } from "../../core/errors.js";
import { bookDownloadMail, bookRefusalMail } from "./box-mail.js";
import type { FileRow } from "./box-rows.js";
import { bytesOf, idsOf, requireBox, requireOpen } from "./boxes.js";
import type { VaultContext } from "./context.js";
import { filesOf, requireDeposit } from "./deposits.js";
import type { ReadRows, WriteRows } from "./rows.js";
import { isTransferId } from "./transfer-rows.js";
import { idsOf as transferIdsOf, requireTransfer, statusOf, textOf } from "./transfers.js";

const DEFAULT_FILE_BYTES = 10_000_000_000;
const DEFAULT_BOX_BYTES = 50_000_000_000;

/** What holds files: a deposit in a drop-box, or a transfer. As one transaction sees it. */
export interface FileHolder {
  /** The deposit's or the transfer's. */
  id: string;
  /** The drop-box's; of a transfer its own. */
  boxId: string;
  /** What it is called in messages, after "The file has 3 bytes, and": `the drop-box`. */
  text: string;
  /** The ids that an event about one of its files names besides the file's. */
  eventIds: string[];
  /** Bytes. */
  maxFileBytes: number;
  /** Bytes of all files that count together. */
  maxBytes: number;
  /** As a drop-box has them. */
  fileTypes?: readonly string[];
  /** Files that count together, those that were refused left out. */
  files(): FileRow[];
  /** Their bytes, as far as they have come. */
  bytes(): number;
  /** @throws CoffreError CONFLICT unless files may be added */
  requireTaking(): void;
  /** Books the notices of a download. */
  bookDownload(tx: WriteRows, file: FileRow, by: string): void;
  /** Books the notices of a scanner's refusal. */
  bookRefusal(tx: WriteRows, file: FileRow): void;
}

/** @throws CoffreError NOT_FOUND */
export function holderOf(tx: ReadRows, context: VaultContext, id: string): FileHolder {
  return isTransferId(id) ? transferHolder(tx, context, id) : depositHolder(tx, context, id);
}

function depositHolder(tx: ReadRows, context: VaultContext, id: string): FileHolder {
  const deposit = requireDeposit(tx, id);
  const { boxId, submittedAt } = deposit;
  const box = requireBox(tx, boxId);
  const { maxFileBytes = DEFAULT_FILE_BYTES, maxBytes = DEFAULT_BOX_BYTES, fileTypes } = box;
  return {
    id,
    boxId,
    text: "the drop-box",
    eventIds: [id, ...idsOf(box)],
    maxFileBytes,
    maxBytes,
    ...(fileTypes === undefined ? {} : { fileTypes }),
    files: () => tx.boxes.depositsOf(boxId).flatMap((each) => counted(tx, each)),
    bytes: () => bytesOf(tx, boxId),
    requireTaking() {
      if (submittedAt !== undefined) {
        throw new CoffreError("CONFLICT", "The deposit was submitted already", {
          hint: "Begin another one.",
          details: { submittedAt },
        });
      }
      requireOpen(tx, box, context.clock.now());
    },
    bookDownload: (write, file, by) => bookDownloadMail(write, context, { box, file, by }),
    bookRefusal: (write, file) => bookRefusalMail(write, context, { box, deposit, file }),
  };
}

function transferHolder(tx: ReadRows, context: VaultContext, id: string): FileHolder {
  const row = requireTransfer(tx, id);
  return {
    id,
    boxId: id,
    text: "a transfer",
    eventIds: transferIdsOf(row),
    maxFileBytes: DEFAULT_FILE_BYTES,
    maxBytes: DEFAULT_BOX_BYTES,
    files: () => counted(tx, id),
    bytes: () => counted(tx, id).reduce((sum, { received }) => sum + received, 0),
    requireTaking() {
      const status = statusOf(tx, row, context.clock.now());
      if (status === "draft") return;
      throw new CoffreError("CONFLICT", `${textOf(row)} takes no more files: it is ${status}`, {
        hint: "Begin another one.",
        details: { transferId: id, status },
      });
    },
    bookDownload: () => undefined, // its sender looks at the count
    bookRefusal: () => undefined, // and at the state of each file
  };
}

function counted(tx: ReadRows, holderId: string): FileRow[] {
  return filesOf(tx, holderId).filter(({ state }) => state !== "refused");
}
