import type { Owner, TreeChange, Vault, VaultTree } from "../../vault/port.js";
import { applyChanges } from "./apply.js";
import { copiesOf } from "./copies.js";
import type { CategoryTreeState } from "./schema.js";

/** What the resource has made so far. */
export interface Made extends VaultTree {
  /** Of that, what carries the mark of an earlier place in the program. */
  earlier: VaultTree;
}

/**
 * What carries the resource's mark, and that of the place which its state names. Where a copy of the state is in neither, an
 * `up` that gave the resource another place was cut off before its state was written, perhaps: then by the state's token.
 */
export async function readMade(vault: Vault, ownerKey: string, state?: CategoryTreeState): Promise<Made> {
  const trees = [await vault.readTree({ ownerKey })];
  if (state?.ownerKey !== undefined && state.ownerKey !== ownerKey) {
    trees.push(await vault.readTree({ ownerKey: state.ownerKey }));
  }
  if (state?.ownerToken !== undefined && lacksCopy(state, trees)) {
    trees.push(await vault.readTree({ ownerToken: state.ownerToken }));
  }
  const [own = NONE] = trees;
  const ownIds = new Set([...own.categories, ...own.grants].map(({ id }) => id));
  const all = {
    categories: unique(trees.flatMap(({ categories }) => categories)),
    grants: unique(trees.flatMap(({ grants }) => grants)),
  };
  const earlier = {
    categories: all.categories.filter(({ id }) => !ownIds.has(id)),
    grants: all.grants.filter(({ id }) => !ownIds.has(id)),
  };
  return { ...all, earlier };
}

const NONE: VaultTree = { categories: [], grants: [] };

function lacksCopy(state: CategoryTreeState, trees: readonly VaultTree[]): boolean {
  if (state.name === undefined && state.names === undefined) return false;
  const parts = new Set(trees.flatMap(({ categories }) => categories.map(({ part }) => part)));
  return copiesOf(state).some(({ key }) => !parts.has(key));
}

function unique<Row extends { id: string }>(rows: readonly Row[]): Row[] {
  return [...new Map(rows.map((row) => [row.id, row])).values()];
}

/**
 * Gives these another owner, before anything else is done. The tops of copies come first: by what a state lacks of them an
 * interrupted run is known. @param token theirs: none for what an interrupted create left, whose token nobody has
 */
export async function markAs(
  vault: Vault,
  { categories, grants }: VaultTree,
  owner: Omit<Owner, "part">,
  token?: string,
): Promise<void> {
  const proof = token === undefined ? {} : { token };
  const tops = categories.filter(({ part }) => part?.includes("/") !== true);
  const others = categories.filter(({ part }) => part?.includes("/") === true);
  const changes: TreeChange[] = [
    ...[...tops, ...others].map(({ id, part }): TreeChange => {
      const patch = { ...proof, owner: { ...owner, ...(part === undefined ? {} : { part }) } };
      return { change: "update-category", id, patch };
    }),
    ...grants.map(({ id }): TreeChange => ({ change: "update-grant", id, patch: { ...proof, owner } })),
  ];
  await applyChanges(
    vault,
    changes.map((change) => [change]),
  );
}
