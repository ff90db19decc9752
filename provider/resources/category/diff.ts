import { isDeepStrictEqual } from "node:util";
import { CoffreError } from "../../core/errors.js";
import type { Category } from "../../vault/port.js";
import type { ResourceContext } from "../context.js";
import { hasUnknown, type Properties } from "../values.js";
import { isOutdated, vaultOf } from "../vault-stamp.js";
import { pathOf, readLive, shownRules } from "./place.js";
import { refuseImpossibleBelow } from "./policies-below.js";
import { CategoryInputs, type CategoryState, parseState, pickInputs } from "./schema.js";

/** Inputs that mean something when the category is made, and nothing after. */
const ONLY_AT_CREATION: ReadonlySet<string> = new Set(["adopt"]);

/** Inputs that decide about access. */
const RULES = ["inheritGrants", "readOnly", "expiresAt"] as const;

/** What the state and the program alone say. */
export function diffCategoryOffline(olds: Properties, news: Properties): { changes: boolean } {
  return { changes: inputsChanged(parseState(olds), pickInputs(news)) };
}

/**
 * Does an `up` have something to do? Never a replacement: a category is changed and moved in place.
 * @throws CoffreError WRONG_VAULT, ROLLED_BACK, NOT_FOUND; CONFLICT for a loop
 */
export async function diffCategory(
  context: ResourceContext,
  id: string,
  olds: Properties,
  news: Properties,
): Promise<{ changes: boolean }> {
  const state = parseState(olds);
  const { identity, stamp } = await vaultOf(context.overview, state);
  const categories = await context.overview.categories();
  const category = categories.get(id) ?? (await readLive(context, id, state, identity));
  const inputs = pickInputs(news);
  const { parentId } = inputs;
  if (typeof parentId === "string" && parentId !== category.parentId) refuseLoop(categories, category, parentId);
  // What decides who may read is brought back where somebody else changed it.
  const shown = shownRules(category, state);
  const drifted = RULES.some((rule) => state[rule] !== undefined && state[rule] !== shown[rule]);
  const outdated = stamp !== undefined && isOutdated(stamp, identity);
  const changed = inputsChanged(state, inputs);
  if (changed && !hasUnknown(inputs)) {
    const { name, passwordPolicy } = CategoryInputs.parse(inputs);
    const policy = passwordPolicy ?? (state.passwordPolicy === undefined ? category.policy : undefined);
    const place = typeof parentId === "string" ? parentId : category.parentId;
    const restricts = place !== category.parentId || !isDeepStrictEqual(policy, category.policy);
    if (restricts) await refuseImpossibleBelow(context, { id, name, parentId: place, policy });
  }
  return { changes: changed || drifted || outdated || state.path !== pathOf(category) };
}

function inputsChanged(state: CategoryState, inputs: Properties): boolean {
  const before: Properties = pickInputs({ ...state });
  const names = new Set([...Object.keys(before), ...Object.keys(inputs)]);
  return [...names].some(
    (name) =>
      !ONLY_AT_CREATION.has(name) && (hasUnknown(inputs[name]) || !isDeepStrictEqual(before[name], inputs[name])),
  );
}

/** Said at preview, where the vault would say it at the up. */
function refuseLoop(categories: ReadonlyMap<string, Category>, category: Category, parentId: string): void {
  for (let id: string | null = parentId; id !== null; id = categories.get(id)?.parentId ?? null) {
    if (id !== category.id) continue;
    throw new CoffreError(
      "CONFLICT",
      `The category "${pathOf(category)}" can't be moved into itself or what is below it`,
      {
        hint: "Choose a parentId outside of it.",
        details: { id },
      },
    );
  }
}
