import type { Deposit, DropBox, StoredFile } from "../../vault/port.js";
import { isTransferId } from "../../vault/records/transfer-rows.js";
import type { NamesOf, OutputOf } from "../../vault/remote/operations.js";
import type { Caller } from "../app.js";
import { forbidden } from "../failures.js";
import { requireAdministrator, requireManage, requireWrite } from "./guard.js";
import { type Handlers, only, unlessGone } from "./handler.js";
import { readableTransfer, writableTransfer } from "./transfers.js";

type BoxName = Extract<NamesOf<"ask" | "change" | "list">, `boxes/${string}`>;

/**
 * Drop-boxes, by the grants of the category in which each stands: who reads there looks at deposits and downloads, who changes
 * entries there makes and changes boxes and deposits in them, who manages there deletes them.
 */
export const BOX_HANDLERS: Handlers<BoxName> = {
  async "boxes/create-box"(caller, { input }) {
    requireWrite(caller, input.categoryId);
    return caller.vault.boxes.createBox(input);
  },
  "boxes/read-box": (caller, { id }) => readableBox(caller, id),
  async "boxes/update-box"(caller, { id, patch }) {
    await writableBox(caller, id);
    if (patch.categoryId !== undefined) requireWrite(caller, patch.categoryId);
    return caller.vault.boxes.updateBox(id, patch);
  },
  "boxes/archive-box": (caller, { id, proof }) =>
    unlessGone(caller.vault.boxes.readBox(id), async ({ categoryId }) => {
      requireWrite(caller, categoryId);
      await caller.vault.boxes.archiveBox(id, proof);
    }),
  "boxes/delete-box": (caller, { id, proof }) =>
    unlessGone(caller.vault.boxes.readBox(id), async ({ categoryId }) => {
      requireManage(caller, categoryId);
      await caller.vault.boxes.deleteBox(id, proof);
    }),
  // FORBIDDEN rather than nothing: who asks would otherwise take it for gone, and make it anew.
  async "boxes/find-box"(caller, { categoryId, name }) {
    const found = await caller.vault.boxes.findBox(categoryId, name);
    return found && visible(caller, found);
  },
  "boxes/list-boxes": ({ vault, rights }, filter) =>
    only(vault.boxes.listBoxes(filter), ({ categoryId }) => rights.mayRead(categoryId)),
  "boxes/find-owned": ({ vault }, { ownerKey }) => vault.boxes.findOwnedBox(ownerKey),

  async "boxes/open-deposit"(caller, { boxId, input }) {
    await writableBox(caller, boxId);
    // For others only an administrator deposits: the pages of this server, say.
    const { rights, principal, vault } = caller;
    const { note } = input;
    const own = { by: principal.name, inside: true, ...(note === undefined ? {} : { note }) };
    return vault.boxes.openDeposit(boxId, rights.isAdministrator ? input : own);
  },
  async "boxes/read-deposit"(caller, { id }) {
    const deposit = await caller.vault.boxes.readDeposit(id);
    await readableBox(caller, deposit.boxId);
    return deposit;
  },
  async "boxes/submit-deposit"(caller, { id, note }) {
    await writableDeposit(caller, id);
    return caller.vault.boxes.submitDeposit(id, note === undefined ? {} : { note });
  },
  "boxes/delete-deposit": (caller, { id }) =>
    unlessGone(caller.vault.boxes.readDeposit(id), async ({ boxId }) => {
      await writableBox(caller, boxId);
      await caller.vault.boxes.deleteDeposit(id);
    }),
  async *"boxes/list-deposits"(caller, { boxId, ...filter }) {
    await readableBox(caller, boxId);
    yield* caller.vault.boxes.listDeposits(boxId, filter);
  },
  async "boxes/tidy"(caller) {
    requireAdministrator(caller, "tidy up the drop-boxes");
    return caller.vault.boxes.tidy();
  },

  async "boxes/create-file"(caller, { input }) {
    const { depositId } = input;
    await (isTransferId(depositId) ? writableTransfer(caller, depositId) : writableDeposit(caller, depositId));
    return caller.vault.boxes.files.create(input);
  },
  async "boxes/read-file"(caller, { id }) {
    const file = await caller.vault.boxes.files.readFile(id);
    await readableHolder(caller, file);
    return file;
  },
  async "boxes/append-file"(caller, { id, offset, bytes }) {
    await writableFile(caller, id);
    return caller.vault.boxes.files.append(id, offset, once(Buffer.from(bytes, "base64")));
  },
  async "boxes/finish-file"(caller, { id, quarantine }) {
    await writableFile(caller, id);
    return caller.vault.boxes.files.finish(id, { quarantine });
  },
  "boxes/abort-file": (caller, { id }) =>
    unlessGone(caller.vault.boxes.files.readFile(id), async (file) => {
      await writableHolder(caller, file);
      await caller.vault.boxes.files.abort(id);
    }),
  async "boxes/judge-file"(caller, { id, verdict }) {
    requireAdministrator(caller, "say what is clean");
    return caller.vault.boxes.files.judge(id, verdict);
  },
  async *"boxes/read-content"(caller, { id, reader }): AsyncIterable<OutputOf<"boxes/read-content">> {
    await readableHolder(caller, await caller.vault.boxes.files.readFile(id));
    if (reader !== undefined) requireAdministrator(caller, "read files for others");
    const { file, content } = await caller.vault.boxes.files.read(id, reader);
    yield { file };
    for await (const bytes of content) yield { bytes: Buffer.from(bytes).toString("base64") };
  },
  "boxes/delete-file": (caller, { id }) =>
    unlessGone(caller.vault.boxes.files.readFile(id), async (file) => {
      await writableHolder(caller, file);
      await caller.vault.boxes.files.deleteFile(id);
    }),
};

/** @throws CoffreError NOT_FOUND, FORBIDDEN */
export async function readableBox(caller: Caller, id: string): Promise<DropBox> {
  return visible(caller, await caller.vault.boxes.readBox(id));
}

function visible({ rights, principal }: Caller, box: DropBox): DropBox {
  if (rights.mayRead(box.categoryId)) return box;
  throw forbidden(principal.name, `see the drop-box ${box.id}`);
}

async function writableBox(caller: Caller, id: string): Promise<DropBox> {
  const box = await caller.vault.boxes.readBox(id);
  requireWrite(caller, box.categoryId);
  return box;
}

async function writableDeposit(caller: Caller, id: string): Promise<Deposit> {
  const deposit = await caller.vault.boxes.readDeposit(id);
  await writableBox(caller, deposit.boxId);
  return deposit;
}

async function writableFile(caller: Caller, id: string): Promise<StoredFile> {
  const file = await caller.vault.boxes.files.readFile(id);
  await writableHolder(caller, file);
  return file;
}

async function readableHolder(caller: Caller, { boxId }: StoredFile): Promise<void> {
  await (isTransferId(boxId) ? readableTransfer(caller, boxId) : readableBox(caller, boxId));
}

async function writableHolder(caller: Caller, { boxId }: StoredFile): Promise<void> {
  await (isTransferId(boxId) ? writableTransfer(caller, boxId) : writableBox(caller, boxId));
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}
