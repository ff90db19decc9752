import { CoffreError, isCoffreError } from "../../core/errors.js";
import type { DropBox, Owner } from "../../vault/port.js";
import type { ResourceContext } from "../context.js";
import { newOwnerToken } from "../owner.js";
import { parseInputs } from "../parse.js";
import type { Properties } from "../values.js";
import { changedFields, newBox } from "./fields.js";
import { categoryOf, nothingToAdopt, pathOf, refuseArchived, stateAfter, taken } from "./place.js";
import { DropBoxInputs, pickInputs } from "./schema.js";

/** Makes the box, or returns the one that an interrupted create of the same resource made; its people are told once. */
export async function createBox(
  context: ResourceContext,
  news: Properties,
): Promise<{ id: string; outs: Record<string, unknown> }> {
  const inputs = parseInputs(DropBoxInputs, pickInputs(news));
  const categoryId = await categoryOf(context, inputs);
  const owner = { key: inputs.ownerKey, stack: context.stack, token: newOwnerToken() };
  const existing = await findExisting(context, inputs, categoryId);
  const box = existing
    ? await context.vault.boxes.updateBox(existing.id, { ...changedFields(inputs, categoryId, undefined), owner })
    : await createNew(context, inputs, categoryId, owner);
  context.overview.forget();
  return { id: box.id, outs: await stateAfter(context, inputs, box, { token: owner.token, before: undefined }) };
}

async function createNew(
  { vault }: ResourceContext,
  inputs: DropBoxInputs,
  categoryId: string | null,
  owner: Owner,
): Promise<DropBox> {
  try {
    return await vault.boxes.createBox({ ...newBox(inputs, categoryId), owner });
  } catch (error) {
    const isTaken = isCoffreError(error, "CONFLICT") && inputs.onNameConflict !== "replace";
    const there = isTaken ? await vault.boxes.findBox(categoryId, inputs.name) : undefined;
    throw there ? taken(there) : error;
  }
}

/** The box with this resource's own mark, or the one that is to be adopted. */
async function findExisting(
  { vault }: ResourceContext,
  inputs: DropBoxInputs,
  categoryId: string | null,
): Promise<DropBox | undefined> {
  const { adopt, name, ownerKey } = inputs;
  if (typeof adopt === "string") {
    const box = await vault.boxes.readBox(adopt);
    refuseArchived(box);
    return box;
  }
  const ownId = await vault.boxes.findOwnedBox(ownerKey);
  if (ownId !== undefined) {
    const own = await vault.boxes.readBox(ownId);
    if (own.name === name && own.categoryId === categoryId) return own;
    if (adopt === undefined) throw leftElsewhere(own);
  }
  if (adopt === undefined) return undefined;
  const there = await vault.boxes.findBox(categoryId, name);
  if (there) return there;
  throw nothingToAdopt(name);
}

function leftElsewhere(own: DropBox): CoffreError {
  return new CoffreError(
    "CONFLICT",
    `An earlier run of this resource left "${pathOf(own)}", which has another name or category`,
    {
      hint: `To take it over as it is declared now, set \`adopt: "${own.id}"\`; if the resource was renamed, give it \`aliases\`.`,
      details: { id: own.id },
    },
  );
}
