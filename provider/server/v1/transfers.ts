import type { Transfer } from "../../vault/port.js";
import type { NamesOf } from "../../vault/remote/operations.js";
import type { Caller } from "../app.js";
import { forbidden } from "../failures.js";
import { requireWrite } from "./guard.js";
import { type Handlers, only, unlessGone } from "./handler.js";

type TransferName = Extract<NamesOf<"ask" | "change" | "list">, `transfers/${string}`>;

/** Transfers, by the grants of the category in which each stands: who reads there looks at them, who changes entries there sends. */
export const TRANSFER_HANDLERS: Handlers<TransferName> = {
  async "transfers/create"(caller, { input }) {
    requireWrite(caller, input.categoryId);
    return caller.vault.boxes.transfers.create(input);
  },
  "transfers/read": (caller, { id }) => readableTransfer(caller, id),
  async "transfers/update"(caller, { id, patch, link }) {
    await writableTransfer(caller, id);
    return caller.vault.boxes.transfers.update(id, patch, link);
  },
  async "transfers/send"(caller, { id, link }) {
    await writableTransfer(caller, id);
    return caller.vault.boxes.transfers.send(id, link);
  },
  "transfers/archive": (caller, { id, proof }) =>
    unlessGone(writableTransfer(caller, id), () => caller.vault.boxes.transfers.archive(id, proof)),
  "transfers/list": ({ vault, rights }, filter) =>
    only(vault.boxes.transfers.list(filter), ({ categoryId }) => rights.mayRead(categoryId)),
  "transfers/find-owned": ({ vault }, { ownerKey }) => vault.boxes.transfers.findOwned(ownerKey),
};

/** @throws CoffreError NOT_FOUND, FORBIDDEN */
export async function readableTransfer({ vault, rights, principal }: Caller, id: string): Promise<Transfer> {
  const transfer = await vault.boxes.transfers.read(id);
  if (rights.mayRead(transfer.categoryId)) return transfer;
  throw forbidden(principal.name, `see the transfer ${id}`);
}

/** @throws CoffreError NOT_FOUND, FORBIDDEN */
export async function writableTransfer(caller: Caller, id: string): Promise<Transfer> {
  const transfer = await caller.vault.boxes.transfers.read(id);
  requireWrite(caller, transfer.categoryId);
  return transfer;
}
