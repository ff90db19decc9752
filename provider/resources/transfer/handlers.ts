import type { Handlers } from "../people/handlers-of.js";
import { checkTransfer, checkTransferOffline } from "./check.js";
import { createTransfer } from "./create.js";
import { deleteTransfer } from "./delete.js";
import { diffTransfer, diffTransferOffline } from "./diff.js";
import { readTransfer } from "./read.js";
import { updateTransfer } from "./update.js";

/** What a front needs of a transfer. */
export const transferHandlers = {
  checkOffline: checkTransferOffline,
  check: checkTransfer,
  diffOffline: diffTransferOffline,
  diff: diffTransfer,
  create: createTransfer,
  read: readTransfer,
  update: updateTransfer,
  remove: deleteTransfer,
} satisfies Handlers;
