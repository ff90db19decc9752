import { CoffreError } from "../../core/errors.js";
import { hookName } from "../../core/hook.js";
import { isProgramName } from "../../core/program-name.js";
import { formatReference, parseReference } from "../../core/reference.js";
import { describeHookUrlProblem } from "../../core/webhook.js";
import type { Hook, HttpHook, Vault } from "../../vault/port.js";
import { resolveReference } from "../resolve-reference.js";

/** A hook as a program declares it: of one kind or of the other. */
export interface DeclaredHook {
  url?: string | undefined;
  secretRef?: string | undefined;
  command?: readonly string[] | undefined;
}

/** Reads hooks without asking anybody. @throws CoffreError INVALID_INPUT for those that can't be meant */
export function parseHooks(declared: readonly DeclaredHook[]): Hook[] {
  const hooks = declared.map((hook, index) => parseHook(hook, `notify.${index}`));
  const names = hooks.map(hookName);
  const twice = names.findIndex((name, index) => names.indexOf(name) !== index);
  if (twice >= 0) throw refused(`notify.${twice} is declared twice`);
  return hooks;
}

function parseHook({ url, secretRef, command }: DeclaredHook, place: string): Hook {
  if ((url === undefined) === (command === undefined)) {
    throw refused(`${place} must have ${url === undefined ? "a url or a command" : "url or command, not both"}`);
  }
  if (command !== undefined) {
    if (secretRef !== undefined)
      throw refused(`${place}.secretRef goes with a url; a program is told on its own machine`);
    if (command.some((word) => /\p{Cc}/u.test(word))) throw refused(`${place}.command must have no control characters`);
    if (isProgramName(command[0] ?? "")) return { command: [...command] };
    throw refused(`${place}.command must begin with the name of a program: letters, digits, dots, hyphens, no path`);
  }
  const problem = describeHookUrlProblem(url ?? "");
  if (problem !== undefined) throw refused(`${place}.url ${problem}`);
  if (secretRef === undefined) throw refused(`${place}.secretRef is missing: the secret that signs the messages`);
  if (parseReference(secretRef).version !== undefined) {
    throw refused(`${place}.secretRef names a version; messages are signed with the current one`);
  }
  return { url: url ?? "", secretRef };
}

/**
 * Hooks as the vault keeps them: their secrets by id, so that a rename doesn't silence them.
 * @throws as {@link parseHooks}; NOT_FOUND, WRONG_VAULT, CONFLICT for a secret's reference
 */
export async function prepareHooks(
  vault: Vault,
  declared: readonly DeclaredHook[],
  credentialId?: string,
): Promise<Hook[]> {
  return Promise.all(
    parseHooks(declared).map((hook) =>
      "url" in hook ? prepareHttp(vault, hook, credentialId) : Promise.resolve(hook),
    ),
  );
}

async function prepareHttp(vault: Vault, { url, secretRef }: HttpHook, credentialId?: string): Promise<Hook> {
  const { id, archivedAt, path } = await resolveReference(vault, secretRef);
  if (archivedAt !== undefined) {
    throw new CoffreError("CONFLICT", `The signing secret ${path.join("/")} is archived`, {
      hint: "Name a live credential as notify's secretRef.",
    });
  }
  const { field, vault: name } = parseReference(secretRef);
  if (id === credentialId && field === undefined) {
    throw refused("notify's secretRef names the credential's own password, which is what the news are about");
  }
  return { url, secretRef: formatReference({ vault: name, by: "id", id, ...(field === undefined ? {} : { field }) }) };
}

function refused(problem: string): CoffreError {
  return new CoffreError("INVALID_INPUT", problem, {
    hint: "A hook is a url (https://, or http:// on this machine) with the reference of the secret that signs its messages, or a command that is allowed where Coffre runs.",
  });
}
