import { CoffreError } from "../../core/errors.js";
import { newId } from "../../core/id.js";
import { parseInstant } from "../../core/instant.js";
import { checkName } from "../../core/name.js";
import { checkPolicy, mergePolicies } from "../../core/policy.js";
import type { Category, CategoryInput, CategoryNotice, CategoryPatch, OwnerProof } from "../port.js";
import { categoryGone, logEvent, named, type VaultContext } from "./context.js";
import { checkOwner, type Keyed, ownerRow } from "./owner.js";
import { refuseGranted } from "./grants.js";
import { changedFields, patched } from "./patch.js";
import type { CategoryRow, ReadRows, WriteRows } from "./rows.js";
import { policiesOf, Tree } from "./tree.js";

/** The rules of `Vault.createCategory`. `notices` are booked in the same write. */
export function createCategory(
  tx: WriteRows,
  context: VaultContext,
  keyed: Keyed,
  input: CategoryInput,
  notices: readonly CategoryNotice[] = [],
): Category {
  const tree = new Tree(tx);
  if (input.parentId !== null && !tree.row(input.parentId)) throw categoryGone(input.parentId);
  const row: CategoryRow = {
    id: newId("ct_"),
    name: checkName("category", input.name),
    parentId: input.parentId,
    ...(input.description === undefined ? {} : { description: input.description }),
    ...(input.policy === undefined ? {} : { policy: input.policy }),
    ...(input.inheritGrants === false ? { inheritGrants: false } : {}),
    ...(input.readOnly === true ? { readOnly: true } : {}),
    ...(input.expiresAt === undefined ? {} : { expiresAt: parseInstant("expiresAt", input.expiresAt) }),
    ...(input.owner === undefined ? {} : { owner: ownerRow(keyed, input.owner) }),
    ...(notices.length === 0 ? {} : { notices: [...notices] }),
  };
  checkNameFree(tx, tree, row);
  // Those above it were held against one another when they were written.
  if (row.policy !== undefined) checkPolicy(mergePolicies(policiesOf([...tree.chain(row.parentId), row])));
  tx.putCategory(row);
  logEvent(tx, context, "category.created", [row.id]);
  return tree.view(row);
}

/** The rules of `Vault.updateCategory`. */
export function updateCategory(
  tx: WriteRows,
  context: VaultContext,
  keyed: Keyed,
  id: string,
  patch: CategoryPatch,
): Category {
  return changeCategory(tx, context, keyed, {
    id,
    patch,
    // With the row as it will be, so that nothing is written before it is known to hold.
    checkBelow: (row) => checkPoliciesBelow(tx, [row]),
  });
}

/** The same, where whoever changes many looks at the policies below all of them once. */
export function changeCategory(
  tx: WriteRows,
  context: VaultContext,
  keyed: Keyed,
  { id, patch, checkBelow }: { id: string; patch: CategoryPatch; checkBelow: (row: CategoryRow) => void },
): Category {
  const before = tx.category(id);
  if (!before) throw categoryGone(id);
  checkOwner(keyed, before, patch, `Category ${named(new Tree(tx).view(before).path, id)}`);
  const row = patched(before, patch, ["name", "parentId", "description", "policy", "expiresAt"]);
  if (patch.name !== undefined) row.name = checkName("category", patch.name);
  if (patch.inheritGrants === true) delete row.inheritGrants;
  if (patch.inheritGrants === false) row.inheritGrants = false;
  if (patch.readOnly === false) delete row.readOnly;
  if (patch.readOnly === true) row.readOnly = true;
  if (typeof patch.expiresAt === "string") row.expiresAt = parseInstant("expiresAt", patch.expiresAt);
  if (patch.owner !== undefined) row.owner = ownerRow(keyed, patch.owner);
  const changes = changedFields(before, row);
  if (changes.length === 0) return new Tree(tx).view(before);

  if (row.parentId !== before.parentId) checkNoLoop(tx, row);
  const tree = new Tree(tx, [row]);
  if (changes.includes("name") || changes.includes("parentId")) checkNameFree(tx, tree, row);
  if (changes.includes("policy") || changes.includes("parentId")) checkBelow(row);
  tx.putCategory(row);
  logEvent(tx, context, "category.updated", [id], { detail: changes.join(", ") });
  return tree.view(row);
}

/** The rules of `Vault.deleteCategory`. */
export function deleteCategory(
  tx: WriteRows,
  context: VaultContext,
  keyed: Keyed,
  id: string,
  proof: OwnerProof,
): void {
  const row = tx.category(id);
  if (!row) return;
  const what = `Category ${named(new Tree(tx).view(row).path, id)}`;
  checkOwner(keyed, row, proof, what);
  if (tx.categoriesIn(id).length > 0 || tx.held([id]).size > 0) {
    throw new CoffreError("CONFLICT", `${what} isn't empty`, {
      hint: "Move or delete what stands in it first; archived credentials don't count.",
    });
  }
  refuseGranted(tx, id, what);
  tx.removeCategory(id);
  logEvent(tx, context, "category.deleted", [id]);
}

/** All categories, parents before children, siblings by name. */
export function listCategories(tx: ReadRows): Category[] {
  const rows = tx.categories();
  const tree = new Tree(tx, rows);
  const children = Map.groupBy(
    rows.toSorted((left, right) => compareNames(left.name, right.name)),
    ({ parentId }) => parentId,
  );
  const listed: Category[] = [];
  const visit = (parentId: string | null): void => {
    for (const row of children.get(parentId) ?? []) {
      listed.push(tree.view(row));
      visit(row.id);
    }
  };
  visit(null);
  return listed;
}

/** The order of a tree that is read from top to bottom. */
export function comparePaths(left: readonly string[], right: readonly string[]): number {
  const different = left.findIndex((name, index) => name !== right[index]);
  return different < 0 ? left.length - right.length : compareNames(left[different] ?? "", right[different] ?? "");
}

/** By code units: the same order on every machine. */
function compareNames(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function checkNameFree(tx: ReadRows, tree: Tree, row: CategoryRow): void {
  const taken = tx.categoryNamed(row.parentId, row.name);
  if (taken === undefined || taken === row.id) return;
  throw new CoffreError("CONFLICT", `Category ${named([...tree.path(row.parentId), row.name], taken)} exists already`, {
    hint: "Choose another name, or adopt the one that is there.",
    details: { categoryId: taken },
  });
}

function checkNoLoop(tx: ReadRows, row: CategoryRow): void {
  if (row.parentId === null) return;
  const tree = new Tree(tx);
  const parent = tree.row(row.parentId);
  if (!parent) throw categoryGone(row.parentId);
  const loop = tree.chain(parent.id).some(({ id }) => id === row.id);
  if (!loop) return;
  const into = row.id === parent.id ? "itself" : `${named(tree.path(parent.id), parent.id)}, which stands in it`;
  throw new CoffreError("CONFLICT", `Category ${named(tree.path(row.id), row.id)} can't be moved into ${into}`, {
    hint: "A tree has no loops: choose a parent outside of it.",
  });
}

/**
 * A rule can clash with one of a category far below.
 * @param changed rows as they are, or are about to be. @throws CoffreError POLICY naming both rules
 */
export function checkPoliciesBelow(tx: ReadRows, changed: readonly CategoryRow[]): void {
  if (changed.length === 0) return;
  const tree = new Tree(tx, changed);
  const known = new Map(changed.map((row) => [row.id, row]));
  const seen = new Set<string>();
  const visit = (above: CategoryRow[]): void => {
    // Only what stands below: one tree of thousands is changed at the cost of itself.
    for (const id of tx.categoriesIn(above.at(-1)?.id ?? null)) {
      const child = seen.has(id) ? undefined : tx.category(id);
      if (!child) continue;
      seen.add(child.id);
      const below = [...above, known.get(child.id) ?? child];
      if (child.policy !== undefined) checkPolicy(mergePolicies(policiesOf(below)));
      visit(below);
    }
  };
  for (const row of changed) {
    const chain = [...tree.chain(row.parentId), row];
    checkPolicy(mergePolicies(policiesOf(chain)));
    visit(chain);
  }
}
