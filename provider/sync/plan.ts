import { isDeepStrictEqual } from "node:util";
import { CoffreError } from "../core/errors.js";
import type { Copy } from "./copy-store.js";
import { pathKey, type SyncEntry } from "./entry.js";

/** One thing to do. An entry that is moved and changed is one step. */
export type SyncStep =
  | { action: "create"; entry: SyncEntry }
  | { action: "update"; entry: SyncEntry; copy: Copy; moves: boolean }
  | { action: "move"; entry: SyncEntry; copy: Copy; moves: true }
  | { action: "remove"; copy: Copy };

/** A copy that is left as it is, and why. */
export interface SyncConflict {
  path: string[];
  entryId: string;
  error: CoffreError;
}

export interface SyncPlan {
  steps: SyncStep[];
  conflicts: SyncConflict[];
  /** Copies that are as they should be. */
  unchanged: number;
}

/** What has to be done so that the copies are what the entries are. Decides by lists alone: no value is read. */
export function planSync(
  entries: readonly SyncEntry[],
  copies: readonly Copy[],
  { overwrite }: { overwrite: boolean },
): SyncPlan {
  const plan: SyncPlan = { steps: [], conflicts: [], unchanged: 0 };
  const byEntry = Map.groupBy(copies, ({ entryId }) => entryId);
  for (const entry of entries) {
    const [copy, ...surplus] = bestFirst(byEntry.get(entry.id) ?? [], entry);
    byEntry.delete(entry.id);
    if (copy) compare(plan, entry, copy, overwrite);
    else plan.steps.push({ action: "create", entry });
    for (const double of surplus) takeAway(plan, double, overwrite);
  }
  for (const copy of [...byEntry.values()].flat()) takeAway(plan, copy, overwrite);
  return plan;
}

function compare(plan: SyncPlan, entry: SyncEntry, copy: Copy, overwrite: boolean): void {
  if (copy.foreign.length > 0 && !overwrite) {
    plan.conflicts.push(changedThere(copy));
    return;
  }
  const moves = !isDeepStrictEqual(copy.path, entry.path);
  if (copy.fingerprint !== entry.fingerprint || copy.foreign.length > 0) {
    plan.steps.push({ action: "update", entry, copy, moves });
  } else if (moves) plan.steps.push({ action: "move", entry, copy, moves });
  else plan.unchanged += 1;
}

function takeAway(plan: SyncPlan, copy: Copy, overwrite: boolean): void {
  if (copy.foreign.length > 0 && !overwrite) plan.conflicts.push(changedThere(copy));
  else plan.steps.push({ action: "remove", copy });
}

/** Two copies of one entry are what a process left that was stopped for hours: the one in its place is the one to keep. */
function bestFirst(copies: readonly Copy[], entry: SyncEntry): Copy[] {
  return copies.toSorted((left, right) => rank(left) - rank(right));
  function rank(copy: Copy): number {
    return isDeepStrictEqual(copy.path, entry.path) ? 0 : 1;
  }
}

function changedThere({ path, entryId, foreign }: Copy): SyncConflict {
  const what = foreign.join(", ");
  const error = new CoffreError("CONFLICT", `Somebody gave ${what} of the copy ${pathKey(path)} another value there`, {
    hint: "It was left alone. Put that value into the source, where it belongs; then --overwrite brings the source's here.",
    details: { entryId },
  });
  return { path, entryId, error };
}

/** A step that brings a copy to another place. */
export type MovingStep = Extract<SyncStep, { action: "update" | "move" }>;

/** A copy on its way: to its place, or aside to a name that nobody has. */
export interface Move {
  step: MovingStep;
  to: readonly string[];
}

/**
 * The moves in an order in which each finds its place free of the job's other copies. Where copies change places with each
 * other, one of them first steps aside.
 */
export function orderMoves(steps: readonly SyncStep[]): Move[] {
  const waiting = steps.filter((step): step is MovingStep => "moves" in step && step.moves);
  const at = new Map(waiting.map((step) => [step, pathKey(step.copy.path)]));
  const moves: Move[] = [];
  while (waiting.length > 0) {
    const held = new Set(at.values());
    const free = waiting.findIndex((step) => !held.has(pathKey(step.entry.path)));
    const index = Math.max(0, free);
    const step = waiting[index];
    if (!step) break;
    if (free >= 0) {
      moves.push({ step, to: step.entry.path });
      waiting.splice(index, 1);
      at.delete(step);
    } else {
      const aside = [...step.entry.path.slice(0, -1), asideName(step.entry)];
      moves.push({ step, to: aside });
      at.set(step, pathKey(aside));
    }
  }
  return moves;
}

function asideName({ id }: SyncEntry): string {
  return `(moving ${id})`;
}
