/** What a front needs of a credential: pure decisions over the vault's port and the rotation. */
export { checkCredential, checkCredentialOffline } from "./check.js";
export { createCredential } from "./create.js";
export { deleteCredential } from "./delete.js";
export { diffCredential, diffCredentialOffline } from "./diff.js";
export { readCredential } from "./read.js";
export { updateCredential } from "./update.js";
