import type { ResourceContext } from "../context.js";
import type { Properties } from "../values.js";
import { vaultOf } from "../vault-stamp.js";
import { readKnown } from "./place.js";
import { parseState } from "./schema.js";

/** Removes an empty category, unless it is to be kept. @throws CoffreError CONFLICT if it isn't empty, or another's */
export async function deleteCategory(context: ResourceContext, id: string, props: Properties): Promise<void> {
  const state = parseState(props);
  if (state.onDelete === "keep") return;
  const { identity } = await vaultOf(context.vault, state);
  if (!(await readKnown(context, id, state, identity))) return;
  // A state without a token owns nothing: the empty one is nobody's.
  await context.vault.deleteCategory(id, { token: state.ownerToken ?? "" });
  context.overview.forget();
}
