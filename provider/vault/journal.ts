import { CoffreError } from "../core/errors.js";
import type { Secret } from "../core/secret.js";
import { applyDrainStep, stopDraining } from "./draining.js";
import { notAllowed } from "./not-allowed.js";
import { DRIFTED, MAX_DRAWS } from "./port.js";
import { refuseDraining } from "./port-draining.js";
import type {
  CredentialStatus,
  Journal,
  LoginBooking,
  LoginOutcome,
  PendingRotation,
  Resolution,
  RotationStep,
  TargetProgress,
  VersionInfo,
} from "./port.js";

/**
 * What a rotation may write down, and in which order: the rules of `protocol.md` that no caller can be trusted to keep.
 * Pure functions over one credential's versions and journal, shared by all vaults that keep a journal of their own.
 */

/** The part of a credential that steps change. */
export interface RotationRecord {
  versions: VersionInfo[];
  journal: Journal;
}

export interface StepEvent {
  action: string;
  version?: number;
  detail?: string;
}

export interface AppliedSteps extends RotationRecord {
  /** The values to seal, of each version that was staged. */
  staged: { version: number; value: Secret }[];
  /** Accounts that the target created on our order. */
  madeAccounts: string[];
  /** What targets are held to from now on. */
  pins: { account: string; pin: string }[];
  bookings: LoginBooking[];
  settlements: { bookingId: string; outcome: LoginOutcome }[];
  events: StepEvent[];
}

/** @throws CoffreError CONFLICT for a step that doesn't fit the journal; LOCKED while a dead holder's packets may still land */
export function applySteps(record: RotationRecord, steps: readonly RotationStep[], now: Date): AppliedSteps {
  const applied: AppliedSteps = {
    ...copyOf(record),
    madeAccounts: [],
    pins: [],
    bookings: [],
    staged: [],
    settlements: [],
    events: [],
  };
  for (const step of steps) applyStep(applied, step, now);
  return applied;
}

/** Both are plain JSON, as every vault keeps them; the general way of copying costs three times as much. */
function copyOf({ versions, journal }: RotationRecord): RotationRecord {
  return JSON.parse(JSON.stringify({ versions, journal })) as RotationRecord;
}

function applyStep(applied: AppliedSteps, step: RotationStep, now: Date): void {
  const { journal, events } = applied;
  switch (step.step) {
    case "stage":
      stage(applied, step, now);
      return;
    case "set-started": {
      const target = progress(journal, step);
      target.setStarted = true;
      target.setTries += 1;
      delete target.pendingRefused;
      events.push({ action: "rotation.set-started", version: step.version, detail: step.account });
      return;
    }
    case "set-confirmed": {
      const target = progress(journal, step);
      if (!target.setStarted) throw notAllowed(step.step, "no set was started");
      target.setConfirmed = true;
      events.push({ action: "rotation.set", version: step.version, detail: step.account });
      return;
    }
    case "pending-refused": {
      const target = progress(journal, step);
      if (!target.setStarted) throw notAllowed(step.step, "no set was started");
      target.pendingRefused = true;
      events.push({ action: "rotation.pending-refused", version: step.version, detail: step.account });
      return;
    }
    case "account-made":
      applied.madeAccounts.push(step.account);
      events.push({ action: "account.created", detail: step.account });
      return;
    case "pinned":
      applied.pins.push({ account: step.account, pin: step.pin });
      events.push({ action: "target.pinned", detail: `${step.account} ${step.pin}` });
      return;
    case "initial-refused":
      progress(journal, step).initialRefused = true;
      events.push({ action: "rotation.initial-refused", version: step.version, detail: step.account });
      return;
    case "verified": {
      const target = progress(journal, step);
      if (!target.setStarted) throw notAllowed(step.step, "no set was started");
      target.verified = true;
      events.push({ action: "rotation.verified", version: step.version, detail: step.account });
      return;
    }
    case "promote":
      promote(applied, step, now);
      return;
    case "acknowledge":
    case "drain-started":
    case "drained":
      events.push(applyDrainStep(journal, step, now));
      return;
    case "retarget": {
      const pending = pendingOf(journal, step.version);
      refuseDraining(journal, step.accounts);
      retarget(pending, step.accounts);
      const version = applied.versions.find(({ number }) => number === step.version);
      if (version) {
        version.causes = [...new Set([...version.causes, ...step.causes])];
        if (step.username === undefined) delete version.username;
        else version.username = step.username;
      }
      events.push({ action: "rotation.retargeted", version: step.version });
      return;
    }
    case "proven":
      for (const version of applied.versions) if (version.number === step.version) version.verified = true;
      events.push({ action: "credential.verified", version: step.version });
      return;
    case "discard":
      discard(applied, step);
      return;
    case "attention":
      journal.attention = { ...step.attention, since: now.toISOString() };
      events.push({
        action: "attention.raised",
        ...(step.attention.version === undefined ? {} : { version: step.attention.version }),
        detail: step.attention.reason,
      });
      return;
    case "clear-attention":
      delete journal.attention;
      journal.draws = 0;
      events.push({ action: "attention.cleared" });
      return;
    case "book-login":
      applied.bookings.push(step.booking);
      return;
    case "settle-login":
      applied.settlements.push({ bookingId: step.bookingId, outcome: step.outcome });
      if (step.outcome === "refused") events.push({ action: "login.refused" });
      return;
    case "release":
      delete journal.lease;
      return;
  }
}

/** What was sent to an account that is left may be in force there, and the account may come back. */
function retarget(pending: PendingRotation, accounts: readonly string[]): void {
  const { targets, left: leftBefore = [] } = pending;
  const known = new Map([...leftBefore, ...targets].map((target) => [target.account, target]));
  const left = [...known.values()].filter(({ account, setStarted }) => setStarted && !accounts.includes(account));
  pending.targets = accounts.map((account) => known.get(account) ?? notStarted(account));
  // Whatever was proven there: nobody knows what becomes of it meanwhile.
  pending.left = left.map(({ account, setTries }) => ({ ...notStarted(account), setStarted: true, setTries }));
  if (left.length === 0) delete pending.left;
}

function stage(applied: AppliedSteps, step: RotationStep & { step: "stage" }, now: Date): void {
  const { journal, versions } = applied;
  if (journal.pending) throw notAllowed("stage", `version ${journal.pending.version} is still pending`);
  if (journal.attention && journal.attention.reason !== DRIFTED)
    throw notAllowed("stage", `the credential needs attention (${journal.attention.reason})`);
  if (journal.draws >= MAX_DRAWS) throw notAllowed("stage", `${MAX_DRAWS} candidates were drawn already`);
  if (journal.quietUntil !== undefined && new Date(journal.quietUntil) > now) {
    throw new CoffreError("LOCKED", "A dead process's last change may still reach the target", {
      hint: `Try again after ${journal.quietUntil}.`,
      details: { until: journal.quietUntil },
    });
  }
  delete journal.quietUntil;
  refuseDraining(journal, step.accounts);
  const number = versions.reduce((highest, version) => Math.max(highest, version.number), 0) + 1;
  versions.push({
    number,
    state: "pending",
    causes: [...step.causes],
    ...(step.username === undefined ? {} : { username: step.username }),
    createdAt: now.toISOString(),
    verified: false,
  });
  journal.draws += 1;
  journal.pending = { version: number, targets: step.accounts.map(notStarted) };
  applied.staged.push({ version: number, value: step.value });
  applied.events.push({ action: "rotation.staged", version: number });
}

function notStarted(account: string): TargetProgress {
  return { account, setStarted: false, setTries: 0, setConfirmed: false, verified: false };
}

function promote(applied: AppliedSteps, step: RotationStep & { step: "promote" }, now: Date): void {
  const pending = pendingOf(applied.journal, step.version);
  const unproven = pending.targets.find((target) => !(step.verified ? target.verified : target.setConfirmed));
  if (unproven) throw notAllowed("promote", `${unproven.account} is not ${step.verified ? "verified" : "set"}`);
  makeCurrent(applied, step.version, step.verified && pending.targets.length > 0, now);
  delete applied.journal.pending;
  delete applied.journal.attention;
  applied.journal.draws = 0;
  applied.events.push({ action: "rotation.promoted", version: step.version });
  for (const { seconds, ...login } of step.drain ?? []) {
    const inUse = pending.targets.some(({ account }) => account === login.account);
    if (inUse) throw notAllowed("promote", `${login.account} has version ${step.version}, so it can't drain`);
    const until = new Date(now.getTime() + seconds * 1000).toISOString();
    const others = (applied.journal.draining ?? []).filter(({ account }) => account !== login.account);
    applied.journal.draining = [...others, { ...login, until }];
    applied.events.push({ action: "rotation.draining", version: login.version, detail: login.account });
  }
}

function makeCurrent(record: RotationRecord, number: number, verified: boolean, now: Date): void {
  for (const version of record.versions) {
    if (version.state === "current") version.state = "previous";
    if (version.number === number) {
      version.state = "current";
      version.promotedAt = now.toISOString();
      version.verified ||= verified;
      delete version.discardReason;
    }
  }
}

function discard(applied: AppliedSteps, step: RotationStep & { step: "discard" }): void {
  const pending = pendingOf(applied.journal, step.version);
  const started = pending.targets.filter((target) => target.setStarted);
  // A value that any target may hold is never given up: it could be the one that works.
  const inDoubt = started.length > 1 || started.some((target) => target.setTries > 1 || target.setConfirmed);
  if (inDoubt) throw notAllowed("discard", `version ${step.version} may be on a target`);
  if (pending.left) markEarlier(applied, step.version);
  else markDiscarded(applied, step.version, step.reason);
  delete applied.journal.pending;
  applied.events.push({ action: "rotation.discarded", version: step.version, detail: step.reason });
}

/** Another version was accepted. */
function giveUp(record: RotationRecord, { version, targets, left }: PendingRotation, accepted: number): void {
  if (left || targets.some(({ setStarted }) => setStarted)) markEarlier(record, version);
  else markDiscarded(record, version, `version ${accepted} was accepted instead`);
}

/** One that a target may hold, and that nobody waits for any more: it is tried when it is asked what works there. */
function markEarlier(record: RotationRecord, number: number): void {
  for (const version of record.versions) {
    if (version.number !== number) continue;
    version.state = "previous";
    version.causes = []; // it answers none: nobody knows that it was ever in force
  }
}

function markDiscarded(record: RotationRecord, number: number, reason: string): void {
  for (const version of record.versions) {
    if (version.number !== number) continue;
    version.state = "discarded";
    version.discardReason = reason;
  }
}

function pendingOf(journal: Journal, version: number): PendingRotation {
  if (journal.pending?.version !== version) throw notAllowed("this step", `version ${version} is not pending`);
  return journal.pending;
}

function progress(journal: Journal, step: { step: string; version: number; account: string }): TargetProgress {
  const target = pendingOf(journal, step.version).targets.find(({ account }) => account === step.account);
  if (!target) throw notAllowed(step.step, `${step.account} is no target of version ${step.version}`);
  return target;
}

/**
 * A person's decision, see {@link Resolution}.
 * @throws CoffreError NOT_FOUND for a version that doesn't exist; CONFLICT for a retry of what was restored
 */
export function applyResolution(
  record: RotationRecord,
  decision: Exclude<Resolution, { decision: "accept-rollback" }>,
  now: Date,
): RotationRecord & { events: StepEvent[] } {
  if (decision.decision === "retry" && record.journal.attention?.reason === "rolled-back") {
    throw new CoffreError("CONFLICT", "The vault was restored: what is pending may be older than what the target has", {
      hint: "`coffre verify` finds the version that the target accepts. Then --accept that one, or --accept-rollback if the vault is what holds.",
    });
  }
  const resolved = copyOf(record);
  delete resolved.journal.attention;
  resolved.journal.draws = 0;
  // Whatever a person has mended meanwhile may be that very version.
  for (const target of resolved.journal.pending?.targets ?? []) delete target.pendingRefused;
  if (decision.decision === "retry") return { ...resolved, events: [{ action: "attention.cleared", detail: "retry" }] };
  const accepted = resolved.versions.find(({ number }) => number === decision.version);
  if (!accepted || accepted.valueRemovedAt !== undefined) {
    const problem = accepted
      ? `The value of version ${decision.version} was removed`
      : `There is no version ${decision.version}`;
    throw new CoffreError("NOT_FOUND", problem, {
      hint: "`coffre history` lists the versions.",
    });
  }
  const { pending } = resolved.journal;
  if (pending && pending.version !== decision.version) giveUp(resolved, pending, decision.version);
  makeCurrent(resolved, decision.version, decision.verified, now);
  delete resolved.journal.pending;
  stopDraining(resolved, decision.version);
  return {
    ...resolved,
    events: [{ action: "attention.cleared", version: decision.version, detail: "accept" }],
  };
}

/** The one word that readers see. */
export function statusOf(record: {
  versions: readonly VersionInfo[];
  journal: Journal;
  valueManagedBy: "coffre" | "external";
  archivedAt?: string;
}): CredentialStatus {
  if (record.archivedAt !== undefined) return "archived";
  if (record.journal.attention) return "needs-attention";
  if (record.journal.pending) return "rotating";
  if (record.versions.some(({ state }) => state === "current")) return "current";
  return record.valueManagedBy === "external" ? "awaiting-value" : "awaiting-rotation";
}
