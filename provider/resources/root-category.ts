import { isCoffreError } from "../core/errors.js";
import type { ResourceContext } from "./context.js";

/**
 * Where a resource stands that names no category: the vault's root, or the branch of `coffre:rootCategory`.
 * @returns `undefined` if that branch doesn't exist yet
 */
export async function findRootCategory({ vault, rootCategory }: ResourceContext): Promise<string | null | undefined> {
  if (rootCategory.length === 0) return null;
  return (await vault.findCategory(rootCategory))?.id;
}

/** The same; what is missing of the branch is made, and belongs to no stack: several share it, and none deletes it. */
export async function ensureRootCategory(context: ResourceContext): Promise<string | null> {
  let parentId: string | null = null;
  for (const [depth, name] of context.rootCategory.entries()) {
    const path = context.rootCategory.slice(0, depth + 1);
    parentId = await findOrCreate(context, path, name, parentId);
  }
  return parentId;
}

async function findOrCreate(
  { vault }: ResourceContext,
  path: readonly string[],
  name: string,
  parentId: string | null,
): Promise<string> {
  const found = await vault.findCategory(path);
  if (found) return found.id;
  try {
    return (await vault.createCategory({ name, parentId })).id;
  } catch (error) {
    // Another stack, or another resource of this one, was first.
    const made = isCoffreError(error, "CONFLICT") ? await vault.findCategory(path) : undefined;
    if (made) return made.id;
    throw error;
  }
}
