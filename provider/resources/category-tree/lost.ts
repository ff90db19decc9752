import type { ResourceContext } from "../context.js";
import { parseStamp, refuseLost } from "../vault-stamp.js";
import { copiesOf } from "./copies.js";
import type { Look } from "./look.js";
import type { CategoryTreeState } from "./schema.js";
import { namesText } from "./words.js";

/** A copy that the state knows and the vault hasn't was deleted, and is made again, or was lost. @throws CoffreError ROLLED_BACK */
export async function refuseLostCopies(context: ResourceContext, state: CategoryTreeState, look: Look): Promise<void> {
  if (state.name === undefined && state.names === undefined) return;
  const before = new Set(copiesOf(state).map(({ key }) => key));
  const missing = look.plan.copies.filter(({ topId, copy }) => topId === undefined && before.has(copy.key));
  if (missing.length === 0) return;
  const identity = await context.overview.identity();
  const what = namesText(missing.map(({ copy }) => copy.name));
  await refuseLost(parseStamp(state.vaultStamp), identity, context.overview, what);
}
