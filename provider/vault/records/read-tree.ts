import type { Held, TreeCategory, TreeQuery, VaultTree } from "../port.js";
import { categoryGone } from "./context.js";
import { viewGrant } from "./grants.js";
import type { Keyed } from "./owner.js";
import type { CategoryRow, OwnerRow, ReadRows } from "./rows.js";

/** The rules of `Vault.readTree`. */
export function readTree(tx: ReadRows, keyed: Keyed, query: TreeQuery): VaultTree {
  if ("below" in query) return readBelow(tx, query.below, query.held === true);
  if ("ownerToken" in query) return readByToken(tx, keyed, query.ownerToken);
  const mark = keyed("mark", query.ownerKey);
  return {
    categories: tx.categoriesMarked(mark).flatMap((id) => viewsOf(tx.category(id))),
    grants: grantsOf(tx, tx.people.marked("grant", mark)),
  };
}

function readByToken(tx: ReadRows, keyed: Keyed, ownerToken: string): VaultTree {
  const token = keyed("token", ownerToken);
  const carries = ({ owner }: { owner?: OwnerRow }) => owner?.token === token;
  return {
    categories: tx.categories().filter(carries).flatMap(viewsOf),
    grants: tx.people.grants().filter(carries).map(viewGrant),
  };
}

function readBelow(tx: ReadRows, top: string | null, withHeld: boolean): VaultTree {
  const row = top === null ? undefined : tx.category(top);
  if (top !== null && !row) throw categoryGone(top);
  const rows: CategoryRow[] = row ? [row] : [];
  const visit = (parentId: string | null): void => {
    for (const id of tx.categoriesIn(parentId)) {
      const child = tx.category(id);
      if (!child) continue;
      rows.push(child);
      visit(id);
    }
  };
  visit(top);
  // What stands there may have to be fetched first, so only for those who want to know.
  const held = withHeld ? tx.held(rows.map(({ id }) => id)) : new Map<string, Held>();
  const onRoot =
    top === null
      ? tx.people
          .grants()
          .filter(({ categoryId }) => categoryId === null)
          .map(viewGrant)
      : [];
  return {
    categories: rows.flatMap(viewsOf).map((view) => ({ ...view, ...heldOf(held, view.id) })),
    grants: [...onRoot, ...rows.flatMap(({ id }) => grantsOf(tx, tx.people.grantsOn(id)))],
  };
}

function heldOf(all: ReadonlyMap<string, Held>, id: string): Pick<TreeCategory, "held"> {
  const held = all.get(id);
  return held ? { held } : {};
}

function grantsOf(tx: ReadRows, ids: readonly string[]): VaultTree["grants"] {
  return ids.flatMap((id) => {
    const row = tx.people.grant(id);
    return row ? [viewGrant(row)] : [];
  });
}

function viewsOf(row: CategoryRow | undefined): TreeCategory[] {
  if (!row) return [];
  const { owner, inheritGrants = true, ...shown } = row;
  const part = owner?.part;
  return [{ ...shown, inheritGrants, owned: owner !== undefined, ...(part === undefined ? {} : { part }) }];
}
