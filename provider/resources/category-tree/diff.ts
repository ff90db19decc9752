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
import { reviewSurplus } from "./surplus.js";
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
  const look = await lookAtTree(context, inputs, { parentId, earlierKey: state.ownerKey, token });
  await refuseLostCopies(context, state, look);
  await refuseConflicts(context, look);
  const { plan, made, wanted } = look;
  const changed = plan.copies.filter(({ changes }) => changes.length > 0);
  const gone = await reviewSurplus({
    vault: context.vault,
    surplus: inputs.onDelete === "keep" ? [] : plan.surplus,
    grants: made.grants,
    token,
    nameOf: (key) => wanted.copies.find((copy) => copy.key === key)?.name ?? key,
  });
  const lines = changeLines([...changed.map(({ copy, words }) => ({ name: copy.name, words })), ...gone.words]);
  const waiting = [...untold(made, inputs)].map(
    ([hook, { length }]) => `${hook} is to be told of ${length === 1 ? "a new copy" : `${length} new copies`}`,
  );
  for (const line of [...lines, ...waiting, ...gone.stays.slice(0, MOST_STAYS)]) context.notify(line);
  const unsaid = gone.stays.length - MOST_STAYS;
  if (unsaid > 0) context.notify(`${unsaid} more stay, since something stands in them`);
  const outdated = stamp !== undefined && isOutdated(stamp, identity);
  const toDo = changed.length + gone.removals.length + waiting.length > 0;
  return { changes: toDo || outdated || diffTreeOffline(olds, news).changes || state.parentPath !== look.parentPath };
}

/** Of what stays although it isn't wanted, so many are named. */
export const MOST_STAYS = 20;
