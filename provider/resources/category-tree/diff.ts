import { isDeepStrictEqual } from "node:util";
import type { ResourceContext } from "../context.js";
import { parseInputs } from "../parse.js";
import { findRootCategory } from "../root-category.js";
import { hasUnknown, type Properties } from "../values.js";
import { isOutdated, vaultOf } from "../vault-stamp.js";
import { untold } from "./announce.js";
import { refuseConflicts } from "./conflicts.js";
import { lookAtTree } from "./look.js";
import { refuseLostCopies } from "./lost.js";
import { CategoryTreeInputs, digestOf, parseState, pickInputs } from "./schema.js";
import { reviewLook } from "./surplus.js";
import { changeLines } from "./words.js";

/** What the state and the program alone say. */
export function diffTreeOffline(olds: Properties, news: Properties): { changes: boolean } {
  return { changes: !isDeepStrictEqual(inputsOf(olds), inputsOf(news)) };
}

/** `adopt` says how something is made, and nothing of what is; of a template its digest does, which is all that a state has. */
function inputsOf(properties: Properties): Properties {
  const { template, ...inputs } = pickInputs(properties);
  const digest = template === undefined ? properties["templateDigest"] : digestOf(template);
  return { ...inputs, adopt: undefined, template: digest };
}

/**
 * Does an `up` have something to do? Says what becomes of each copy. Never a replacement.
 * @throws CoffreError what `lookAtTree` throws; WRONG_VAULT, ROLLED_BACK; CONFLICT for what others have made
 */
export async function diffTree(
  context: ResourceContext,
  _id: string,
  olds: Properties,
  news: Properties,
): Promise<{ changes: boolean }> {
  const state = parseState(olds);
  const { identity, stamp } = await vaultOf(context.overview, state);
  const known = pickInputs(news);
  if (hasUnknown(known)) return { changes: true };
  const inputs = parseInputs(CategoryTreeInputs, known);
  const parentId = inputs.parentId ?? (await findRootCategory(context));
  const token = state.ownerToken ?? "";
  const look = await lookAtTree(context, inputs, { parentId, state, token });
  await refuseLostCopies(context, state, look);
  const gone = await reviewLook(context, inputs, look);
  await refuseConflicts(context, look, gone.removals);
  const { plan, made } = look;
  const changed = plan.copies.filter(({ changes, moves }) => changes.length + moves.length > 0);
  const lines = changeLines([...changed.map(({ copy, words }) => ({ name: copy.name, words })), ...gone.words]);
  const isMarked = made.earlier.categories.length + made.earlier.grants.length > 0;
  if (isMarked) lines.push("marked for the tree's new place in the program");
  if (lines.length + gone.stays.length === 0 && isRewritten(olds, news)) {
    lines.push("the template is written otherwise, which changes no copy");
  }
  const waiting = [...untold(made, inputs)].map(
    ([hook, { length }]) => `${hook} is to be told of ${length === 1 ? "a new copy" : `${length} new copies`}`,
  );
  for (const line of [...lines, ...waiting, ...gone.stays.slice(0, MOST_STAYS)]) context.notify(line);
  const unsaid = gone.stays.length - MOST_STAYS;
  if (unsaid > 0) context.notify(`${unsaid} more stay, since something stands in them`);
  const outdated = stamp !== undefined && isOutdated(stamp, identity);
  const toDo = isMarked || changed.length + gone.removals.length + waiting.length > 0;
  return { changes: toDo || outdated || diffTreeOffline(olds, news).changes || state.parentPath !== look.parentPath };
}

function isRewritten(olds: Properties, news: Properties): boolean {
  return inputsOf(olds)["template"] !== inputsOf(news)["template"];
}

/** Of what stays although it isn't wanted, so many are named. */
export const MOST_STAYS = 20;
