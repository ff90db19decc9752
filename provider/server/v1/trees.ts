import type { Place, TreeCategory, TreeChange, VaultTree } from "../../vault/port.js";
import type { Caller } from "../app.js";
import type { Rights } from "../principal.js";
import { requireManage } from "./guard.js";
import { type Handlers, unlessGone } from "./handler.js";

/** Many categories and grants at once, each by the rights that a single one asks for. */
export const TREE_HANDLERS: Handlers<"read-tree" | "change-tree"> = {
  async "read-tree"({ vault, rights, principal }, { query }) {
    const { categories, grants } = await vault.readTree(query);
    const byMark = "below" in query ? new Set<string | null>() : seenByMark(categories, rights);
    const mayKnow = ({ categoryId, principalId }: (typeof grants)[number]) =>
      rights.mayManagePeople || rights.mayRead(categoryId) || principalId === principal.id || byMark.has(categoryId);
    const isShown = ({ id }: TreeCategory) => rights.maySee(id) || byMark.has(id);
    const hidden = Map.groupBy(
      categories.filter((row) => !isShown(row)),
      ({ parentId }) => parentId,
    );
    // How much stands in a category is for those who may list it.
    const shown = categories.filter(isShown).map(({ held, ...row }): TreeCategory => {
      const unseen = "below" in query ? (hidden.get(row.id)?.length ?? 0) : 0;
      return {
        ...row,
        ...(held && rights.mayRead(row.id) ? { held } : {}),
        ...(unseen > 0 && rights.mayRead(row.id) ? { hidden: unseen } : {}),
        ...(byMark.has(row.id) && !rights.mayManage(row.id) ? { closed: true } : {}),
      };
    });
    return { categories: shown, grants: grants.filter(mayKnow) };
  },
  async "change-tree"(caller, { changes }) {
    const check = new RightsCheck(caller);
    for (const change of changes) await check.next(change);
    return caller.vault.changeTree(changes);
  },
};

/**
 * Of the categories that carry one mark those whom a manager of the category in which they stand sees: also where they don't
 * inherit, or their time has passed. Else a program that runs with such rights wouldn't find what it has made.
 * @returns their ids, and those of marked ones in them
 */
function seenByMark(marked: readonly TreeCategory[], rights: Rights): Set<string | null> {
  const children = Map.groupBy(marked, ({ parentId }) => parentId);
  const seen = new Set<string | null>();
  const visit = ({ id }: TreeCategory): void => {
    if (seen.has(id)) return;
    seen.add(id);
    for (const child of children.get(id) ?? []) visit(child);
  };
  for (const row of marked) if (rights.mayManage(row.parentId)) visit(row);
  return seen;
}

/** Goes through the changes as the vault will, so that nobody changes by adoption what they couldn't by its id. */
class RightsCheck {
  readonly #caller: Caller;
  /** What each change names: a category that is there already; `undefined` for one that is new. */
  readonly #there: (string | undefined)[] = [];
  /** By owner key: what carries its mark, as far as the caller sees it by that, and the part that each is. */
  readonly #made = new Map<string, Promise<ReadonlyMap<string, string | undefined>>>();

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /** @throws CoffreError FORBIDDEN, NOT_FOUND */
  async next(change: TreeChange): Promise<void> {
    this.#there.push(await this.#check(change));
  }

  async #check(change: TreeChange): Promise<string | undefined> {
    const caller = this.#caller;
    const { vault } = caller;
    switch (change.change) {
      case "create-category":
        return this.#requireNew(change);
      case "create-grant":
        this.#requirePlace(change.input.categoryId);
        return undefined;
      case "update-category":
        if (await this.#keepsMark(change)) return change.id;
        requireManage(caller, (await vault.readCategory(change.id)).id);
        if (change.patch.parentId !== undefined) this.#requirePlace(change.patch.parentId);
        return change.id;
      case "settle-notices":
        requireManage(caller, (await vault.readCategory(change.id)).id);
        return change.id;
      case "delete-category":
        return unlessGone(vault.readCategory(change.id), async ({ id }) => requireManage(caller, id));
      case "update-grant":
        if (await this.#keepsMark(change)) return undefined;
        requireManage(caller, (await vault.people.readGrant(change.id)).categoryId);
        return undefined;
      case "delete-grant":
        return unlessGone(vault.people.readGrant(change.id), async ({ categoryId }) => {
          requireManage(caller, categoryId);
        });
    }
  }

  /**
   * Whether only the token of a mark is another then: the run that goes on with a killed one does this to all that it finds. It
   * changes nothing of what anybody may, so it asks for no more than to see it by that mark. Another part would: by it the
   * next `up` of whoever may manage it decides which node's name and grants it gets.
   */
  async #keepsMark({
    id,
    patch,
  }: Extract<TreeChange, { change: "update-category" | "update-grant" }>): Promise<boolean> {
    const { owner, token: _proof, ...more } = patch;
    if (owner === undefined || Object.keys(more).length > 0) return false;
    const made = await this.#madeBy(owner.key);
    return made.has(id) && made.get(id) === owner.part;
  }

  #madeBy(ownerKey: string): Promise<ReadonlyMap<string, string | undefined>> {
    const known = this.#made.get(ownerKey) ?? partsByMark(this.#caller, ownerKey);
    this.#made.set(ownerKey, known);
    return known;
  }

  /** One that doesn't inherit isn't theirs who manage the one above. */
  async #requireNew({ input, adopt }: Extract<TreeChange, { change: "create-category" }>): Promise<string | undefined> {
    const parentId = this.#requirePlace(input.parentId);
    if (adopt !== true || parentId === undefined) return undefined;
    const { vault } = this.#caller;
    const above = parentId === null ? [] : (await vault.readCategory(parentId)).path;
    const there = await vault.findCategory([...above, input.name]);
    if (there) requireManage(this.#caller, there.id);
    return there?.id;
  }

  /** What stands in a category that is made here needs no right of its own. @returns the category that is there already */
  #requirePlace(place: Place): string | null | undefined {
    const id = typeof place === "object" && place !== null ? this.#there[place.made] : place;
    if (id !== undefined) requireManage(this.#caller, id);
    return id;
  }
}

/** By id the part of what carries the mark: a grant has none. */
async function partsByMark(
  { vault, rights }: Caller,
  ownerKey: string,
): Promise<ReadonlyMap<string, string | undefined>> {
  const { categories, grants }: VaultTree = await vault.readTree({ ownerKey });
  const seen = seenByMark(categories, rights);
  const shown = categories.filter(({ id }) => seen.has(id));
  const given = grants.filter(({ categoryId }) => seen.has(categoryId));
  return new Map([
    ...shown.map(({ id, part }) => [id, part] as const),
    ...given.map(({ id }) => [id, undefined] as const),
  ]);
}
