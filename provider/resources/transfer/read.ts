import type { ResourceContext } from "../context.js";
import { dropEmpty, type Properties } from "../values.js";
import { stampAfterRead, vaultOf } from "../vault-stamp.js";
import { parseState } from "./schema.js";
import { findSent, outputsOf, shown } from "./state.js";

/** The transfer as it is, for a refresh or a `get`. @returns no id once the vault doesn't know it. @throws CoffreError WRONG_VAULT, ROLLED_BACK */
export async function readTransfer(
  context: ResourceContext,
  id: string,
  props: Properties,
): Promise<{ id?: string; props?: Record<string, unknown> }> {
  const state = parseState(props);
  const { identity, stamp } = await vaultOf(context.vault, state);
  const transfer = await findSent(context, id, state, identity);
  if (!transfer) return {};
  const vaultStamp = stampAfterRead(state, stamp, identity);
  return { id, props: dropEmpty({ ...state, ...shown(transfer, state), ...outputsOf(transfer), vaultStamp }) };
}
