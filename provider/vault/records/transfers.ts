import { randomBytes } from "node:crypto";
import { plainAddresses } from "../../core/drop-box.js";
import { eachAddressOnce } from "../../core/email.js";
import { CoffreError } from "../../core/errors.js";
import { newId } from "../../core/id.js";
import { hasPassed } from "../../core/instant.js";
import { Secret } from "../../core/secret.js";
import { checkTransferFacts, DAY_MS, downloadsText } from "../../core/transfer.js";
import type { Transfer, TransferFile, TransferInput, TransferPatch, TransferStatus } from "../port-transfers.js";
import type { OwnerProof } from "../port.js";
import { categoryGone, logEvent, type VaultContext } from "./context.js";
import { checkOwner, type Keyed, ownerRow } from "./owner.js";
import { releaseMail } from "./outbox.js";
import { changedFields, patched } from "./patch.js";
import type { ReadRows, WriteRows } from "./rows.js";
import { bookTransferMail } from "./transfer-mail.js";
import { equalDigests } from "./transfer-password.js";
import type { PasswordRow, TransferRow } from "./transfer-rows.js";

const SECRET_BYTES = 32;
/** Wrong passwords in a row that a transfer bears. */
export const MOST_WRONG = 10;
/** How often one file's download may be cut without being counted. */
export const MOST_CUT = 10;
/** A transfer that was never sent is given up after so long. */
const DRAFT_DAYS = 7;

/** The rules of `Transfers.create`. */
export function createTransfer(
  tx: WriteRows,
  context: VaultContext,
  keyed: Keyed,
  { id, input, password }: { id: string; input: TransferInput; password: PasswordRow | undefined },
): { row: TransferRow; link: Secret } {
  const { categoryId, from, to = [], message, expiresAt, maxDownloads, encryptedFor, owner } = input;
  const now = context.clock.now();
  if (categoryId !== null && !tx.category(categoryId)) throw categoryGone(categoryId);
  const secret = randomBytes(SECRET_BYTES).toString("base64url");
  const row: TransferRow = checkTransferFacts(
    {
      id,
      name: id,
      categoryId,
      from,
      to: plainAddresses("to", to),
      ...(message === undefined ? {} : { message }),
      expiresAt,
      ...(maxDownloads === undefined ? {} : { maxDownloads }),
      ...(encryptedFor === undefined ? {} : { encryptedFor }),
      ...(owner === undefined ? {} : { owner: ownerRow(keyed, owner) }),
      createdAt: now.toISOString(),
      linkDigest: digestOf(keyed, secret),
      ...(password === undefined ? {} : { password }),
      downloads: {},
    },
    now,
  );
  tx.boxes.prepare({ at: row.createdAt, actor: context.actor });
  tx.boxes.putTransfer(row);
  logEvent(tx, context, "transfer.created", idsOf(row), { detail: detailOf(row) });
  return { row, link: new Secret(`${id}.${secret}`) };
}

/** The rules of `Transfers.update`. @param password `null` takes it away */
export function updateTransfer(
  tx: WriteRows,
  context: VaultContext,
  keyed: Keyed,
  {
    id,
    patch,
    password,
    link,
  }: { id: string; patch: TransferPatch; password: PasswordRow | null | undefined; link: Secret | undefined },
): Transfer {
  const before = requireTransfer(tx, id);
  checkOwner(keyed, before, patch, textOf(before));
  requireLive(before);
  if (link) requireOwnLink(keyed, before, link);
  const { to, owner, ...plain } = patch;
  let row = patched(before, plain, ["message", "expiresAt", "maxDownloads"]);
  if (to !== undefined) row.to = plainAddresses("to", to);
  if (owner !== undefined) row.owner = ownerRow(keyed, owner);
  if (password !== undefined) {
    const { password: _old, wrong: _wrong, ...rest } = row;
    row = { ...rest, ...(password === null ? {} : { password }) };
  }
  const changes = changedFields(before, row);
  if (changes.length === 0) return viewTransfer(tx, context, before);
  // A time that has passed meanwhile may stay as it is.
  row = checkTransferFacts(row, row.expiresAt === before.expiresAt ? undefined : context.clock.now());
  tx.boxes.putTransfer(row);
  logEvent(tx, context, "transfer.updated", idsOf(row), { detail: `${changes.join(", ")}; ${detailOf(row)}` });
  if (link && row.sentAt !== undefined) {
    bookTransferMail(tx, context, { row, files: filesOf(tx, row), link }, eachAddressOnce(row.to, before.to));
  }
  return viewTransfer(tx, context, row);
}

/** The rules of `Transfers.send`. @returns files that were taken away, too: their contents may go */
export function sendTransfer(
  tx: WriteRows,
  context: VaultContext,
  keyed: Keyed,
  { id, link }: { id: string; link: Secret | undefined },
): { transfer: Transfer; removed: string[] } {
  const before = requireTransfer(tx, id);
  requireLive(before);
  if (link) requireOwnLink(keyed, before, link);
  if (before.sentAt !== undefined) return { transfer: viewTransfer(tx, context, before), removed: [] };
  const files = tx.boxes.filesOf(id).flatMap((fileId) => tx.boxes.file(fileId) ?? []);
  const whole = files.filter(({ state }) => state === "ready");
  if (whole.length === 0) {
    throw new CoffreError("CONFLICT", `${textOf(before)} has no file that is whole`, {
      hint: "Finish the upload of one first.",
      details: { transferId: id },
    });
  }
  const removed = files.filter(({ state }) => state !== "ready").map((file) => file.id);
  for (const fileId of removed) tx.boxes.removeFile(fileId);
  const row: TransferRow = { ...before, sentAt: context.clock.now().toISOString() };
  tx.boxes.putTransfer(row);
  logEvent(tx, context, "transfer.sent", [...idsOf(row), ...whole.map((file) => file.id)], {
    detail: `${detailOf(row)}: ${whole.map(({ name }) => name).join(", ")}`,
  });
  if (link) bookTransferMail(tx, context, { row, files: filesOf(tx, row), link }, row.to);
  return { transfer: viewTransfer(tx, context, row), removed };
}

/** The rules of `Transfers.archive`. @returns ids of the files whose contents may go */
export function archiveTransfer(
  tx: WriteRows,
  context: VaultContext,
  keyed: Keyed,
  { id, proof }: { id: string; proof: OwnerProof },
): string[] {
  const row = tx.boxes.transfer(id);
  if (!row || row.archived) return [];
  checkOwner(keyed, row, proof, textOf(row));
  return putArchived(tx, context, row);
}

/** What of the transfers `Boxes.tidy` archives. @returns ids of the files whose contents may go, too */
export function tidyTransfers(tx: WriteRows, context: VaultContext): { archived: string[]; removed: string[] } {
  const now = context.clock.now();
  const done = { archived: [] as string[], removed: [] as string[] };
  for (const row of tx.boxes.transfers()) {
    if (row.archived) continue;
    const status = statusOf(tx, row, now);
    const isForgotten = status === "draft" && Date.parse(row.createdAt) + DRAFT_DAYS * DAY_MS <= now.getTime();
    if (status !== "expired" && status !== "used" && !isForgotten) continue;
    done.removed.push(...putArchived(tx, context, row));
    done.archived.push(row.id);
  }
  return done;
}

function putArchived(tx: WriteRows, context: VaultContext, row: TransferRow): string[] {
  const ids = tx.boxes.filesOf(row.id);
  const files = filesOf(tx, row).map(({ id, name, size = 0, sha256 = "" }) => ({ id, name, size, sha256 }));
  for (const fileId of ids) tx.boxes.removeFile(fileId);
  tx.boxes.putTransfer({ ...row, archived: { at: context.clock.now().toISOString(), files } });
  releaseMail(tx, context, row.id); // a link that opens nothing is no news to anybody
  logEvent(tx, context, "transfer.archived", [...idsOf(row), ...ids], {
    detail: files.map(({ name }) => name).join(", "),
  });
  return ids;
}

export function viewTransfer(tx: ReadRows, context: VaultContext, row: TransferRow): Transfer {
  const {
    name: _name,
    linkDigest: _link,
    password,
    wrong: _wrong,
    downloads: _downloads,
    owner,
    archived,
    ...shown
  } = row;
  const files = filesOf(tx, row);
  return {
    ...shown,
    hasPassword: password !== undefined,
    ...(password === undefined ? {} : { passwordSetAt: password.setAt }),
    owned: owner !== undefined,
    ...(archived === undefined ? {} : { archivedAt: archived.at }),
    status: statusOf(tx, row, context.clock.now()),
    files,
    downloadCount: files.reduce((sum, { downloads }) => sum + downloads, 0),
  };
}

function filesOf(tx: ReadRows, { id, downloads, archived }: TransferRow): TransferFile[] {
  const files = archived?.files ?? tx.boxes.filesOf(id).flatMap((fileId) => tx.boxes.file(fileId) ?? []);
  return files.map((file) => ({
    id: file.id,
    name: file.name,
    ...(file.size === undefined ? {} : { size: file.size }),
    ...(file.sha256 === undefined ? {} : { sha256: file.sha256 }),
    downloads: downloads[file.id]?.count ?? 0,
  }));
}

export function statusOf(tx: ReadRows, row: TransferRow, now: Date): TransferStatus {
  const { archived, sentAt, expiresAt, wrong = 0, maxDownloads } = row;
  if (archived) return "archived";
  if (hasPassed(expiresAt, now)) return "expired";
  if (sentAt === undefined) return "draft";
  if (maxDownloads !== undefined && filesOf(tx, row).every(({ downloads }) => downloads >= maxDownloads)) return "used";
  return wrong >= MOST_WRONG ? "locked" : "open";
}

/** The row behind a link, once it was sent. @throws CoffreError NOT_FOUND, the same for every link that opens nothing */
export function requireLink(tx: ReadRows, keyed: Keyed, link: Secret): TransferRow {
  const [id = "", secret = ""] = link.reveal().split(".");
  const row = tx.boxes.transfer(id);
  if (row?.sentAt !== undefined && equalDigests(digestOf(keyed, secret), row.linkDigest)) return row;
  throw new CoffreError("NOT_FOUND", "There is no transfer behind this link", {
    hint: "Is the link whole? Ask whoever sent it.",
  });
}

/** @throws CoffreError NOT_FOUND */
export function requireTransfer(tx: ReadRows, id: string): TransferRow {
  const row = tx.boxes.transfer(id);
  if (row) return row;
  throw new CoffreError("NOT_FOUND", `There is no transfer ${id}`, { details: { transferId: id } });
}

/** The ids that its events name. */
export function idsOf({ id, categoryId }: TransferRow): string[] {
  return [id, ...(categoryId === null ? [] : [categoryId])];
}

/** What stands in messages. */
export function textOf({ id }: TransferRow): string {
  return `The transfer ${id}`;
}

/** A new transfer's id: its password's digest is bound to it. */
export function newTransferId(): string {
  return newId("tr_");
}

function requireLive(row: TransferRow): void {
  if (!row.archived) return;
  throw new CoffreError("CONFLICT", `${textOf(row)} has ended, and what it sent is gone`, {
    hint: "Send the files anew.",
    details: { transferId: row.id, status: "archived" },
  });
}

function requireOwnLink(keyed: Keyed, row: TransferRow, link: Secret): void {
  const [id, secret = ""] = link.reveal().split(".");
  if (id === row.id && equalDigests(digestOf(keyed, secret), row.linkDigest)) return;
  throw new CoffreError("FORBIDDEN", `The link isn't that of ${row.id}`, { details: { transferId: row.id } });
}

function digestOf(keyed: Keyed, secret: string): string {
  return keyed("token", `transfer link ${secret}`);
}

/** Who can have it, and until when. */
function detailOf({ to, expiresAt, maxDownloads, password, encryptedFor }: TransferRow): string {
  return [
    `to ${to.join(" ") || "whoever has the link"}`,
    `until ${expiresAt}`,
    ...(maxDownloads === undefined ? [] : [downloadsText(maxDownloads)]),
    ...(password ? ["with a password"] : []),
    ...(encryptedFor === undefined ? [] : ["encrypted end to end"]),
  ].join("; ");
}
