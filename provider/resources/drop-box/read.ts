import type { ResourceContext } from "../context.js";
import { findRootCategory } from "../root-category.js";
import { dropEmpty, type Properties } from "../values.js";
import { stampAfterRead, vaultOf } from "../vault-stamp.js";
import { shownInputs } from "./fields.js";
import { outputsOf, readKnown } from "./place.js";
import { parseState } from "./schema.js";

/** The box as it is, for a refresh or a `get`. @returns no id once it is gone. @throws CoffreError WRONG_VAULT, ROLLED_BACK */
export async function readBox(
  context: ResourceContext,
  id: string,
  props: Properties,
): Promise<{ id?: string; props?: Record<string, unknown> }> {
  const state = parseState(props);
  const { identity, stamp } = await vaultOf(context.vault, state);
  const box = await readKnown(context, id, state, identity);
  if (!box) return {};
  const looked = stamp === undefined;
  const moved = (state.categoryId ?? (await findRootCategory(context)) ?? null) !== box.categoryId;
  const vaultStamp = stampAfterRead(state, stamp, identity);
  return {
    id,
    props: dropEmpty({
      ...state,
      ...shownInputs(box, state),
      ...(moved || looked ? { categoryId: box.categoryId } : {}),
      ...outputsOf(box, state),
      vaultStamp,
    }),
  };
}
