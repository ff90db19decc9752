import { notAllowed } from "./not-allowed.js";
import { isOver } from "./port-draining.js";
import type { Draining, Journal, RotationStep, VersionInfo } from "./port.js";

/**
 * What the journal allows of logins whose turn is over: they work, with the version before, until somebody ends them.
 * While they do, both versions work and both are in the vault.
 */
export type DrainStep = Extract<RotationStep, { step: "acknowledge" | "drain-started" | "drained" }>;

/** @throws CoffreError CONFLICT for a login that doesn't drain, or not yet to its end */
export function applyDrainStep(
  journal: Journal,
  step: DrainStep,
  now: Date,
): { action: string; version?: number; detail?: string } {
  if (step.step === "acknowledge") {
    for (const login of journal.draining ?? []) if (!isOver(login, now)) login.until = now.toISOString();
    return { action: "rotation.acknowledged" };
  }
  const login = journal.draining?.find(({ account }) => account === step.account);
  if (!login) throw notAllowed(step.step, `${step.account} doesn't drain`);
  const { version } = login;
  if (step.step === "drain-started") {
    if (!isOver(login, now)) throw notAllowed(step.step, `${step.account} is needed until ${login.until}`);
    const inUse = journal.pending?.targets.some(({ account }) => account === step.account);
    if (inUse) throw notAllowed(step.step, `version ${journal.pending?.version ?? 0} is on its way to ${step.account}`);
    login.started = true;
    return { action: "rotation.drain-started", version, detail: step.account };
  }
  if (!login.started) throw notAllowed(step.step, "it wasn't started");
  keep(journal, ({ account }) => account !== step.account);
  return { action: "rotation.drained", version, detail: step.account };
}

/** A person says that an earlier version is the one in force: its login is in use again. */
export function stopDraining(
  { journal, versions }: { journal: Journal; versions: readonly VersionInfo[] },
  accepted: number,
) {
  const loginOf = (number: number) => versions.find((version) => version.number === number)?.username;
  keep(journal, ({ version }) => loginOf(version) !== loginOf(accepted));
}

function keep(journal: Journal, which: (login: Draining) => boolean): void {
  const kept = journal.draining?.filter(which) ?? [];
  if (kept.length > 0) journal.draining = kept;
  else delete journal.draining;
}
