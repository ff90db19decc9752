import { CoffreError } from "../../core/errors.js";
import type { PasswordPolicy } from "../../core/policy.js";
import type { Category } from "../port.js";
import type { CategoryRow, ReadRows } from "./rows.js";

/** The categories as one transaction sees them; remembers what it has read, so it lives no longer than that. */
export class Tree {
  readonly #tx: ReadRows;
  readonly #rows = new Map<string, CategoryRow | undefined>();
  readonly #paths = new Map<string, string[]>();

  constructor(tx: ReadRows, known: readonly CategoryRow[] = []) {
    this.#tx = tx;
    for (const row of known) this.#rows.set(row.id, row);
  }

  row(id: string): CategoryRow | undefined {
    if (!this.#rows.has(id)) this.#rows.set(id, this.#tx.category(id));
    return this.#rows.get(id);
  }

  /** From the root down to the category itself; nothing for the root. @throws CoffreError CORRUPT if the tree is broken */
  chain(id: string | null): CategoryRow[] {
    const chain: CategoryRow[] = [];
    for (let next = id; next !== null;) {
      const row = this.row(next);
      if (!row || chain.includes(row)) {
        throw new CoffreError("CORRUPT", `The tree of categories is broken at ${next}`, {
          hint: "Run `coffre vault check`.",
          details: { table: "category", id: next },
        });
      }
      chain.unshift(row);
      next = row.parentId;
    }
    return chain;
  }

  /** Names from the root down to the category. */
  path(id: string | null): string[] {
    if (id === null) return [];
    let path = this.#paths.get(id);
    if (!path) {
      path = this.chain(id).map(({ name }) => name);
      this.#paths.set(id, path);
    }
    return [...path];
  }

  view(row: CategoryRow): Category {
    const { id, name, parentId, description, policy, inheritGrants = true, readOnly, expiresAt } = row;
    return {
      id,
      name,
      parentId,
      path: [...this.path(parentId), name],
      ...(description === undefined ? {} : { description }),
      ...(policy === undefined ? {} : { policy }),
      policies: policiesOf([...this.chain(parentId), row]),
      inheritGrants,
      ...(readOnly === undefined ? {} : { readOnly }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
      owned: row.owner !== undefined,
    };
  }
}

/** The policies of a chain of categories, root first. */
export function policiesOf(chain: readonly CategoryRow[]): { policy: PasswordPolicy; from: string }[] {
  return chain.flatMap(({ policy, name }) => (policy === undefined ? [] : [{ policy, from: name }]));
}

/** The live category at a path of names, by its id; `null` for the empty path, `undefined` if there is none. */
export function findCategoryId(tx: ReadRows, path: readonly string[]): string | null | undefined {
  let id: string | null = null;
  for (const name of path) {
    const next = tx.categoryNamed(id, name.normalize("NFC"));
    if (next === undefined) return undefined;
    id = next;
  }
  return id;
}
