import { checkBoxText } from "../../core/drop-box.js";
import { CoffreError } from "../../core/errors.js";
import { newId } from "../../core/id.js";
import { hasPassed } from "../../core/instant.js";
import type { Deposit, DepositInput, DropBoxRemoval, StoredFile, TidyReport } from "../port.js";
import { bookDepositMail, isOfBox } from "./box-mail.js";
import type { BoxRow, DepositRow, FileRow } from "./box-rows.js";
import { boxText, idsOf, putArchived, requireBox, requireOpen } from "./boxes.js";
import { logEvent, type VaultContext } from "./context.js";
import { checkOwner, type Keyed } from "./owner.js";
import type { ReadRows, WriteRows } from "./rows.js";
import { tidyTransfers } from "./transfers.js";

const DAY_MS = 86_400_000;
/** An upload that nobody went on with for so long is given up. */
const UPLOAD_DAYS = 7;

/** The rules of `Boxes.openDeposit`. */
export function openDeposit(tx: WriteRows, context: VaultContext, boxId: string, input: DepositInput): Deposit {
  const box = requireBox(tx, boxId);
  const { by, inside = false, note } = input;
  requireOpen(tx, box, context.clock.now());
  if (!inside && !isOfBox(box, by)) {
    throw new CoffreError("FORBIDDEN", `${boxText(tx, box)} isn't for whoever wants to deposit`, {
      hint: "Only its recipients and managers deposit in it.",
      details: { boxId },
    });
  }
  const row: DepositRow = {
    id: newId("dp_"),
    boxId,
    by,
    ...(note === undefined ? {} : { note: checkBoxText("note", note) }),
    openedAt: context.clock.now().toISOString(),
  };
  tx.boxes.putDeposit(row);
  return viewDeposit(tx, row);
}

/** The rules of `Boxes.submitDeposit`. @returns files that were taken away, too: their contents may go */
export function submitDeposit(
  tx: WriteRows,
  context: VaultContext,
  id: string,
  { note }: Pick<DepositInput, "note">,
): { deposit: Deposit; removed: string[] } {
  const before = requireDeposit(tx, id);
  if (before.submittedAt !== undefined) return { deposit: viewDeposit(tx, before), removed: [] };
  const box = requireBox(tx, before.boxId);
  requireOpen(tx, box, context.clock.now());
  const files = filesOf(tx, id);
  const whole = files.filter(({ state }) => state === "ready" || state === "quarantine");
  if (whole.length === 0) {
    throw new CoffreError("CONFLICT", "The deposit has no file that is whole", {
      hint: "Finish the upload of one first.",
      details: { depositId: id },
    });
  }
  const removed = files.filter(({ state }) => state === "uploading").map((file) => file.id);
  for (const fileId of removed) tx.boxes.removeFile(fileId);
  const row: DepositRow = {
    ...before,
    ...(note === undefined ? {} : { note: checkBoxText("note", note) }),
    submittedAt: context.clock.now().toISOString(),
  };
  tx.boxes.putDeposit(row);
  const ids = [id, ...idsOf(box), ...whole.map((file) => file.id)];
  logEvent(tx, context, "deposit.submitted", ids, {
    detail: `by ${row.by}: ${whole.map(({ name }) => name).join(", ")}`,
  });
  bookDepositMail(tx, context, { box, deposit: row, files: whole });
  return { deposit: viewDeposit(tx, row), removed };
}

/** Takes a deposit and its files away, with an event. @returns ids of the files */
export function removeDeposit(tx: WriteRows, context: VaultContext, id: string): string[] {
  const row = tx.boxes.deposit(id);
  if (!row) return [];
  const files = filesOf(tx, id);
  for (const file of files) tx.boxes.removeFile(file.id);
  tx.boxes.removeDeposit(id);
  const box = requireBox(tx, row.boxId);
  const ids = [id, ...idsOf(box), ...files.map((file) => file.id)];
  const names = files.map(({ name }) => name).join(", ") || "no file";
  logEvent(tx, context, "deposit.deleted", ids, { detail: `by ${row.by}: ${names}` });
  return files.map((file) => file.id);
}

/** The rules of `Boxes.deleteBox`. @returns ids of the files whose contents may go */
export function deleteBox(
  tx: WriteRows,
  context: VaultContext,
  keyed: Keyed,
  id: string,
  { onlyEmpty = false, ...proof }: DropBoxRemoval,
): string[] {
  const row = tx.boxes.box(id);
  if (!row) return [];
  checkOwner(keyed, row, proof, boxText(tx, row));
  if (onlyEmpty) requireEmpty(tx, row);
  const removed = tx.boxes.depositsOf(id).flatMap((depositId) => removeDeposit(tx, context, depositId));
  tx.boxes.removeBox(id);
  logEvent(tx, context, "box.deleted", idsOf(row), { detail: row.name });
  return removed;
}

/** @throws CoffreError CONFLICT if bytes of anybody are in it, of a deposit that is being made too */
function requireEmpty(tx: ReadRows, box: BoxRow): void {
  const full = tx.boxes.depositsOf(box.id).filter((id) => {
    const files = filesOf(tx, id);
    return requireDeposit(tx, id).submittedAt !== undefined || files.some(({ received }) => received > 0);
  });
  if (full.length === 0) return;
  const deposits = full.length === 1 ? "a deposit" : `${full.length} deposits`;
  throw new CoffreError("CONFLICT", `${boxText(tx, box)} isn't empty: ${deposits} would be lost`, {
    hint: "Archive it, and what was deposited stays; or delete its deposits first.",
    details: { boxId: box.id, deposits: full.length },
  });
}

/** The rules of `Boxes.tidy`. @returns ids of the files whose contents may go, too */
export function tidy(tx: WriteRows, context: VaultContext): TidyReport & { removed: string[] } {
  const now = context.clock.now();
  const { archived, removed } = tidyTransfers(tx, context);
  const report: TidyReport & { removed: string[] } = {
    archivedBoxes: [],
    deletedDeposits: [],
    abortedFiles: [],
    archivedTransfers: archived,
    removed,
  };
  for (const box of tx.boxes.boxes()) {
    if (!box.archived && hasPassed(box.archivesAt, now)) {
      putArchived(tx, context, box);
      report.archivedBoxes.push(box.id);
    }
    for (const depositId of tx.boxes.depositsOf(box.id)) tidyDeposit(tx, context, depositId, box.keepDays, report);
  }
  return report;
}

function tidyDeposit(
  tx: WriteRows,
  context: VaultContext,
  id: string,
  keepDays: number | undefined,
  report: TidyReport & { removed: string[] },
): void {
  const now = context.clock.now();
  const row = requireDeposit(tx, id);
  if (keepDays !== undefined && row.submittedAt !== undefined && isOlder(row.submittedAt, keepDays, now)) {
    report.removed.push(...removeDeposit(tx, context, id));
    report.deletedDeposits.push(id);
    return;
  }
  for (const { id: fileId, state, touchedAt } of filesOf(tx, id)) {
    if (state !== "uploading" || !isOlder(touchedAt, UPLOAD_DAYS, now)) continue;
    tx.boxes.removeFile(fileId);
    report.abortedFiles.push(fileId);
    report.removed.push(fileId);
  }
  if (row.submittedAt === undefined && isOlder(row.openedAt, UPLOAD_DAYS, now) && filesOf(tx, id).length === 0) {
    tx.boxes.removeDeposit(id); // nobody ever put anything into it
  }
}

function isOlder(instant: string, days: number, now: Date): boolean {
  return Date.parse(instant) + days * DAY_MS <= now.getTime();
}

export function viewDeposit(tx: ReadRows, row: DepositRow): Deposit {
  return { ...row, files: filesOf(tx, row.id).map(viewFile) };
}

export function viewFile({ holderId, key: _key, tail: _tail, touchedAt: _touchedAt, ...shown }: FileRow): StoredFile {
  return { ...shown, depositId: holderId };
}

export function filesOf(tx: ReadRows, depositId: string): FileRow[] {
  return tx.boxes.filesOf(depositId).flatMap((id) => tx.boxes.file(id) ?? []);
}

/** @throws CoffreError NOT_FOUND */
export function requireDeposit(tx: ReadRows, id: string): DepositRow {
  const row = tx.boxes.deposit(id);
  if (row) return row;
  throw new CoffreError("NOT_FOUND", `There is no deposit ${id}`, { details: { depositId: id } });
}
