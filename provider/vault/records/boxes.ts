import { checkBoxFacts, plainAddresses, touchedFacts } from "../../core/drop-box.js";
import { eachAddressOnce } from "../../core/email.js";
import { CoffreError } from "../../core/errors.js";
import { newId } from "../../core/id.js";
import { hasPassed } from "../../core/instant.js";
import { checkName } from "../../core/name.js";
import type { DropBox, DropBoxInput, DropBoxPatch, DropBoxStatus, OwnerProof } from "../port.js";
import { bookInvitations } from "./box-mail.js";
import type { BoxRow } from "./box-rows.js";
import { comparePaths } from "./categories.js";
import { categoryGone, logEvent, named, type VaultContext } from "./context.js";
import { checkOwner, type Keyed, ownerRow } from "./owner.js";
import { changedFields } from "./patch.js";
import type { ReadRows, WriteRows } from "./rows.js";
import { Tree } from "./tree.js";

/** Fields that a patch sets as they are, or takes away. */
const PLAIN = ["description", "expiresAt", "archivesAt", "maxFileBytes", "maxBytes", "fileTypes", "keepDays"] as const;

/** The rules of `Boxes.createBox`. */
export function createBox(tx: WriteRows, context: VaultContext, keyed: Keyed, input: DropBoxInput): DropBox {
  const { owner, onNameConflict = "fail", recipients, managers = [], phones = [], ...rest } = input;
  const { partitioned, depositNotice, downloadNotice, enabled, ...facts } = rest;
  const now = context.clock.now();
  const row: BoxRow = checkBoxFacts({
    ...facts,
    id: newId("bx_"),
    name: checkName("drop-box", input.name),
    recipients: plainAddresses("recipients", recipients),
    managers: plainAddresses("managers", managers),
    phones: [...phones],
    ...switches({ partitioned, depositNotice, downloadNotice, enabled }),
    ...(owner === undefined ? {} : { owner: ownerRow(keyed, owner) }),
    createdAt: now.toISOString(),
  });
  if (row.categoryId !== null && !tx.category(row.categoryId)) throw categoryGone(row.categoryId);
  tx.boxes.prepare({ at: row.createdAt, actor: context.actor });
  const taken = tx.boxes.boxNamed(row.categoryId, row.name);
  if (taken !== undefined) {
    const other = requireBox(tx, taken);
    if (!isArchived(other, now) && onNameConflict === "fail") throw nameTaken(tx, other);
    if (other.owner && other.owner.stack !== row.owner?.stack && !isArchived(other, now)) {
      throw new CoffreError("CONFLICT", `${boxText(tx, other)} belongs to another stack, and isn't replaced`, {
        hint: "Choose another name, or archive that one where it is declared.",
        details: { boxId: taken },
      });
    }
    putArchived(tx, context, other);
  }
  tx.boxes.putBox(row);
  logEvent(tx, context, "box.created", idsOf(row), { detail: detailOf(row) });
  bookInvitations(tx, context, row, [...row.recipients, ...row.managers]);
  return viewBox(tx, context, row);
}

/** The rules of `Boxes.updateBox`. */
export function updateBox(
  tx: WriteRows,
  context: VaultContext,
  keyed: Keyed,
  id: string,
  patch: DropBoxPatch,
): DropBox {
  const before = requireBox(tx, id);
  checkOwner(keyed, before, patch, boxText(tx, before));
  const row = patchedBox(before, patch);
  Object.assign(row, checkBoxFacts(touchedFacts(row, patch)));
  if (patch.owner !== undefined) row.owner = ownerRow(keyed, patch.owner);
  const changes = changedFields(before, row);
  if (changes.length === 0) return viewBox(tx, context, before);
  if (changes.includes("name") || changes.includes("categoryId")) {
    if (row.categoryId !== null && !tx.category(row.categoryId)) throw categoryGone(row.categoryId);
    const taken = row.archived ? undefined : tx.boxes.boxNamed(row.categoryId, row.name);
    if (taken !== undefined && taken !== id) throw nameTaken(tx, requireBox(tx, taken));
  }
  tx.boxes.putBox(row);
  logEvent(tx, context, "box.updated", idsOf(row), { detail: `${changes.join(", ")}; ${detailOf(row)}` });
  const added = eachAddressOnce([...row.recipients, ...row.managers], [...before.recipients, ...before.managers]);
  if (!row.archived) bookInvitations(tx, context, row, added);
  return viewBox(tx, context, row);
}

function patchedBox(before: BoxRow, patch: DropBoxPatch): BoxRow {
  const { partitioned, depositNotice, downloadNotice, enabled, ...kept } = before;
  const set = new Map<string, unknown>(Object.entries(kept));
  for (const field of PLAIN) {
    if (patch[field] === null) set.delete(field);
    else if (patch[field] !== undefined) set.set(field, patch[field]);
  }
  // Each of the fields has the patch's type in the row, or is left out there.
  const row = Object.fromEntries(set) as unknown as BoxRow;
  if (patch.name !== undefined) row.name = checkName("drop-box", patch.name);
  if (patch.categoryId !== undefined) row.categoryId = patch.categoryId;
  if (patch.recipients !== undefined) row.recipients = plainAddresses("recipients", patch.recipients);
  if (patch.managers !== undefined) row.managers = plainAddresses("managers", patch.managers);
  if (patch.phones !== undefined) row.phones = [...patch.phones];
  return {
    ...row,
    ...switches({
      partitioned: patch.partitioned ?? partitioned,
      depositNotice: patch.depositNotice ?? depositNotice,
      downloadNotice: patch.downloadNotice ?? downloadNotice,
      enabled: patch.enabled ?? enabled,
    }),
  };
}

/** Only what isn't the default is kept. */
function switches(given: Record<"partitioned" | "depositNotice" | "downloadNotice" | "enabled", boolean | undefined>) {
  return {
    ...(given.partitioned === true ? { partitioned: true as const } : {}),
    ...(given.depositNotice === false ? { depositNotice: false as const } : {}),
    ...(given.downloadNotice === true ? { downloadNotice: true as const } : {}),
    ...(given.enabled === false ? { enabled: false as const } : {}),
  };
}

/** The rules of `Boxes.archiveBox`. */
export function archiveBox(tx: WriteRows, context: VaultContext, keyed: Keyed, id: string, proof: OwnerProof): void {
  const row = tx.boxes.box(id);
  if (!row || row.archived) return;
  checkOwner(keyed, row, proof, boxText(tx, row));
  putArchived(tx, context, row);
}

/** Archives a box, whoever owns it. */
export function putArchived(tx: WriteRows, context: VaultContext, row: BoxRow): void {
  const path = pathOf(tx, row);
  tx.boxes.putBox({ ...row, archived: { at: context.clock.now().toISOString(), path } });
  logEvent(tx, context, "box.archived", idsOf(row), { detail: path.join("/") });
}

/** All live boxes by path, or the archived ones instead. */
export function listBoxes(
  tx: ReadRows,
  context: VaultContext,
  { archived = false }: { archived?: boolean },
): DropBox[] {
  const now = context.clock.now();
  const rows = tx.boxes.boxes().filter((row) => isArchived(row, now) === archived);
  return rows.map((row) => viewBox(tx, context, row)).sort((left, right) => comparePaths(left.path, right.path));
}

export function viewBox(tx: ReadRows, context: VaultContext, row: BoxRow): DropBox {
  const { owner, archived, partitioned = false, depositNotice = true, downloadNotice = false, ...shown } = row;
  const now = context.clock.now();
  const deposits = tx.boxes.depositsOf(row.id).flatMap((id) => tx.boxes.deposit(id) ?? []);
  const archivedAt = archived?.at ?? (isArchived(row, now) ? row.archivesAt : undefined);
  return {
    ...shown,
    path: pathOf(tx, row),
    partitioned,
    depositNotice,
    downloadNotice,
    enabled: row.enabled ?? true,
    owned: owner !== undefined,
    ...(archivedAt === undefined ? {} : { archivedAt }),
    status: statusOf(row, now),
    depositCount: deposits.filter(({ submittedAt }) => submittedAt !== undefined).length,
    bytes: bytesOf(tx, row.id),
  };
}

/** Of all its files, unfinished ones as far as they have come. */
export function bytesOf(tx: ReadRows, boxId: string): number {
  let bytes = 0;
  for (const depositId of tx.boxes.depositsOf(boxId)) {
    for (const fileId of tx.boxes.filesOf(depositId)) {
      const file = tx.boxes.file(fileId);
      if (file && file.state !== "refused") bytes += file.received;
    }
  }
  return bytes;
}

export function statusOf(row: BoxRow, now: Date): DropBoxStatus {
  if (isArchived(row, now)) return "archived";
  if (row.enabled === false) return "closed";
  return hasPassed(row.expiresAt, now) ? "expired" : "open";
}

/** @throws CoffreError CONFLICT with `details.status` unless it takes deposits */
export function requireOpen(tx: ReadRows, row: BoxRow, now: Date): void {
  const status = statusOf(row, now);
  if (status === "open") return;
  throw new CoffreError("CONFLICT", `${boxText(tx, row)} takes no deposits: it is ${status}`, {
    hint: "What was deposited before stays. Ask whoever manages the box to open it again.",
    details: { boxId: row.id, status },
  });
}

/** @throws CoffreError NOT_FOUND */
export function requireBox(tx: ReadRows, id: string): BoxRow {
  const row = tx.boxes.box(id);
  if (row) return row;
  throw new CoffreError("NOT_FOUND", `There is no drop-box ${id}`, { details: { boxId: id } });
}

/** What stands in messages: `The drop-box Partners/acme (bx_…)`. */
export function boxText(tx: ReadRows, row: BoxRow): string {
  return `The drop-box ${named(pathOf(tx, row), row.id)}`;
}

export function pathOf(tx: ReadRows, { archived, categoryId, name }: BoxRow): string[] {
  return archived?.path ?? [...new Tree(tx).path(categoryId), name];
}

/** The ids that its events name. */
export function idsOf({ id, categoryId }: BoxRow): string[] {
  return [id, ...(categoryId === null ? [] : [categoryId])];
}

function isArchived({ archived, archivesAt }: BoxRow, now: Date): boolean {
  return archived !== undefined || hasPassed(archivesAt, now);
}

/** Who has access from now on and until when: the minutes are made of it. */
function detailOf({ recipients, managers, expiresAt, partitioned, enabled }: BoxRow): string {
  const who = `recipients ${recipients.join(" ") || "none"}; managers ${managers.join(" ") || "none"}`;
  return [
    who,
    `until ${expiresAt ?? "archived"}`,
    ...(partitioned ? ["partitioned"] : []),
    ...(enabled === false ? ["closed"] : []),
  ].join("; ");
}

function nameTaken(tx: ReadRows, other: BoxRow): CoffreError {
  return new CoffreError("CONFLICT", `${boxText(tx, other)} exists already`, {
    hint: 'Choose another name, adopt that one, or have it archived in the same step (onNameConflict: "replace").',
    details: { boxId: other.id },
  });
}
