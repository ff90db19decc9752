import { forbidden } from "../failures.js";
import { readableCategory, requireManage } from "./guard.js";
import { type Handlers, only, unlessGone } from "./handler.js";

export const CATEGORY_HANDLERS: Handlers<
  "create-category" | "read-category" | "update-category" | "delete-category" | "list-categories" | "find-category"
> = {
  async "create-category"(caller, { input }) {
    requireManage(caller, input.parentId);
    return caller.vault.createCategory(input);
  },
  "read-category": (caller, { id }) => readableCategory(caller, id),
  async "update-category"(caller, { id, patch }) {
    await caller.vault.readCategory(id);
    requireManage(caller, id);
    if (patch.parentId !== undefined) requireManage(caller, patch.parentId);
    return caller.vault.updateCategory(id, patch);
  },
  "delete-category": (caller, { id, proof }) =>
    unlessGone(caller.vault.readCategory(id), async () => {
      requireManage(caller, id);
      await caller.vault.deleteCategory(id, proof);
    }),
  "list-categories": ({ vault, rights }) => only(vault.listCategories(), ({ id }) => rights.maySee(id)),
  // FORBIDDEN rather than nothing: who asks would otherwise take it for gone, and make it anew.
  async "find-category"({ vault, rights, principal }, { path }) {
    const found = await vault.findCategory(path);
    if (!found || rights.maySee(found.id)) return found;
    throw forbidden(principal.name, `see the category ${found.id}`);
  },
};
