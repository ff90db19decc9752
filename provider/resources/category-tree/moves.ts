import { CoffreError } from "../../core/errors.js";
import type { TreeCategory, TreeChange } from "../../vault/port.js";

/** A category that gets another name, or another place that is there. */
export interface Move {
  change: Extract<TreeChange, { change: "update-category" }>;
  /** As it is. */
  row: TreeCategory;
  to: { parentId: string | null; name: string };
  /** In which it is. */
  copyName: string;
}

/** Where no two categories can stand at once. */
export function placeText({ parentId, name }: Move["to"]): string {
  return `${parentId ?? ""}/${name}`;
}

/**
 * The same, each after the one that frees its place. @throws CoffreError CONFLICT for categories that trade places: a vault
 * changes one after the other, and a name for the time between would stay where a run is killed
 */
export function orderMoves(moves: readonly Move[]): Move[] {
  const leaving = new Map(moves.map((move) => [placeText(move.row), move]));
  const ordered = new Set<Move>();
  for (const move of moves) {
    const waiting: Move[] = [];
    for (let next: Move | undefined = move; next && !ordered.has(next); next = leaving.get(placeText(next.to))) {
      if (waiting.includes(next)) throw refusedTrade(waiting.slice(waiting.indexOf(next)));
      waiting.push(next);
    }
    for (const one of waiting.toReversed()) ordered.add(one);
  }
  return [...ordered];
}

function refusedTrade(moves: readonly Move[]): CoffreError {
  const [first] = moves;
  const steps = moves.map(({ row, to }) => `"${row.name}" => "${to.name}"`).join(", ");
  return new CoffreError("CONFLICT", `Categories trade names in ${first?.copyName ?? ""}: ${steps}`, {
    hint: "Nothing was changed. Do it in two steps: give one of them a name that none has, run `up`, and then the name that it is to have.",
  });
}
