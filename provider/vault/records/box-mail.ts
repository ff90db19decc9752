import { addressKey, eachAddressOnce, isSameAddress } from "../../core/email.js";
import type { MailInput } from "../port-outbox.js";
import type { BoxRow, DepositRow, FileRow } from "./box-rows.js";
import type { VaultContext } from "./context.js";
import { bookMail } from "./outbox.js";
import type { WriteRows } from "./rows.js";

/** An invitation to a box that never expires is of no use after so many days. */
const INVITATION_DAYS = 30;
const NOTICE_DAYS = 7;
const DAY_MS = 86_400_000;

/** `box-opened`, to each of `addresses`: what is wanted, and until when. A box that is closed invites nobody. */
export function bookInvitations(tx: WriteRows, context: VaultContext, box: BoxRow, addresses: readonly string[]): void {
  if (box.enabled === false) return;
  const notAfter = box.expiresAt ?? inDays(context, INVITATION_DAYS);
  const parameters = {
    ...factsOf(box),
    description: box.description ?? null,
    expiresAt: box.expiresAt ?? null,
  };
  const managers = new Set(box.managers.map(addressKey));
  const mails = eachAddressOnce(addresses).map((to): MailInput => ({
    to,
    template: "box-opened",
    parameters: { ...parameters, manager: managers.has(addressKey(to)) },
    about: [box.id],
    notAfter,
  }));
  bookMail(tx, context, mails);
}

/** `deposit-receipt` to who made it, if that is an address of the box; `deposit-received` to the managers who want to know. */
export function bookDepositMail(
  tx: WriteRows,
  context: VaultContext,
  { box, deposit, files }: { box: BoxRow; deposit: DepositRow; files: readonly FileRow[] },
): void {
  const parameters = {
    ...factsOf(box),
    depositId: deposit.id,
    by: deposit.by,
    submittedAt: deposit.submittedAt ?? null,
    note: deposit.note ?? null,
    files: files.map(({ name, size = 0, sha256 = "" }) => [name, size, sha256]),
  };
  const about = [box.id, deposit.id];
  const isKnown = isOfBox(box, deposit.by);
  const told = box.depositNotice === false ? [] : box.managers.filter((address) => !isSameAddress(address, deposit.by));
  bookMail(tx, context, [
    ...(isKnown ? [{ to: deposit.by, template: "deposit-receipt", parameters, about }] : []),
    ...told.map((to) => ({ to, template: "deposit-received", parameters, about })),
  ]);
}

/** `file-downloaded`, to the managers who want to know. */
export function bookDownloadMail(
  tx: WriteRows,
  context: VaultContext,
  { box, file, by }: { box: BoxRow; file: FileRow; by: string },
): void {
  if (box.downloadNotice !== true) return;
  const parameters = { ...factsOf(box), name: file.name, by, at: context.clock.now().toISOString() };
  const told = box.managers.filter((address) => !isSameAddress(address, by));
  const notAfter = inDays(context, NOTICE_DAYS);
  bookMail(
    tx,
    context,
    told.map((to) => ({ to, template: "file-downloaded", parameters, about: [box.id, file.id], notAfter })),
  );
}

/** `file-refused`, to who deposited it, if that is an address of the box, and once it is handed in to the managers who want to know. */
export function bookRefusalMail(
  tx: WriteRows,
  context: VaultContext,
  { box, deposit, file }: { box: BoxRow; deposit: DepositRow; file: FileRow },
): void {
  const { by, submittedAt } = deposit;
  const at = context.clock.now().toISOString();
  const parameters = { ...factsOf(box), name: file.name, by, at, reason: file.reason ?? "" };
  const isKnown = isOfBox(box, by);
  const isTold = box.depositNotice !== false && submittedAt !== undefined;
  const told = isTold ? box.managers.filter((address) => !isSameAddress(address, by)) : [];
  const shared = { template: "file-refused", about: [box.id, file.id], notAfter: inDays(context, NOTICE_DAYS) };
  bookMail(tx, context, [
    ...(isKnown ? [{ ...shared, to: by, parameters: { ...parameters, manager: false } }] : []),
    ...told.map((to) => ({ ...shared, to, parameters: { ...parameters, manager: true } })),
  ]);
}

/** Whether an address may deposit, in whatever spelling: a program may correct one after it has deposited. */
export function isOfBox({ recipients, managers }: BoxRow, address: string): boolean {
  return [...recipients, ...managers].some((each) => isSameAddress(each, address));
}

function factsOf({ id, name }: BoxRow) {
  return { boxId: id, box: name };
}

function inDays(context: VaultContext, days: number): string {
  return new Date(context.clock.now().getTime() + days * DAY_MS).toISOString();
}
