import type { Handlers } from "../people/handlers-of.js";
import { checkTree, checkTreeOffline } from "./check.js";
import { diffTree, diffTreeOffline } from "./diff.js";
import { createTree, deleteTree, readTreeState, updateTree } from "./life.js";

/** What a front needs of a tree that is copied. */
export const categoryTreeHandlers: Handlers = {
  checkOffline: (news) => checkTreeOffline(undefined, news),
  check: checkTree,
  diffOffline: diffTreeOffline,
  diff: diffTree,
  create: createTree,
  read: readTreeState,
  update: updateTree,
  remove: deleteTree,
};
