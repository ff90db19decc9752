import type { ResourceContext } from "../context.js";
import { ownershipOf } from "../owner.js";
import { parseInputs } from "../parse.js";
import type { Properties } from "../values.js";
import { vaultOf } from "../vault-stamp.js";
import { changedFields, parentOf, readLive, stateAfter } from "./place.js";
import { CategoryInputs, parseState, pickInputs } from "./schema.js";

/** Brings the category to what is declared now: one write. @throws CoffreError CONFLICT for a loop, a name, another owner */
export async function updateCategory(
  context: ResourceContext,
  id: string,
  olds: Properties,
  news: Properties,
): Promise<{ outs: Record<string, unknown> }> {
  const { vault } = context;
  const before = parseState(olds);
  const inputs = parseInputs(CategoryInputs, pickInputs(news));
  const { identity } = await vaultOf(vault, before);
  await readLive(context, id, before, identity);
  const isMarked = async () => (await vault.findOwned("category", inputs.ownerKey)) === id;
  const { token, proof, claim } = await ownershipOf(context, before, inputs.ownerKey, isMarked);
  const category = await vault.updateCategory(id, {
    ...changedFields(inputs, await parentOf(context, inputs), before),
    ...proof,
    ...claim,
  });
  context.overview.forget();
  return { outs: await stateAfter(context, inputs, category, token) };
}
