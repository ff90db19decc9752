import type { ResourceContext } from "../context.js";
import { findRootCategory } from "../root-category.js";
import { dropEmpty, type Properties } from "../values.js";
import { vaultOf } from "../vault-stamp.js";
import { currentStamp, pathOf, readKnown, shownRules } from "./place.js";
import { parseState } from "./schema.js";

/** The category as it is, for a refresh or a `get`. @returns no id once it is gone. @throws CoffreError WRONG_VAULT, ROLLED_BACK */
export async function readCategory(
  context: ResourceContext,
  id: string,
  props: Properties,
): Promise<{ id?: string; props?: Record<string, unknown> }> {
  const state = parseState(props);
  const { identity } = await vaultOf(context.vault, state);
  const category = await readKnown(context, id, state, identity);
  if (!category) return {};
  const looked = state.vaultStamp === undefined;
  const { name, parentId, description, policy } = category;
  const moved = (state.parentId ?? (await findRootCategory(context)) ?? null) !== parentId;
  return {
    id,
    props: dropEmpty({
      ...state,
      name,
      ...(moved || looked ? { parentId: parentId ?? undefined } : {}),
      ...(looked || state.description !== undefined ? { description } : {}),
      ...(looked || state.passwordPolicy !== undefined ? { passwordPolicy: policy } : {}),
      ...shownRules(category, state),
      path: pathOf(category),
      ...(looked ? {} : { vaultStamp: currentStamp(state, identity) }),
    }),
  };
}
