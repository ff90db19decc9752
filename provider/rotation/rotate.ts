import { CoffreError } from "../core/errors.js";
import type { Secret } from "../core/secret.js";
import { type Credential, type CredentialPatch, MAX_DRAWS, refuseDraining, type RotationStep } from "../vault/port.js";
import { applyVersion } from "./apply.js";
import { isDrifted, needsAttention, refuseIfAttention } from "./attention.js";
import { firstCauses, missingCauses } from "./causes.js";
import { type RotationContext, refuseIfStopped } from "./context.js";
import { drawValue } from "./draw.js";
import { mendDrift } from "./drift.js";
import { isDead } from "./holder.js";
import { type LeasedCredential, withLease } from "./lease.js";
import { announced } from "./notify/deliver.js";
import { refuseChangeOfTurns } from "./overlap-change.js";
import { drainOf, endDrained, isDrainDue, nextLogin, pendingLogin, targetsFor } from "./overlap.js";
import { keepPin, withKnownPins } from "./pins.js";
import { RunSessions } from "./login.js";
import { type Prepared, prepareFirst } from "./prepare.js";
import { readValue } from "./read-value.js";
import { type Target, targetsOf } from "./targets.js";

/** One run over one credential, under its lease. */
interface Run {
  context: RotationContext;
  leased: LeasedCredential;
  sessions: RunSessions;
  /** Looked at and staged already, in the write that took the lease. */
  prepared?: Prepared;
}

/** What a lease lasts beyond the sum of a rotation's own limits, seconds. */
const LEASE_RESERVE_SECONDS = 60;

export interface RotationOutcome {
  credential: Credential;
  /**
   * `finished`: a version that somebody had left pending. `rotated`: a new one is in force. `mended`: the current one is
   * in force again, where a target had been changed behind Coffre's back. `drained`: the login of the version before has
   * ended, since its time was over.
   */
  action: "none" | "finished" | "rotated" | "mended" | "drained";
  /** The current version's number. */
  version: number | undefined;
}

export interface ReachOptions {
  /** Written to the credential under its lease, before anything else: a change of targets. */
  change?: CredentialPatch;
  /** What becomes of a target that was changed behind Coffre's back. Default `mend`: the current version is set again. */
  onDrift?: "mend" | "report";
  /**
   * As the caller has found it, which spares the vault a question. What is to be done is decided under the lease, on what
   * stands there by then.
   */
  found?: Credential;
}

/**
 * Brings the credential to where every cause has a version: finishes a pending one first, whoever left it, then rotates
 * once for the causes that are still missing. Safe to repeat after any interruption.
 * @throws CoffreError NEEDS_ATTENTION, LOCKED, POLICY, BUDGET_SPENT, INTERRUPTED, and what targets and vault answer
 */
export async function reachCauses(
  context: RotationContext,
  id: string,
  causes: readonly string[],
  { change, found, onDrift = "mend" }: ReachOptions = {},
): Promise<RotationOutcome> {
  refuseIfStopped(context);
  const before = found ?? (await context.vault.readCredential(id));
  const mend = onDrift === "mend";
  const toMend = mend && isDrifted(before);
  const drains = isDrainDue(before, context.clock.now());
  const { pending, lease } = before.journal;
  const idle = !pending && !change && !toMend && !drains && missingCauses(before, causes).length === 0;
  // A process that waited for the one that did the work, and was killed once it had its turn, left its lease.
  if (idle && !(lease && isDead(lease.holder))) {
    refuseIfAttention(before);
    return announced(context, outcome(before, "none"));
  }
  const alsoNext = { ...before, targets: [...before.targets, ...(change?.targets ?? [])] };
  // A first target may come together with the name of its account.
  if (typeof change?.username === "string") alsoNext.username = change.username;
  const reached = await withRun(
    context,
    alsoNext,
    async (run) => {
      const { leased } = run;
      if (change) {
        const { targets = leased.credential.targets, username = leased.credential.username } = change;
        refuseChangeOfTurns(context, leased.credential, { targets, username: username ?? undefined });
        await context.vault.updateCredential(id, change);
        leased.credential = await context.vault.readCredential(id);
      }
      return goOn(run, causes, { mend });
    },
    async (sessions) => (change ? undefined : prepareFirst(context, before, causes, sessions)),
  );
  return announced(context, reached);
}

/** True if a run was begun and didn't end: a version is pending, or the first one hasn't been drawn yet. */
export function isUnfinished({ journal, status }: Credential): boolean {
  return journal.pending !== undefined || status === "awaiting-rotation";
}

/**
 * Finishes what anybody left pending, and waits while somebody is at it; draws nothing anew except after a definite
 * refusal of the value, and the first one of an entry that was left without any. @throws as {@link reachCauses}
 */
export async function resume(context: RotationContext, id: string): Promise<RotationOutcome> {
  return announced(context, await finish(context, id));
}

/** The same without a word to hooks: an admin's rotation is finished under the lease of who needs it. */
async function finish(context: RotationContext, id: string): Promise<RotationOutcome> {
  const before = await context.vault.readCredential(id);
  refuseIfAttention(before);
  const isDue = isDrifted(before) || isDrainDue(before, context.clock.now());
  if (!isUnfinished(before) && !isDue && !before.journal.lease) return outcome(before, "none");
  return withRun(context, before, async (run) => {
    const { credential } = run.leased;
    const causes = credential.status === "awaiting-rotation" ? await firstCauses(context.vault, credential) : [];
    return goOn(run, causes, { mend: true });
  });
}

/**
 * Finishes what is pending, then rotates once for everything that still has no version, or mends a drift. A login whose
 * time is over ends before a version can be drawn for it; but not while it may be all that works.
 */
async function goOn(run: Run, causes: readonly string[], { mend }: { mend: boolean }): Promise<RotationOutcome> {
  const { context, leased, prepared } = run;
  refuseIfAttention(leased.credential);
  if (prepared && (await bringPrepared(run, prepared))) return outcome(leased.credential, "rotated");
  const left = await finishPending(run, causes);
  const missing = [...new Set([...left.owed, ...missingCauses(leased.credential, causes)])];
  const isOver = isDrainDue(leased.credential, context.clock.now());
  // A new version mends as well, but for this one the login that may be all that works would have to end first.
  const mends = isDrifted(leased.credential) && (missing.length === 0 ? mend : isOver);
  const drains = isOver && (mends || !isDrifted(leased.credential));
  if (missing.length === 0 && !mends && !drains) return outcome(leased.credential, left.finished ? "finished" : "none");
  refuseIfStopped(context);
  if (mends) await mendDrift(context, run);
  if (drains) await endDrained(context, run);
  if (missing.length === 0)
    return outcome(leased.credential, mends ? "mended" : left.finished ? "finished" : "drained");
  await rotate(run, missing);
  return outcome(leased.credential, "rotated");
}

/**
 * @param before with every target that the run may have to do with, since their time limits make the lease's
 * @param prepare what can be done before the lease is taken
 */
async function withRun<T>(
  context: RotationContext,
  before: Credential,
  work: (run: Run) => Promise<T>,
  prepare: (sessions: RunSessions) => Promise<Prepared | undefined> = async () => undefined,
): Promise<T> {
  await context.refuseOlder(before);
  const sessions = new RunSessions(context, finish);
  try {
    const prepared = await prepare(sessions);
    return await withLease(
      context,
      before.id,
      leaseSeconds(context, before),
      (leased) => work({ context, leased, sessions, ...(prepared && leased.stepsWritten ? { prepared } : {}) }),
      prepared,
    );
  } finally {
    await sessions.close();
  }
}

/** @returns `owed`: the causes of a pending version whose value was refused and discarded */
async function finishPending(
  run: Run,
  causes: readonly string[],
): Promise<{ finished: boolean; owed: readonly string[] }> {
  const { context, leased } = run;
  const { pending } = leased.credential.journal;
  if (!pending) return { finished: false, owed: [] };
  const all = await withKnownPins(context, targetsOf(context, leased.credential));
  const login = pendingLogin(leased.credential, all, pending.version);
  const targets = targetsFor(context, leased.credential, all, login);
  const accounts = targets.map(({ spec }) => spec.account);
  const version = leased.credential.versions.find(({ number }) => number === pending.version);
  if (pending.targets.map(({ account }) => account).join() !== accounts.join()) {
    // Whatever the new targets need will have this version, so it answers for them; unless one that stays was set with
    // it already: the machine behind that account may be another now, which only a version of its own reaches.
    const anySet = pending.targets.some(({ account, setConfirmed }) => setConfirmed && accounts.includes(account));
    const answered = anySet ? [] : [...causes];
    const username = login === undefined ? {} : { username: login };
    await leased.record({ step: "retarget", version: pending.version, accounts, causes: answered, ...username });
  }
  const { value } = await readValue(context, { id: leased.credential.id, version: pending.version });
  // With causes that wait for a version of their own, or a login that is to end, this run goes on, and keeps its lease.
  const ends = isDrainDue(leased.credential, context.clock.now());
  const last = missingCauses(leased.credential, causes).length === 0 && !ends;
  const finished = await bringIntoForce(run, targets, { version: pending.version, value, fresh: false, last });
  return { finished, owed: finished ? [] : (version?.causes ?? []) };
}

/** Look, stage, read back, set, verify, promote; drawn anew only after a definite refusal of the value. */
async function rotate(run: Run, causes: readonly string[]): Promise<void> {
  const { context, leased } = run;
  const all = await withKnownPins(context, targetsOf(context, leased.credential));
  const login = nextLogin(leased.credential, all);
  let targets = targetsFor(context, leased.credential, all, login);
  const accounts = targets.map(({ spec }) => spec.account);
  refuseDraining(leased.credential.journal, accounts);
  for (;;) {
    await refuseEndlessDraws(run);
    await waitUntilQuiet(run);
    targets = await lookAtAll(run, targets);
    const value = await drawValue(context.vault, leased.credential, targets);
    const stage: RotationStep = {
      step: "stage",
      value,
      causes: [...causes],
      accounts,
      ...(login === undefined ? {} : { username: login }),
    };
    if (targets.length === 0) {
      const version = nextVersion(leased.credential);
      await leased.record(stage, { step: "promote", version, verified: false }, { step: "release" });
      return;
    }
    await leased.record(stage);
    if (await bringPrepared(run, { targets, value })) return;
  }
}

/** What was looked at and staged in this run. @returns false if a target refused the value */
async function bringPrepared(run: Run, { targets, value }: Pick<Prepared, "targets" | "value">): Promise<boolean> {
  const version = run.leased.credential.journal.pending?.version;
  if (version === undefined) throw new CoffreError("BAD_RESPONSE", "The vault staged no version");
  return bringIntoForce(run, targets, { version, value, fresh: true, last: true });
}

/** Before each draw, so that a run killed after the last refusal doesn't keep a person from being told. */
async function refuseEndlessDraws({ leased }: Run): Promise<void> {
  if (leased.credential.journal.draws < MAX_DRAWS) return;
  const message = `the target refused ${MAX_DRAWS} values in a row`;
  await leased.record({ step: "attention", attention: { reason: "draws-exhausted", message } });
  throw needsAttention(leased.credential, message);
}

/** A packet of a dead process may still be under way: nothing new is drawn before it must have arrived. */
async function waitUntilQuiet({ context, leased }: Run): Promise<void> {
  const { quietUntil } = leased.credential.journal;
  if (quietUntil === undefined) return;
  await context.clock.sleep(Date.parse(quietUntil) - context.clock.now().getTime(), context.signal);
}

/** Before anything is drawn: can every target be reached, set and proven? @returns them with what they showed first */
async function lookAtAll({ leased, sessions }: Run, targets: readonly Target[]): Promise<Target[]> {
  const seen: Target[] = [];
  for (const { record, spec } of targets) {
    const session = await sessions.for(spec, leased.credential);
    await session.look(spec);
    seen.push({ record, spec: await keepPin(leased, spec, session) });
  }
  return seen;
}

/** @returns false if a target refused the value, which is then discarded */
async function bringIntoForce(
  { context, leased, sessions }: Run,
  targets: readonly Target[],
  { version, value, fresh, last }: { version: number; value: Secret; fresh: boolean; last: boolean },
): Promise<boolean> {
  const verified = targets.every(({ spec }) => spec.verifyAddresses.length > 0);
  const drain = drainOf(context, leased.credential, version);
  const promotion: RotationStep[] = [{ step: "promote", version, verified, ...drain }];
  if (last) promotion.push({ step: "release" });
  const open = targets.filter(({ spec }) => !isDone(leased.credential, spec.account, spec.verifyAddresses.length > 0));
  if (open.length === 0) await leased.record(...promotion);
  for (const [index, { spec }] of open.entries()) {
    const lastSteps = index === open.length - 1 ? promotion : [];
    const begun = { looked: fresh, readsBack: fresh && index === 0 };
    const result = await applyVersion(context, { leased, spec, version, value, lastSteps, sessions, ...begun });
    if (result === "value-discarded") return false;
  }
  return true;
}

function isDone(credential: Credential, account: string, provable: boolean): boolean {
  const progress = credential.journal.pending?.targets.find((target) => target.account === account);
  return progress !== undefined && (provable ? progress.verified : progress.setConfirmed);
}

function nextVersion(credential: Credential): number {
  return credential.versions.reduce((highest, { number }) => Math.max(highest, number), 0) + 1;
}

/** Longer than all time limits of one rotation together, three draws included. */
export function leaseSeconds(context: RotationContext, credential: Credential): number {
  const limitsMs = targetsOf(context, credential).map(
    ({ spec: { limits, waitForSeconds, verifyAddresses } }) =>
      waitForSeconds * 1000 + limits.connectMs + limits.setMs + verifyAddresses.length * limits.verifyMs,
  );
  return LEASE_RESERVE_SECONDS + Math.ceil((3 * limitsMs.reduce((sum, ms) => sum + ms, 0)) / 1000);
}

function outcome(credential: Credential, action: RotationOutcome["action"]): RotationOutcome {
  const version = credential.versions.find(({ state }) => state === "current")?.number;
  return { credential, action, version };
}
