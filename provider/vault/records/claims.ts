import { CoffreError } from "../../core/errors.js";
import { accountsOf } from "../port-accounts.js";
import { named, namedTo, type VaultContext } from "./context.js";
import { pathOf } from "./credential-view.js";
import type { CredentialRow, ReadRows } from "./rows.js";
import type { Tree } from "./tree.js";

/**
 * Asks whether name and accounts of a row that is about to be written are its own.
 * @throws CoffreError CONFLICT that names the credential which has them
 */
export function checkPlace(tx: ReadRows, tree: Tree, context: VaultContext, row: CredentialRow): void {
  const taken = tx.credentialNamed(row.categoryId, row.name);
  if (taken !== undefined && taken !== row.id) {
    throw new CoffreError(
      "CONFLICT",
      `Credential ${named([...tree.path(row.categoryId), row.name], taken)} exists already`,
      {
        hint: "Choose another name, or adopt the one that is there.",
        details: { credentialId: taken },
      },
    );
  }
  const accounts = new Set<string>();
  for (const account of row.targets.flatMap(accountsOf)) {
    if (accounts.has(account)) {
      throw new CoffreError("INVALID_INPUT", `The account ${account} is a target twice`, {
        hint: "Leave one of the two out.",
      });
    }
    accounts.add(account);
    const first = tx.accountOwner(account);
    if (first === undefined || first === row.id) continue;
    const owner = tx.credential(first);
    throw new CoffreError(
      "CONFLICT",
      `The account ${account} belongs to credential ${owner ? namedTo(context, pathOf(tree, owner), owner) : first}`,
      {
        hint: "One account has one credential: use that one, or archive it first.",
        details: { account, credentialId: first },
      },
    );
  }
}

/**
 * An admin whose own admin leads back to it could never be rotated: each would wait for the other.
 * @throws CoffreError CONFLICT that names the admin which closes the circle
 */
export function checkAdmins(tx: ReadRows, tree: Tree, context: VaultContext, row: CredentialRow): void {
  const seen = new Set<string>();
  const visit = (current: CredentialRow): void => {
    for (const { adminId } of current.targets) {
      if (adminId === undefined || seen.has(adminId)) continue;
      if (adminId === row.id) {
        const path = [...tree.path(row.categoryId), row.name];
        const closing = current.id === row.id ? "itself" : namedTo(context, pathOf(tree, current), current);
        throw new CoffreError("CONFLICT", `Credential ${named(path, row.id)} would be its own admin, by ${closing}`, {
          hint: "Break the circle: one of them needs an admin outside of it.",
        });
      }
      seen.add(adminId);
      const admin = tx.credential(adminId);
      if (admin) visit(admin);
    }
  };
  visit(row);
}
