/** What a front needs of a category: pure decisions over the vault's port. */
export { checkCategory, checkCategoryOffline } from "./check.js";
export { createCategory } from "./create.js";
export { deleteCategory } from "./delete.js";
export { diffCategory, diffCategoryOffline } from "./diff.js";
export { readCategory } from "./read.js";
export { updateCategory } from "./update.js";
