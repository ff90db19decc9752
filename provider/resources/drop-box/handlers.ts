import type { Handlers } from "../people/handlers-of.js";
import { checkBox, checkBoxOffline } from "./check.js";
import { createBox } from "./create.js";
import { deleteBox } from "./delete.js";
import { diffBox, diffBoxOffline } from "./diff.js";
import { readBox } from "./read.js";
import { updateBox } from "./update.js";

/** What a front needs of a drop-box. */
export const dropBoxHandlers: Handlers = {
  checkOffline: checkBoxOffline,
  check: checkBox,
  diffOffline: diffBoxOffline,
  diff: diffBox,
  create: createBox,
  read: readBox,
  update: updateBox,
  remove: deleteBox,
};
