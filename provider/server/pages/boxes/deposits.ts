import { collect } from "../../../core/collect.js";
import { isSameAddress } from "../../../core/email.js";
import { isCoffreError } from "../../../core/errors.js";
import type { Deposit, StoredFile } from "../../../vault/port.js";
import { type Guest, noSuchPage } from "./visitor.js";

/** Deposits that were handed in, as far as this person may see them, newest first. */
export async function visibleDeposits({ vault, box, role, address }: Guest): Promise<Deposit[]> {
  const filter = role === "recipient" && box.partitioned ? { by: address } : {};
  const deposits = await collect(vault.boxes.listDeposits(box.id, filter));
  return deposits.filter(({ submittedAt }) => submittedAt !== undefined).reverse();
}

/** @throws HttpFailure 404 for one that isn't there, isn't handed in, or isn't this person's to see: nobody learns which */
export async function visibleDeposit({ vault, box, role, address }: Guest, id: string): Promise<Deposit> {
  const deposit = await vault.boxes.readDeposit(id).catch(asNoPage);
  const isTheirs = isSameAddress(deposit.by, address) || role === "manager" || !box.partitioned;
  if (deposit.boxId === box.id && deposit.submittedAt !== undefined && isTheirs) return deposit;
  throw noSuchPage();
}

/** A file of such a deposit. @throws HttpFailure 404 */
export async function visibleFile(guest: Guest, id: string): Promise<StoredFile> {
  const file = await guest.vault.boxes.files.readFile(id).catch(asNoPage);
  await visibleDeposit(guest, file.depositId);
  return file;
}

/** The deposit that this person is making, if there is one. */
export async function ownOpenDeposit({ vault, box, address }: Guest): Promise<Deposit | undefined> {
  const deposits = await collect(vault.boxes.listDeposits(box.id, { by: address }));
  return deposits.findLast(({ submittedAt }) => submittedAt === undefined);
}

/** Those who are just beginning one, by box and address: of two uploads at once only one begins it. */
const beginning = new Map<string, Promise<Deposit>>();

/** The deposit that this person is making, which is begun if need be. @throws CoffreError as `Boxes.openDeposit` */
export async function ownDeposit(guest: Guest): Promise<Deposit> {
  const { vault, box, address } = guest;
  const key = `${box.id} ${address}`;
  const running =
    beginning.get(key) ??
    (async () => (await ownOpenDeposit(guest)) ?? vault.boxes.openDeposit(box.id, { by: address }))().finally(() =>
      beginning.delete(key),
    );
  beginning.set(key, running);
  return running;
}

/** A file of the deposit that this person is making. @throws HttpFailure 404 */
export async function ownFile({ vault, box, address }: Guest, id: string): Promise<StoredFile> {
  const file = await vault.boxes.files.readFile(id).catch(asNoPage);
  const deposit = file.boxId === box.id ? await vault.boxes.readDeposit(file.depositId) : undefined;
  if (deposit && isSameAddress(deposit.by, address) && deposit.submittedAt === undefined) return file;
  throw noSuchPage();
}

function asNoPage(error: unknown): never {
  throw isCoffreError(error, "NOT_FOUND") ? noSuchPage() : error;
}
