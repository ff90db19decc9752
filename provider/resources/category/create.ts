import { CoffreError, isCoffreError } from "../../core/errors.js";
import type { Category, Owner } from "../../vault/port.js";
import type { ResourceContext } from "../context.js";
import { newOwnerToken } from "../owner.js";
import { parseInputs } from "../parse.js";
import type { Properties } from "../values.js";
import { changedFields, parentOf, pathOf, stateAfter, taken } from "./place.js";
import { CategoryInputs, pickInputs } from "./schema.js";

/** Makes the category, or returns the one that an interrupted create of the same resource made. */
export async function createCategory(
  context: ResourceContext,
  news: Properties,
): Promise<{ id: string; outs: Record<string, unknown> }> {
  const inputs = parseInputs(CategoryInputs, pickInputs(news));
  const parentId = await parentOf(context, inputs);
  const owner = { key: inputs.ownerKey, stack: context.stack, token: newOwnerToken() };
  const existing = await findExisting(context, inputs, parentId);
  const category = existing
    ? await context.vault.updateCategory(existing.id, { ...changedFields(inputs, parentId, undefined), owner })
    : await createNew(context, inputs, parentId, owner);
  context.overview.forget();
  return { id: category.id, outs: await stateAfter(context, inputs, category, owner.token) };
}

async function createNew(
  { vault }: ResourceContext,
  inputs: CategoryInputs,
  parentId: string | null,
  owner: Owner,
): Promise<Category> {
  const { name, description, passwordPolicy, inheritGrants, readOnly, expiresAt } = inputs;
  try {
    return await vault.createCategory({
      name,
      parentId,
      owner,
      ...(description === undefined ? {} : { description }),
      ...(passwordPolicy === undefined ? {} : { policy: passwordPolicy }),
      ...(inheritGrants === undefined ? {} : { inheritGrants }),
      ...(readOnly === undefined ? {} : { readOnly }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
    });
  } catch (error) {
    const there = isCoffreError(error, "CONFLICT") ? await findByName(vault, name, parentId) : undefined;
    throw there ? taken(there) : error;
  }
}

/** The category with this resource's own mark, or the one that is to be adopted. */
async function findExisting(
  { vault }: ResourceContext,
  inputs: CategoryInputs,
  parentId: string | null,
): Promise<Category | undefined> {
  const { adopt, name, ownerKey } = inputs;
  if (typeof adopt === "string") return vault.readCategory(adopt);
  const ownId = await vault.findOwned("category", ownerKey);
  if (ownId !== undefined) {
    const own = await vault.readCategory(ownId);
    if (own.name === name && own.parentId === parentId) return own;
    if (adopt === undefined) {
      throw new CoffreError(
        "CONFLICT",
        `An earlier run of this resource left "${pathOf(own)}", which has another name or parent`,
        {
          hint: `To take it over as it is declared now, set \`adopt: "${ownId}"\`; if the resource was renamed, give it \`aliases\`.`,
          details: { id: ownId },
        },
      );
    }
  }
  if (adopt === undefined) return undefined;
  const there = await findByName(vault, name, parentId);
  if (there) return there;
  throw new CoffreError("NOT_FOUND", `There is no category "${name}" to adopt here`, {
    hint: "Remove `adopt` for a new one; `coffre list` shows what there is.",
  });
}

async function findByName(
  vault: ResourceContext["vault"],
  name: string,
  parentId: string | null,
): Promise<Category | undefined> {
  const parent = parentId === null ? [] : (await vault.readCategory(parentId)).path;
  return vault.findCategory([...parent, name]);
}
