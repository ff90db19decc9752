import type { ResourceContext } from "../context.js";
import { findRootCategory } from "../root-category.js";
import { dropEmpty, type Properties } from "../values.js";
import { formatStamp, isOutdated, vaultOf } from "../vault-stamp.js";
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
  // The newest event alone is no news: a refresh of what didn't change changes nothing.
  const vaultStamp = stamp && isOutdated(stamp, identity) ? formatStamp(identity) : state.vaultStamp;
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
