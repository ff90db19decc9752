import { CoffreError } from "../../core/errors.js";
import type { ResourceContext } from "../context.js";
import type { Look } from "./look.js";
import type { CopyPlan } from "./plan.js";
import { readAround } from "./surplus.js";

/** Up to so many places are looked up one by one. */
const FEW = 8;
/** How many of them a message names. */
const MOST_NAMED = 5;

/**
 * What the vault would refuse: names that somebody else has, and grants that somebody else gave. For a preview; the write
 * itself is refused too. @throws CoffreError CONFLICT
 */
export async function refuseConflicts(
  context: ResourceContext,
  { wanted, made, plan, parentPath }: Look,
): Promise<void> {
  if (wanted.adopt) return;
  const own = new Set([...made.categories, ...made.grants].map(({ id }) => id));
  const isNew = plan.copies.filter(({ topId }) => topId === undefined);
  const taken = await takenNames(context, isNew, { parentPath, parentId: wanted.parentId });
  refuse(
    taken.filter(({ id }) => !own.has(id)).map(({ name, id }) => `"${joined(parentPath, name)}" (${id})`),
    "categories",
  );

  const changed = plan.copies.filter(({ topId, changes }) => topId !== undefined && changes.some(isCreation));
  if (changed.length === 0) return;
  const around = await readAround(
    context.vault,
    changed.flatMap(({ topId }) => topId ?? []),
  );
  const named = new Map(around.categories.map(({ parentId, name, id }) => [`${parentId ?? ""}/${name}`, id]));
  const given = new Map(
    around.grants.map(({ categoryId, principalId, id }) => [`${categoryId ?? ""} ${principalId}`, id]),
  );
  const there = changed.flatMap(({ copy, changes }) =>
    changes.flatMap((change) => {
      if (change.change === "create-category" && typeof change.input.parentId === "string") {
        const id = named.get(`${change.input.parentId}/${change.input.name}`);
        return id === undefined || own.has(id) ? [] : [`"${change.input.name}" in ${copy.name} (${id})`];
      }
      if (change.change !== "create-grant" || typeof change.input.categoryId !== "string") return [];
      const { categoryId, principalId } = change.input;
      const id = given.get(`${categoryId} ${principalId}`);
      return id === undefined || own.has(id)
        ? []
        : [`a grant to ${wanted.nameOf(principalId)} in ${copy.name} (${id})`];
    }),
  );
  refuse(there, "categories and grants");
}

function isCreation({ change }: CopyPlan["changes"][number]): boolean {
  return change === "create-category" || change === "create-grant";
}

interface TopPlace {
  parentPath: string;
  parentId: string | null;
}

async function takenNames(
  { vault, overview }: ResourceContext,
  copies: readonly CopyPlan[],
  { parentPath, parentId }: TopPlace,
): Promise<{ id: string; name: string }[]> {
  if (copies.length > FEW) {
    const names = new Set(copies.map(({ copy }) => copy.name));
    const all = [...(await overview.categories()).values()];
    return all.filter((category) => category.parentId === parentId && names.has(category.name));
  }
  const above = parentPath === "" ? [] : parentPath.split("/");
  const found = await Promise.all(copies.map(({ copy }) => vault.findCategory([...above, copy.name])));
  return found.flatMap((category) => category ?? []);
}

function refuse(there: readonly string[], what: string): void {
  if (there.length === 0) return;
  const named = there.slice(0, MOST_NAMED).join(", ");
  const more = there.length > MOST_NAMED ? `, and ${there.length - MOST_NAMED} more` : "";
  throw new CoffreError("CONFLICT", `There are ${what} that this resource didn't make: ${named}${more}`, {
    hint:
      "If this resource was renamed or moved in the program, give it `aliases`. " +
      "To take over all that has the place of a copy's category or grant, set `adopt: true`. Otherwise choose other names.",
  });
}

function joined(above: string, name: string): string {
  return above === "" ? name : `${above}/${name}`;
}
