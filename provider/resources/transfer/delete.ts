import type { ResourceContext } from "../context.js";
import type { Properties } from "../values.js";
import { vaultOf } from "../vault-stamp.js";
import { parseState } from "./schema.js";
import { findSent } from "./state.js";

/** Ends the transfer: its link opens nothing any more, and what it sent is removed. @throws CoffreError CONFLICT if it is another's */
export async function deleteTransfer(context: ResourceContext, id: string, props: Properties): Promise<void> {
  const state = parseState(props);
  const { identity } = await vaultOf(context.vault, state);
  if (!(await findSent(context, id, state, identity))) return;
  // A state without a token owns nothing: the empty one is nobody's.
  await context.vault.boxes.transfers.archive(id, { token: state.ownerToken ?? "" });
  context.overview.forget();
}
