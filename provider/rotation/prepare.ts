import type { Secret } from "../core/secret.js";
import type { TargetSpec } from "../target/port.js";
import type { Credential } from "../vault/port.js";
import { missingCauses } from "./causes.js";
import type { RotationContext } from "./context.js";
import { drawValue } from "./draw.js";
import type { FirstSteps } from "./lease.js";
import type { RunSessions } from "./login.js";
import { isOpen } from "./pins.js";
import { type Target, targetsOf } from "./targets.js";

/** A rotation that was looked at, and its value drawn, before its lease was taken. */
export interface Prepared extends FirstSteps {
  targets: Target[];
  value: Secret;
}

/**
 * Looks and draws before the lease is taken, so that lease and stage are one durable write; if the entry is another by then,
 * that value was never used and everything is decided anew. For the plain case: nothing is left of an earlier run, and an
 * admin sets all accounts, so that no login costs a budget.
 * @returns nothing where the run has to begin with the lease. @throws what looking throws
 */
export async function prepareFirst(
  context: RotationContext,
  seen: Credential,
  causes: readonly string[],
  sessions: RunSessions,
): Promise<Prepared | undefined> {
  const missing = missingCauses(seen, causes);
  if (context.vault.acquireAsSeen === undefined || missing.length === 0 || !isUntouched(seen)) return undefined;
  const targets = targetsOf(context, seen);
  if (targets.length === 0 || !targets.every(({ spec }) => isPlain(spec))) return undefined;
  for (const { spec } of targets) await (await sessions.for(spec, seen)).look(spec);
  const value = await drawValue(context.vault, seen, targets);
  const accounts = targets.map(({ spec }) => spec.account);
  return { seen, targets, value, steps: [{ step: "stage", value, causes: missing, accounts }] };
}

/** One login for all versions, set by an admin, on a target that has nothing to learn. */
function isPlain(spec: TargetSpec): boolean {
  return spec.admin.by !== "self" && spec.overlap === undefined && !isOpen(spec);
}

function isUntouched({ journal, archivedAt }: Credential): boolean {
  const { pending, attention, lease, draws, quietUntil, draining = [] } = journal;
  return (
    draws + draining.length === 0 &&
    [pending, attention, lease, quietUntil, archivedAt].every((one) => one === undefined)
  );
}
