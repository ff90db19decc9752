import type { ResourceContext } from "../context.js";
import { ownershipOf } from "../owner.js";
import { parseInputs } from "../parse.js";
import type { Properties } from "../values.js";
import { vaultOf } from "../vault-stamp.js";
import { changedFields } from "./fields.js";
import { categoryOf, readLive, stateAfter } from "./place.js";
import { DropBoxInputs, parseState, pickInputs } from "./schema.js";

/** Brings the box to what is declared now: one write. Who is new in it is told. @throws CoffreError CONFLICT for a name, another owner */
export async function updateBox(
  context: ResourceContext,
  id: string,
  olds: Properties,
  news: Properties,
): Promise<{ outs: Record<string, unknown> }> {
  const { boxes } = context.vault;
  const before = parseState(olds);
  const inputs = parseInputs(DropBoxInputs, pickInputs(news));
  const { identity } = await vaultOf(context.vault, before);
  await readLive(context, id, before, identity);
  const isMarked = async () => (await boxes.findOwnedBox(inputs.ownerKey)) === id;
  const { token, proof, claim } = await ownershipOf(context, before, inputs.ownerKey, isMarked);
  const box = await boxes.updateBox(id, {
    ...changedFields(inputs, await categoryOf(context, inputs), before),
    ...proof,
    ...claim,
  });
  context.overview.forget();
  return { outs: await stateAfter(context, inputs, box, { token, before }) };
}
