import { CoffreError } from "../../core/errors.js";
import { formatReference, parseReference } from "../../core/reference.js";
import { describeHookUrlProblem } from "../../core/webhook.js";
import type { Hook, Vault } from "../../vault/port.js";
import { resolveReference } from "../resolve-reference.js";

/** Refuses hooks that can't be meant, without asking anybody. @throws CoffreError INVALID_INPUT */
export function checkHooks(hooks: readonly Hook[]): void {
  const urls = new Set<string>();
  for (const [index, { url, secretRef }] of hooks.entries()) {
    const problem = describeHookUrlProblem(url) ?? (urls.has(url) ? "is declared twice" : undefined);
    if (problem !== undefined) throw refused(`notify.${index}.url ${problem}`);
    urls.add(url);
    if (parseReference(secretRef).version !== undefined) {
      throw refused(`notify.${index}.secretRef names a version; messages are signed with the current one`);
    }
  }
}

/**
 * Hooks as the vault keeps them: their secrets by id, so that a rename doesn't silence them.
 * @throws as {@link checkHooks}; NOT_FOUND, WRONG_VAULT, CONFLICT for a secret's reference
 */
export async function prepareHooks(vault: Vault, hooks: readonly Hook[], credentialId?: string): Promise<Hook[]> {
  checkHooks(hooks);
  const { name } = hooks.length === 0 ? { name: "" } : await vault.identity();
  return Promise.all(
    hooks.map(async ({ url, secretRef }) => {
      const { id, archivedAt, path } = await resolveReference(vault, secretRef);
      if (archivedAt !== undefined) {
        throw new CoffreError("CONFLICT", `The signing secret ${path.join("/")} is archived`, {
          hint: "Name a live credential as notify's secretRef.",
        });
      }
      const { field } = parseReference(secretRef);
      if (id === credentialId && field === undefined) {
        throw refused("notify's secretRef names the credential's own password, which is what the news are about");
      }
      return {
        url,
        secretRef: formatReference({ vault: name, by: "id", id, ...(field === undefined ? {} : { field }) }),
      };
    }),
  );
}

function refused(problem: string): CoffreError {
  return new CoffreError("INVALID_INPUT", problem, {
    hint: "A hook is a url (https://, or http:// on this machine) and the reference of the secret that signs its messages.",
  });
}
