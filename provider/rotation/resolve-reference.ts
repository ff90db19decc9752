import { CoffreError } from "../core/errors.js";
import { formatReference, parseReference, type Reference } from "../core/reference.js";
import type { Credential, Vault, VaultIdentity } from "../vault/port.js";

/**
 * The credential that a reference names, live ones only for a path.
 * @throws CoffreError INVALID_INPUT for the text; WRONG_VAULT if it names another vault; NOT_FOUND; CONFLICT if two match
 */
export async function resolveReference(vault: Vault, reference: string | Reference): Promise<Credential> {
  const parsed = typeof reference === "string" ? parseReference(reference) : reference;
  const { name } = await vault.identity();
  if (parsed.vault !== name) {
    throw new CoffreError(
      "WRONG_VAULT",
      `The reference names the vault ${JSON.stringify(parsed.vault)}, but ${JSON.stringify(name)} is configured`,
      { hint: "Configure the vault that the reference names, or use a reference of this one (`coffre list`)." },
    );
  }
  if (parsed.by === "id") return vault.readCredential(parsed.id);
  const credential = await vault.findCredential(parsed.path);
  if (credential) return credential;
  if (await vault.findCategory(parsed.path)) {
    throw new CoffreError("NOT_FOUND", `${formatReference(parsed)} is a category, not a credential`, {
      hint: `Name one of its credentials: \`coffre list ${JSON.stringify(parsed.path.join("/"))}\` shows them.`,
    });
  }
  throw new CoffreError("NOT_FOUND", `No credential at ${formatReference(parsed)}`, {
    hint: "`coffre list` shows what the vault holds, `coffre list --archived` what was taken out of the tree, to be named by its id.",
  });
}

/** How a credential is named: `ref` by path for people and Git, `idRef` by id for programs. Neither holds a value. */
export function referenceOf(
  identity: Pick<VaultIdentity, "name">,
  credential: Pick<Credential, "id" | "path">,
): { ref: string; idRef: string } {
  return {
    ref: formatReference({ vault: identity.name, by: "path", path: [...credential.path] }),
    idRef: formatReference({ vault: identity.name, by: "id", id: credential.id }),
  };
}
