import { CoffreError } from "../../core/errors.js";
import type { Category, CategoryPatch, VaultIdentity } from "../../vault/port.js";
import type { ResourceContext } from "../context.js";
import { shownExpiry } from "../people/kind.js";
import { readUnlessGone } from "../presence.js";
import { ensureRootCategory } from "../root-category.js";
import { dropEmpty } from "../values.js";
import { formatStamp, isOutdated, parseStamp } from "../vault-stamp.js";
import type { CategoryInputs, CategoryState } from "./schema.js";

/** Where a declared category stands. */
export async function parentOf(context: ResourceContext, inputs: CategoryInputs): Promise<string | null> {
  return inputs.parentId ?? (await ensureRootCategory(context));
}

/**
 * What a declaration changes of a category. What it declared before and no longer does is cleared; what it never
 * declared stays as people made it.
 */
export function changedFields(
  inputs: CategoryInputs,
  parentId: string | null,
  before: CategoryState | undefined,
): CategoryPatch {
  const { name, description, passwordPolicy, inheritGrants, readOnly, expiresAt } = inputs;
  return {
    name,
    parentId,
    ...(description === undefined && before?.description === undefined ? {} : { description: description ?? null }),
    ...(passwordPolicy === undefined && before?.passwordPolicy === undefined ? {} : { policy: passwordPolicy ?? null }),
    ...(inheritGrants === undefined && before?.inheritGrants === undefined
      ? {}
      : { inheritGrants: inheritGrants ?? true }),
    ...(readOnly === undefined && before?.readOnly === undefined ? {} : { readOnly: readOnly ?? false }),
    ...(expiresAt === undefined && before?.expiresAt === undefined ? {} : { expiresAt: expiresAt ?? null }),
  };
}

/**
 * What decides about access of a category, in the words of its state. What no program declared is left out, unless the
 * category is only looked at.
 */
export function shownRules(
  { inheritGrants, readOnly, expiresAt }: Category,
  state: CategoryState,
): Pick<CategoryState, "inheritGrants" | "readOnly" | "expiresAt"> {
  const looked = state.vaultStamp === undefined;
  return {
    ...(looked || state.inheritGrants !== undefined ? { inheritGrants } : {}),
    ...(looked ? { readOnly } : state.readOnly === undefined ? {} : { readOnly: readOnly ?? false }),
    ...(looked || state.expiresAt !== undefined ? { expiresAt: shownExpiry(state.expiresAt, expiresAt) } : {}),
  };
}

/** A category's state after the vault was written. */
export async function stateAfter(
  { vault }: ResourceContext,
  inputs: CategoryInputs,
  category: Category,
  ownerToken: string,
): Promise<Record<string, unknown>> {
  const identity = await vault.identity();
  return dropEmpty({ ...inputs, path: pathOf(category), ownerToken, vaultStamp: formatStamp(identity) });
}

/** Names from the root down, with `/` between them. */
export function pathOf({ path }: Pick<Category, "path">): string {
  return path.join("/");
}

/** The live category of a state; `undefined` once it is gone. @throws CoffreError ROLLED_BACK if it may only be lost */
export async function readKnown(
  context: ResourceContext,
  id: string,
  { vaultStamp, path }: CategoryState,
  identity: VaultIdentity,
): Promise<Category | undefined> {
  return readUnlessGone(context, () => context.vault.readCategory(id), { identity, vaultStamp, what: path ?? id });
}

/** The same, where it must be there. @throws CoffreError NOT_FOUND that says what to do */
export async function readLive(
  context: ResourceContext,
  id: string,
  state: CategoryState,
  identity: VaultIdentity,
): Promise<Category> {
  const category = await readKnown(context, id, state, identity);
  if (category) return category;
  throw new CoffreError("NOT_FOUND", `${state.path ?? id} (${id}) was deleted, not by this stack`, {
    hint: "Run `pulumi refresh`; the next up makes it anew.",
    details: { id },
  });
}

/** The newest event alone is no news: a refresh of what didn't change changes nothing. */
export function currentStamp(state: CategoryState, identity: VaultIdentity): string {
  const before = parseStamp(state.vaultStamp);
  const keep = before !== undefined && !isOutdated(before, identity);
  return keep && state.vaultStamp !== undefined ? state.vaultStamp : formatStamp(identity);
}

/** A name that somebody else has. */
export function taken(there: Category): CoffreError {
  return new CoffreError("CONFLICT", `There is a category "${pathOf(there)}" that this resource didn't make`, {
    hint:
      "If this resource was renamed or moved in the program, give it `aliases`. " +
      `To take over the category that is there, set \`adopt: "${there.id}"\`. Otherwise choose another name.`,
    details: { id: there.id },
  });
}
