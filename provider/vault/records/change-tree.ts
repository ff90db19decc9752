import { CoffreError } from "../../core/errors.js";
import { checkName } from "../../core/name.js";
import type { Place, PlacedCategoryInput, PlacedGrantInput, TreeChange } from "../port.js";
import { changeCategory, checkPoliciesBelow, createCategory, deleteCategory } from "./categories.js";
import { categoryGone, logEvent, type VaultContext } from "./context.js";
import { createGrant, deleteGrant, updateGrant } from "./grants.js";
import type { Keyed } from "./owner.js";
import type { WriteRows } from "./rows.js";

/** The rules of `Vault.changeTree`: each change by those of its own method, in one transaction. */
export function changeTree(
  tx: WriteRows,
  context: VaultContext,
  keyed: Keyed,
  changes: readonly TreeChange[],
): string[] {
  const batch = new Batch(tx, context, keyed);
  for (const change of changes) batch.carryOut(change);
  return batch.finish();
}

class Batch {
  readonly #tx: WriteRows;
  readonly #context: VaultContext;
  readonly #keyed: Keyed;
  readonly #ids: string[] = [];
  /** Indexes of changes that made a category. */
  readonly #made = new Set<number>();
  /** Categories whose policy or place changed: the policies below all of them are looked at once, in the end. */
  readonly #restricted = new Set<string>();

  constructor(tx: WriteRows, context: VaultContext, keyed: Keyed) {
    this.#tx = tx;
    this.#context = context;
    this.#keyed = keyed;
  }

  carryOut(change: TreeChange): void {
    const index = this.#ids.length;
    this.#ids.push(this.#idOf(change));
    if (change.change === "create-category") this.#made.add(index);
  }

  /** @throws CoffreError POLICY for what has changed above policies that it clashes with */
  finish(): string[] {
    const rows = [...this.#restricted].flatMap((id) => this.#tx.category(id) ?? []);
    checkPoliciesBelow(this.#tx, rows);
    return this.#ids;
  }

  #idOf(change: TreeChange): string {
    const [tx, context, keyed] = [this.#tx, this.#context, this.#keyed] as const;
    switch (change.change) {
      case "create-category":
        return this.#createCategory(change);
      case "update-category": {
        const { id, patch } = change;
        const { parentId, ...rest } = patch;
        const place = parentId === undefined ? {} : { parentId: this.#place(parentId) };
        return this.#updateCategory(id, { ...rest, ...place });
      }
      case "delete-category":
        deleteCategory(tx, context, keyed, change.id, change.proof);
        return change.id;
      case "create-grant":
        return this.#createGrant(change);
      case "update-grant":
        return updateGrant(tx, context, keyed, change.id, change.patch).id;
      case "delete-grant":
        deleteGrant(tx, context, keyed, change.id, change.proof);
        return change.id;
      case "settle-notices":
        return this.#settle(change.id, new Set(change.delivered));
    }
  }

  #createCategory({ input, adopt, notices }: Extract<TreeChange, { change: "create-category" }>): string {
    const placed = { ...input, parentId: this.#place(input.parentId) };
    const there =
      adopt === true ? this.#tx.categoryNamed(placed.parentId, checkName("category", input.name)) : undefined;
    if (there !== undefined) return this.#updateCategory(there, adoptedPatch(input));
    return createCategory(this.#tx, this.#context, this.#keyed, placed, notices).id;
  }

  #updateCategory(id: string, patch: Parameters<typeof changeCategory>[3]["patch"]): string {
    const checkBelow = () => this.#restricted.add(id);
    return changeCategory(this.#tx, this.#context, this.#keyed, { id, patch, checkBelow }).id;
  }

  #createGrant({ input, adopt }: Extract<TreeChange, { change: "create-grant" }>): string {
    const [tx, context, keyed] = [this.#tx, this.#context, this.#keyed] as const;
    const placed = { ...input, categoryId: this.#place(input.categoryId) };
    const there = adopt === true ? tx.people.grantOf(placed.categoryId, input.principalId) : undefined;
    if (there !== undefined) return updateGrant(tx, context, keyed, there, adoptedGrant(input)).id;
    return createGrant(tx, context, keyed, placed).id;
  }

  #settle(id: string, delivered: ReadonlySet<string>): string {
    const row = this.#tx.category(id);
    if (!row) throw categoryGone(id);
    const { notices = [], ...rest } = row;
    const left = notices.filter((notice) => !delivered.has(notice.id));
    if (left.length === notices.length) return id;
    this.#tx.putCategory({ ...rest, ...(left.length === 0 ? {} : { notices: left }) });
    for (const notice of notices) {
      if (left.includes(notice)) continue;
      logEvent(this.#tx, this.#context, "notice.delivered", [id], { detail: notice.hook });
    }
    return id;
  }

  #place(place: Place): string | null {
    if (place === null || typeof place === "string") return place;
    const id = this.#made.has(place.made) ? this.#ids[place.made] : undefined;
    if (id !== undefined) return id;
    throw new CoffreError(
      "INVALID_INPUT",
      `Change ${this.#ids.length} names change ${place.made}, which made no category before it`,
      {
        hint: "Nothing was changed. A category is made before what stands in it.",
      },
    );
  }
}

/** What was adopted is what was asked for, and nothing that it was before. */
function adoptedPatch({ description, policy, inheritGrants, readOnly, expiresAt, owner }: PlacedCategoryInput) {
  return {
    description: description ?? null,
    policy: policy ?? null,
    inheritGrants: inheritGrants ?? true,
    readOnly: readOnly ?? false,
    expiresAt: expiresAt ?? null,
    ...(owner === undefined ? {} : { owner }),
  };
}

function adoptedGrant({ role, expiresAt, owner }: PlacedGrantInput) {
  return { role, expiresAt: expiresAt ?? null, ...(owner === undefined ? {} : { owner }) };
}
