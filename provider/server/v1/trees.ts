import type { Place, TreeChange } from "../../vault/port.js";
import type { Caller } from "../app.js";
import { requireManage } from "./guard.js";
import { type Handlers, unlessGone } from "./handler.js";

/** Many categories and grants at once, each by the rights that a single one asks for. */
export const TREE_HANDLERS: Handlers<"read-tree" | "change-tree"> = {
  async "read-tree"({ vault, rights, principal }, { query }) {
    const { categories, grants } = await vault.readTree(query);
    const mayKnow = ({ categoryId, principalId }: (typeof grants)[number]) =>
      rights.mayManagePeople || rights.mayRead(categoryId) || principalId === principal.id;
    // How much stands in a category is for those who may list it.
    const shown = categories.filter(({ id }) => rights.maySee(id));
    const counted = shown.map(({ held, ...row }) => (held && rights.mayRead(row.id) ? { ...row, held } : row));
    return { categories: counted, grants: grants.filter(mayKnow) };
  },
  async "change-tree"(caller, { changes }) {
    const check = new RightsCheck(caller);
    for (const change of changes) await check.next(change);
    return caller.vault.changeTree(changes);
  },
};

/** Goes through the changes as the vault will, so that nobody changes by adoption what they couldn't by its id. */
class RightsCheck {
  readonly #caller: Caller;
  /** What each change names: a category that is there already; `undefined` for one that is new. */
  readonly #there: (string | undefined)[] = [];

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
        requireManage(caller, (await vault.readCategory(change.id)).id);
        if (change.patch.parentId !== undefined) this.#requirePlace(change.patch.parentId);
        return change.id;
      case "settle-notices":
        requireManage(caller, (await vault.readCategory(change.id)).id);
        return change.id;
      case "delete-category":
        return unlessGone(vault.readCategory(change.id), async ({ id }) => requireManage(caller, id));
      case "update-grant":
        requireManage(caller, (await vault.people.readGrant(change.id)).categoryId);
        return undefined;
      case "delete-grant":
        return unlessGone(vault.people.readGrant(change.id), async ({ categoryId }) => {
          requireManage(caller, categoryId);
        });
    }
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
