import { CoffreError } from "../../core/errors.js";
import type { VaultIdentity } from "../../vault/port.js";
import type { ResourceContext } from "../context.js";
import { PartialFailure } from "../failures.js";
import { newOwnerToken } from "../owner.js";
import { parseInputs } from "../parse.js";
import { ensureRootCategory } from "../root-category.js";
import { dropEmpty, type Properties } from "../values.js";
import { formatStamp, isOutdated, parseStamp, refuseLost, vaultOf } from "../vault-stamp.js";
import { announceCopies } from "./announce.js";
import { applyChanges } from "./apply.js";
import { copiesOf } from "./copies.js";
import { MOST_STAYS } from "./diff.js";
import { type Look, lookAtTree } from "./look.js";
import { refuseLostCopies } from "./lost.js";
import { markAs, readMade } from "./made.js";
import { CategoryTreeInputs, type CategoryTreeState, digestOf, parseState, pickInputs } from "./schema.js";
import { reviewLook, reviewSurplus } from "./surplus.js";

type Outputs = Record<string, unknown>;

/** Makes the copies; what an interrupted create of the same resource made is gone on with. */
export async function createTree(context: ResourceContext, news: Properties): Promise<{ id: string; outs: Outputs }> {
  const inputs = parseInputs(CategoryTreeInputs, pickInputs(news));
  const { vault, stack } = context;
  const token = newOwnerToken();
  const id = `tree-${(await vault.digest(`CategoryTree ${inputs.ownerKey}`)).slice(0, 22)}`;
  // What an earlier create left is this state's from now on; until all of it is, nothing else is done.
  const owner = { key: inputs.ownerKey, stack, token };
  const left = await readMade(vault, owner.key);
  await markAs(vault, left, owner);
  const parentId = await parentOf(context, inputs);
  const look = await lookAtTree(context, inputs, { parentId, token, made: left });
  const identity = await context.overview.identity();
  try {
    await reach(context, inputs, look);
    return { id, outs: stateAfter(inputs, look, await vault.identity()) };
  } catch (error) {
    // What stands in the vault by now a destroy has to know of; if that can't be asked, it may.
    const { categories } = await readMade(vault, inputs.ownerKey).catch(() => ({ categories: [undefined] }));
    throw categories.length === 0 ? error : new PartialFailure(id, stateAfter(inputs, look, identity), error);
  } finally {
    context.overview.forget();
  }
}

/** Brings the copies to what is declared now. @throws CoffreError what `lookAtTree` throws; WRONG_VAULT, ROLLED_BACK, CONFLICT */
export async function updateTree(
  context: ResourceContext,
  _id: string,
  olds: Properties,
  news: Properties,
): Promise<{ outs: Outputs }> {
  const before = parseState(olds);
  const inputs = parseInputs(CategoryTreeInputs, pickInputs(news));
  await vaultOf(context.vault, before);
  const token = before.ownerToken ?? newOwnerToken();
  const parentId = await parentOf(context, inputs);
  try {
    const look = await lookAtTree(context, inputs, { parentId, state: before, token });
    await refuseLostCopies(context, before, look);
    await markAs(context.vault, look.made.earlier, look.wanted.owner, token);
    await reach(context, inputs, look);
    return { outs: stateAfter(inputs, look, await context.vault.identity()) };
  } finally {
    context.overview.forget();
  }
}

/** As the vault has it: gone once none of its categories is there. @throws CoffreError WRONG_VAULT, ROLLED_BACK */
export async function readTreeState(
  context: ResourceContext,
  id: string,
  props: Properties,
): Promise<{ id?: string; props?: Outputs }> {
  const state = parseState(props);
  const { identity, stamp } = await vaultOf(context.vault, state);
  const { categories } = await readMade(context.vault, requireKey(state), state);
  if (categories.length === 0) {
    await refuseLost(stamp, identity, context.overview, "the copies");
    return {};
  }
  const outdated = stamp !== undefined && isOutdated(stamp, identity);
  return { id, props: dropEmpty({ ...state, ...(outdated ? { vaultStamp: formatStamp(identity) } : {}) }) };
}

/** Takes all copies away, or none: not while something stands in one of them. @throws CoffreError CONFLICT that names them */
export async function deleteTree(context: ResourceContext, _id: string, props: Properties): Promise<void> {
  const state = parseState(props);
  if (state.onDelete === "keep") return;
  const { vault } = context;
  const { identity } = await vaultOf(vault, state);
  const made = await readMade(vault, requireKey(state), state);
  if (made.categories.length === 0) {
    await refuseLost(parseStamp(state.vaultStamp), identity, context.overview, "the copies");
    return;
  }
  // A state without a token owns nothing: the empty one is nobody's.
  const token = state.ownerToken ?? "";
  const known = state.name === undefined && state.names === undefined ? [] : copiesOf(state);
  const { removals, stays } = await reviewSurplus({
    vault,
    surplus: made.categories,
    made,
    token,
    nameOf: (key) => known.find((copy) => copy.key === key)?.name ?? key,
  });
  if (stays.length > 0) {
    const more = stays.length > 3 ? `; and ${stays.length - 3} more` : "";
    throw new CoffreError("CONFLICT", `The copies can't be taken away: ${stays.slice(0, 3).join("; ")}${more}`, {
      hint: 'Nothing was removed. Move or delete what stands in them first, or set `onDelete: "keep"`, which leaves them.',
    });
  }
  await applyChanges(vault, removals);
  context.overview.forget();
}

/** Removals first, then what is renamed or moved, so that a name is free for whoever gets it. */
async function reach(context: ResourceContext, inputs: CategoryTreeInputs, look: Look): Promise<void> {
  const { vault } = context;
  const { plan, made } = look;
  const { removals, stays } = await reviewLook(context, inputs, look);
  await applyChanges(vault, removals);
  await applyChanges(
    vault,
    plan.moves.map(({ change }) => [change]),
  );
  await applyChanges(
    vault,
    plan.copies.map(({ changes }) => changes).filter(({ length }) => length > 0),
  );
  for (const line of stays.slice(0, MOST_STAYS)) context.notify(`${line}; an \`up\` removes it once that is gone`);
  if (inputs.notify !== undefined || made.categories.some(({ notices }) => notices !== undefined)) {
    const { parentPath } = look;
    await announceCopies(context, inputs, { made: await readMade(vault, inputs.ownerKey), parentPath });
  }
}

function parentOf(context: ResourceContext, { parentId }: CategoryTreeInputs): Promise<string | null> {
  return parentId === undefined ? ensureRootCategory(context) : Promise.resolve(parentId);
}

function stateAfter(
  { template, ...inputs }: CategoryTreeInputs,
  { wanted, parentPath }: Pick<Look, "wanted" | "parentPath">,
  identity: VaultIdentity,
): Outputs {
  return dropEmpty({
    ...inputs,
    parentPath,
    templateDigest: template && digestOf(template),
    ownerToken: wanted.owner.token,
    vaultStamp: formatStamp(identity),
  });
}

/** @throws CoffreError NOT_SUPPORTED for a state that no declaration wrote */
function requireKey({ ownerKey }: CategoryTreeState): string {
  if (ownerKey !== undefined) return ownerKey;
  throw new CoffreError("NOT_SUPPORTED", "A CategoryTree can't be looked up or imported", {
    hint: "Declare it with `adopt: true`: it takes over the categories that stand at its places.",
  });
}
