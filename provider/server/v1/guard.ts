import { CoffreError, isCoffreError } from "../../core/errors.js";
import { checkPassword, mergePolicies } from "../../core/policy.js";
import { parseReference } from "../../core/reference.js";
import type { Secret } from "../../core/secret.js";
import type { Category, Credential } from "../../vault/port.js";
import type { Caller } from "../app.js";
import { forbidden } from "../failures.js";

/** Rights as the routes of `/v1` ask for them: each function answers what it looked at, or throws FORBIDDEN. */

export async function readableCategory({ vault, rights, principal }: Caller, id: string): Promise<Category> {
  const category = await vault.readCategory(id);
  if (rights.maySee(id)) return category;
  throw forbidden(principal.name, `see the category ${id}`);
}

export async function readableCredential({ vault, rights, principal }: Caller, id: string): Promise<Credential> {
  const credential = await vault.readCredential(id);
  if (rights.mayRead(credential.categoryId)) return credential;
  throw forbidden(principal.name, `read the credential ${id}`);
}

export async function writableCredential({ vault, rights, principal }: Caller, id: string): Promise<Credential> {
  const credential = await vault.readCredential(id);
  if (rights.mayWrite(credential.categoryId)) return credential;
  throw forbidden(principal.name, `change the credential ${id}`);
}

export function requireWrite({ rights, principal }: Caller, categoryId: string | null): void {
  if (!rights.mayWrite(categoryId)) throw forbidden(principal.name, `change what stands in ${placeText(categoryId)}`);
}

export function requireManage({ rights, principal }: Caller, categoryId: string | null): void {
  if (!rights.mayManage(categoryId)) throw forbidden(principal.name, `manage ${placeText(categoryId)}`);
}

export function requirePeople({ rights, principal }: Caller): void {
  if (!rights.mayManagePeople) throw forbidden(principal.name, "manage users and groups");
}

/** A user or a group. An administrator's is another administrator's to change. */
export function requireUser(caller: Caller, id: string): void {
  requirePeople(caller);
  const { rights, principal } = caller;
  if (!rights.mayChangeUser(id)) throw forbidden(principal.name, `change the administrator ${id}`);
}

/** @param what the end of a sentence: `tidy up` */
export function requireAdministrator({ rights, principal }: Caller, what: string): void {
  if (!rights.isAdministrator) throw forbidden(principal.name, what);
}

/** For what belongs to accounts rather than to a category: whoever may change any entry. */
export function requireEditor({ rights, principal }: Caller): void {
  if (principal.role === "reader" || (rights.strongest !== "editor" && rights.strongest !== "manager")) {
    throw forbidden(principal.name, "book logins");
  }
}

function placeText(categoryId: string | null): string {
  return categoryId === null ? "the root" : `the category ${categoryId}`;
}

/**
 * Whoever declares a target or a hook may only name credentials that they may read: otherwise the next run of somebody with
 * more rights would log in with another's password for them. So a path where nothing is can't be named either: somebody
 * else's entry may stand there by then.
 * @param before as the entry is: what it names already may stay, also once its path leads nowhere any more
 */
export async function checkReferences(
  caller: Caller,
  declared: { targets?: readonly { adminId?: string }[]; notify?: unknown },
  before?: Pick<Credential, "targets" | "notify">,
): Promise<void> {
  const { vault, rights, principal } = caller;
  if (rights.isAdministrator) return;
  const known = new Set(textsIn([before?.targets, before?.notify]));
  const ids = new Set((declared.targets ?? []).flatMap(({ adminId }) => adminId ?? []));
  for (const text of textsIn([declared.targets, declared.notify])) {
    if (!text.startsWith("coffre://")) continue;
    const reference = parseReference(text);
    const found = reference.by === "id" ? reference.id : (await vault.findCredential(reference.path))?.id;
    if (found !== undefined) ids.add(found);
    else if (!known.has(text)) throw forbidden(principal.name, "name a path where no credential is");
  }
  for (const id of ids) {
    await readableCredential(caller, id).catch((error: unknown) => {
      if (!isCoffreError(error, "NOT_FOUND")) throw error;
    });
  }
}

function* textsIn(value: unknown): Iterable<string> {
  if (typeof value === "string") yield value;
  else if (typeof value === "object" && value !== null) for (const inner of Object.values(value)) yield* textsIn(inner);
}

/** @throws CoffreError POLICY for a password that the category's policies forbid; it says nothing of the password but that */
export async function checkValue({ vault }: Caller, categoryId: string | null, value: Secret): Promise<void> {
  if (categoryId === null) return;
  const { policies } = await vault.readCategory(categoryId);
  const broken = checkPassword(mergePolicies(policies), value);
  if (broken.length === 0) return;
  const rules = broken.map(({ message }) => message).join("; ");
  throw new CoffreError("POLICY", `The password breaks the policy of its category: ${rules}`, {
    hint: "Nothing was changed. Bring one that obeys it.",
  });
}
