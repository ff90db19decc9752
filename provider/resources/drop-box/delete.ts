import type { ResourceContext } from "../context.js";
import type { Properties } from "../values.js";
import { vaultOf } from "../vault-stamp.js";
import { readKnown } from "./place.js";
import { parseState } from "./schema.js";

/**
 * Removes an empty box, or archives it, or leaves it, as `onDelete` says. What was archived already stays so, with what
 * was deposited. @throws CoffreError CONFLICT if it isn't empty, or another's
 */
export async function deleteBox(context: ResourceContext, id: string, props: Properties): Promise<void> {
  const state = parseState(props);
  if (state.onDelete === "keep") return;
  const { identity } = await vaultOf(context.vault, state);
  const box = await readKnown(context, id, state, identity);
  if (!box) return;
  const { boxes } = context.vault;
  const token = state.ownerToken ?? ""; // a state without a token owns nothing: the empty one is nobody's
  const isArchive = box.status === "archived" && box.bytes > 0;
  if (state.onDelete === "archive" || isArchive) await boxes.archiveBox(id, { token });
  else await boxes.deleteBox(id, { token, onlyEmpty: true });
  context.overview.forget();
}
