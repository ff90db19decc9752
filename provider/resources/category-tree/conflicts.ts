import { CoffreError } from "../../core/errors.js";
import type { Category, TreeCategory, TreeChange, VaultTree } from "../../vault/port.js";
import type { ResourceContext } from "../context.js";
import type { Look } from "./look.js";
import { type Move, placeText } from "./moves.js";
import type { CopyPlan } from "./plan.js";
import { readAround } from "./surplus.js";

/** Up to so many places are looked up one by one. */
const FEW = 8;
/** How many of them a message names. */
const MOST_NAMED = 5;

/**
 * What the vault would refuse: names that are taken when their turn comes, and grants that somebody else gave. For a preview;
 * the write itself is refused too. @param removals what is taken away before @throws CoffreError CONFLICT
 */
export async function refuseConflicts(
  context: ResourceContext,
  look: Look,
  removals: readonly (readonly TreeChange[])[],
): Promise<void> {
  const { wanted, made, plan, parentPath } = look;
  const own = new Set([...made.categories, ...made.grants].map(({ id }) => id));
  const atTop = plan.copies.filter(
    ({ topId, moves }) => topId === undefined || moves.some(({ change }) => change.id === topId),
  );
  const below = plan.copies.filter(
    ({ topId, changes, moves }) => topId !== undefined && (changes.some(isCreation) || moves.length > 0),
  );
  if (atTop.length + below.length === 0) return;
  const beside = await takenNames(context, atTop, { parentPath, parentId: wanted.parentId });
  const around = await readAround(
    context.vault,
    below.flatMap(({ topId }) => topId ?? []),
  );
  const removed = new Set(removals.flat().flatMap((change) => (change.change === "delete-category" ? change.id : [])));
  const there = [...beside, ...around.categories, ...made.categories].filter(({ id }) => !removed.has(id));
  const taken = takenPlaces(look, there);
  refuseStaying(taken.filter(({ id }) => own.has(id)));
  // What is to be adopted takes no name from anybody; what is renamed onto somebody else's would.
  const foreign = taken.filter(({ id, isNew }) => !own.has(id) && !(isNew && wanted.adopt));
  const given = wanted.adopt ? [] : foreignGrants(below, { around, own, nameOf: wanted.nameOf });
  const categories = foreign.map(({ name, copyName, parentId, id }) =>
    parentId === wanted.parentId ? `"${joined(parentPath, name)}" (${id})` : `"${name}" in ${copyName} (${id})`,
  );
  refuse([...categories, ...given], below.length > 0 ? "categories and grants" : "categories");
}

/** A place that is wanted for one category while another has it. */
interface Taken {
  /** Of who has it. */
  id: string;
  name: string;
  parentId: string | null;
  copyName: string;
  /** Whether it is wanted for a new one. */
  isNew: boolean;
}

/** Goes through the plan as the vault will. */
function takenPlaces({ plan }: Look, there: readonly Pick<TreeCategory, "id" | "name" | "parentId">[]): Taken[] {
  const occupants = new Map(there.map((row) => [placeText(row), row.id]));
  const taken: Taken[] = [];
  const occupy = (to: Move["to"], id: string, what: Pick<Taken, "copyName" | "isNew">): void => {
    const occupant = occupants.get(placeText(to));
    if (occupant !== undefined && occupant !== id) taken.push({ ...to, ...what, id: occupant });
    occupants.set(placeText(to), id);
  };
  for (const { change, row, to, copyName } of plan.moves) {
    if (occupants.get(placeText(row)) === row.id) occupants.delete(placeText(row));
    occupy(to, change.id, { copyName, isNew: false });
  }
  for (const { copy, changes } of plan.copies) {
    for (const change of changes) {
      if (change.change !== "create-category") continue;
      const { parentId, name } = change.input;
      if (parentId === null || typeof parentId === "string") {
        occupy({ parentId, name }, "", { copyName: copy.name, isNew: true });
      }
    }
  }
  return taken;
}

interface GrantFacts {
  around: VaultTree;
  own: ReadonlySet<string>;
  nameOf: (principalId: string) => string;
}

function foreignGrants(copies: readonly CopyPlan[], { around, own, nameOf }: GrantFacts): string[] {
  const given = new Map(
    around.grants.map(({ categoryId, principalId, id }) => [`${categoryId ?? ""} ${principalId}`, id]),
  );
  return copies.flatMap(({ copy, changes }) =>
    changes.flatMap((change) => {
      if (change.change !== "create-grant" || typeof change.input.categoryId !== "string") return [];
      const { categoryId, principalId } = change.input;
      const id = given.get(`${categoryId} ${principalId}`);
      return id === undefined || own.has(id) ? [] : [`a grant to ${nameOf(principalId)} in ${copy.name} (${id})`];
    }),
  );
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
): Promise<Pick<Category, "id" | "name" | "parentId">[]> {
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
  throw new CoffreError("CONFLICT", `There are ${what} that this resource didn't make: ${firstOf(there)}`, {
    hint:
      "If this resource was renamed or moved in the program, give it `aliases`. " +
      "To take over all that has the place of a new category or grant of a copy, set `adopt: true`. Otherwise choose other names.",
  });
}

/** Categories of the resource's own whose names are wanted, and that keep them. */
function refuseStaying(taken: readonly Taken[]): void {
  if (taken.length === 0) return;
  const named = taken.map(({ name, copyName, id }) => `"${name}" in ${copyName} (${id})`);
  throw new CoffreError("CONFLICT", `Names are wanted that categories of this resource keep: ${firstOf(named)}`, {
    hint:
      "Empty those categories first, so that they can be taken away, or choose other names. " +
      "A category that is to be the same one under another name gets its old name as `key`.",
  });
}

function firstOf(all: readonly string[]): string {
  const more = all.length > MOST_NAMED ? `, and ${all.length - MOST_NAMED} more` : "";
  return `${all.slice(0, MOST_NAMED).join(", ")}${more}`;
}

function joined(above: string, name: string): string {
  return above === "" ? name : `${above}/${name}`;
}
