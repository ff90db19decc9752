import { forbidden } from "../failures.js";
import { checkReferences, checkValue, readableCredential, requireWrite, writableCredential } from "./guard.js";
import { type Handlers, unlessGone } from "./handler.js";

export const CREDENTIAL_HANDLERS: Handlers<
  | "create-credentials"
  | "read-credential"
  | "has-token"
  | "update-credential"
  | "archive-credential"
  | "delete-credential"
  | "unarchive-credential"
  | "find-credential"
  | "list-credentials"
  | "list-dependants"
> = {
  async "create-credentials"(caller, { inputs }) {
    for (const { categoryId } of inputs) requireWrite(caller, categoryId);
    for (const input of inputs) {
      await checkReferences(caller, input);
      if (input.initial) await checkValue(caller, input.categoryId, input.initial.value);
    }
    return caller.vault.createCredentials(inputs);
  },
  "read-credential": (caller, { id }) => readableCredential(caller, id),
  async "has-token"(caller, { id, token }) {
    return (await readableCredential(caller, id)).hasToken(token);
  },
  async "update-credential"(caller, { id, patch }) {
    const before = await writableCredential(caller, id);
    if (patch.categoryId !== undefined) requireWrite(caller, patch.categoryId);
    await checkReferences(caller, patch, before);
    return caller.vault.updateCredential(id, patch);
  },
  "archive-credential": (caller, { id, proof }) =>
    unlessGone(caller.vault.readCredential(id), async ({ categoryId }) => {
      requireWrite(caller, categoryId);
      await caller.vault.archiveCredential(id, proof);
    }),
  "delete-credential": (caller, { id, proof }) =>
    unlessGone(caller.vault.readCredential(id), async ({ categoryId }) => {
      requireWrite(caller, categoryId);
      await caller.vault.deleteCredential(id, proof);
    }),
  async "unarchive-credential"(caller, { id, categoryId }) {
    await writableCredential(caller, id);
    requireWrite(caller, categoryId);
    return caller.vault.unarchiveCredential(id, categoryId);
  },
  async "find-credential"({ vault, rights, principal }, { path }) {
    const found = await vault.findCredential(path);
    if (!found || rights.mayRead(found.categoryId)) return found;
    throw forbidden(principal.name, `read the credential ${found.id}`);
  },
  async *"list-credentials"({ vault, rights, principal }, filter) {
    for await (const credential of vault.listCredentials(filter)) {
      if (rights.mayRead(credential.categoryId)) yield credential;
      // A stack that misses one of its own entries would take it for gone.
      else if (filter.stack !== undefined) throw forbidden(principal.name, `read the credential ${credential.id}`);
    }
  },
  async "list-dependants"(caller, { id }) {
    await readableCredential(caller, id);
    return caller.vault.listDependants(id);
  },
};
