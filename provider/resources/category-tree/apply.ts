import type { Place, TreeChange, Vault } from "../../vault/port.js";

/** As many changes go in one write of the vault: fewer writes are faster, and a longer one keeps others waiting. */
const ABOUT_AT_ONCE = 2_000;

/**
 * Carries out lists of changes, each whole or not at all, several in one write. What is killed in between has done the first
 * ones. @throws what `changeTree` throws
 */
export async function applyChanges(vault: Vault, lists: readonly (readonly TreeChange[])[]): Promise<void> {
  let batch: TreeChange[] = [];
  for (const list of lists) {
    if (batch.length > 0 && batch.length + list.length > ABOUT_AT_ONCE) {
      await vault.changeTree(batch);
      batch = [];
    }
    const offset = batch.length;
    batch.push(...list.map((change) => shifted(change, offset)));
  }
  if (batch.length > 0) await vault.changeTree(batch);
}

/** A change whose `made` counts from the beginning of the write. */
function shifted(change: TreeChange, offset: number): TreeChange {
  const moved = (place: Place): Place =>
    typeof place === "object" && place !== null ? { made: place.made + offset } : place;
  switch (change.change) {
    case "create-category":
      return { ...change, input: { ...change.input, parentId: moved(change.input.parentId) } };
    case "create-grant":
      return { ...change, input: { ...change.input, categoryId: moved(change.input.categoryId) } };
    case "update-category": {
      const { parentId } = change.patch;
      return parentId === undefined ? change : { ...change, patch: { ...change.patch, parentId: moved(parentId) } };
    }
    case "update-grant":
    case "delete-category":
    case "delete-grant":
    case "settle-notices":
      return change;
  }
}
