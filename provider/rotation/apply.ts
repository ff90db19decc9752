import { CoffreError, isCoffreError } from "../core/errors.js";
import type { Secret } from "../core/secret.js";
import type { Proof, SetResult, TargetAddress, TargetSession, TargetSpec } from "../target/port.js";
import type { LoginBooking, RotationStep, TargetProgress } from "../vault/port.js";
import { needsAttention, unproven } from "./attention.js";
import { bookingFor, bookingWithSet, canRepeat, settle } from "./bookings.js";
import { driverFor, type RotationContext } from "./context.js";
import { archiveFirst, forgetRefusal, type FirstPassword, firstPassword, proveRefused } from "./first-boot.js";
import type { LeasedCredential } from "./lease.js";
import type { RunSessions } from "./login.js";
import { isOpen, keepPin } from "./pins.js";
import { attentionFor, inDoubt, noWayIn, refusedSet } from "./refusals.js";
import { outcomeOf } from "./unanswered.js";

/** Pauses between tries to reach a target that was just set: it is known to work, so a short fault is waited out. */
const VERIFY_PAUSES_MS = [500, 2_000];
/** A replica gets the change a little later than the server that was set. */
const REPLICA_PAUSE_MS = 2_000;
/** Tries of one set in one run, where an admin can repeat it. */
const SET_TRIES = 2;

/** A pending version on its way to one target. */
export interface Application {
  leased: LeasedCredential;
  spec: TargetSpec;
  version: number;
  value: Secret;
  /** Written together with the proof: the promotion, when this is the last target. */
  lastSteps: RotationStep[];
  sessions: RunSessions;
  /** True if the target was looked at in this run. */
  looked: boolean;
  /** True if the value was staged in this run and has to be read back before anything is set. */
  readsBack: boolean;
}

export type ApplyResult = "applied" | "value-discarded";

/**
 * Brings the pending version into force on one target and proves it (`protocol.md` sections 2, 3 and 5).
 * @returns `value-discarded` if the target definitely refused this value at the first set ever tried with it
 * @throws CoffreError NEEDS_ATTENTION, UNREACHABLE, and what looking and setting throw; the version stays pending
 */
export async function applyVersion(context: RotationContext, asked: Application): Promise<ApplyResult> {
  let application = asked;
  const { spec } = application;
  const before = progressOf(application);
  const isInDoubt = before.setStarted && !canRepeat(spec);
  // Learned before the set was started, so whatever answers there by now was made anew, and is held to nothing yet.
  const provable = spec.verifyAddresses.length > 0 && !isOpen(spec);
  const opened = await openSession(context, application, { isInDoubt, provable });
  if (!opened) return "applied";
  const { session, asksNow, hasAsked } = opened;
  if (!application.looked) {
    await session.look(spec);
    application = { ...application, spec: await keepPin(application.leased, spec, session) };
  }
  if (asksNow && (await alreadyInForce(context, application))) return "applied";
  for (let tries = 1; ; tries++) {
    const booking = bookingWithSet(spec);
    const result = await context.changes.use(() => setAndProve(context, application, { booking, session, tries }));
    if (result.result === "proven") {
      await finishProven(context, application, result.steps);
      return "applied";
    }
    const unused = settle(booking, "not-made");
    if (result.result === "value-refused" && tries === 1 && isFirstTry(application, before)) {
      const reason = `${spec.account} refused the value: ${result.reason}`;
      await application.leased.record(...unused, { step: "discard", version: application.version, reason });
      return "value-discarded";
    }
    await application.leased.record(...unused);
    // A value that is in force already can be refused as one that was used before.
    const mayBeSet = result.result === "value-refused" && !hasAsked && (before.setStarted || tries > 1);
    if (mayBeSet && (await alreadyInForce(context, application))) return "applied";
    if (result.result !== "in-doubt") throw await refusedSet(application, result);
    if (!session.usable || !canRepeat(spec) || tries >= SET_TRIES)
      throw inDoubt(spec, application.version, result.reason);
  }
}

interface Opened {
  session: TargetSession;
  /** True if the pending value is to be asked for once the target was looked at. */
  asksNow: boolean;
  /** True if it was asked for already, or is then. */
  hasAsked: boolean;
}

/**
 * The session that sets; of an account that logs in by itself, after a set in doubt, once it is known which value it takes.
 * @returns `undefined` if the pending version turned out to be in force
 */
async function openSession(
  context: RotationContext,
  application: Application,
  { isInDoubt, provable }: { isInDoubt: boolean; provable: boolean },
): Promise<Opened | undefined> {
  const { spec, sessions, leased } = application;
  if (spec.admin.by !== "self") {
    // This session tells nothing of a set in doubt: that is asked for right before the next one, once nothing else can end this run.
    const asksNow = isInDoubt && provable;
    return { session: await sessions.for(spec, leased.credential), asksNow, hasAsked: asksNow };
  }
  // One that was refused already isn't tried a second time: each cut would cost the account one more refused login. The
  // login with the current value tells whether that set has arrived since.
  const probes = isInDoubt && progressOf(application).pendingRefused !== true;
  if (probes && provable && (await alreadyInForce(context, application))) return undefined;
  const byPending = probes && !provable && (await logInWithPending(application));
  try {
    const session = await sessions.for(spec, leased.credential);
    return { session, asksNow: byPending, hasAsked: probes };
  } catch (error) {
    if (!isInDoubt || !isCoffreError(error, "LOGIN_REFUSED")) throw error;
    // A dead process's set may have arrived after its value was refused.
    if (!probes && provable && (await alreadyInForce(context, application))) return undefined;
    if (probes || provable || !(await logInWithPending(application))) throw await noWayIn(application);
    return { session: await sessions.for(spec, leased.credential), asksNow: true, hasAsked: true };
  }
}

/** Why a value wasn't taken; or that it is proven, and the steps that say so, which are still to be written. */
type Tried = Exclude<SetResult, { result: "set" }> | { result: "proven"; steps: RotationStep[] };

async function setAndProve(
  context: RotationContext,
  application: Application,
  { booking, session, tries }: { booking: LoginBooking | undefined; session: TargetSession; tries: number },
): Promise<Tried> {
  const { leased, spec, value } = application;
  await leased.ensureTime(spec.limits.setMs + spec.limits.verifyMs);
  session.prepareSet?.(spec, value);
  await startSet(application, booking, tries);
  const result = await setBooked(session, { leased, spec, value, booking });
  if (result.result !== "set") return result;
  return { result: "proven", steps: await prove(context, application, booking, result.accountMade) };
}

/** `set started`, with the proof's booking; in the same write the staged value is read back, where that is still to be done. */
async function startSet(
  { leased, spec, version, value, readsBack }: Application,
  booking: LoginBooking | undefined,
  tries: number,
): Promise<void> {
  const steps: RotationStep[] = [{ step: "set-started", version, account: spec.account }];
  if (booking) steps.push({ step: "book-login", booking });
  if (readsBack && tries === 1) await leased.recordReadBack({ version, value }, ...steps);
  else await leased.record(...steps);
}

function isFirstTry(application: Application, before: TargetProgress): boolean {
  const others = application.leased.credential.journal.pending?.targets ?? [];
  return !before.setStarted && others.every(({ account, setStarted }) => account === before.account || !setStarted);
}

function progressOf({ leased, spec, version }: Application): TargetProgress {
  const { pending } = leased.credential.journal;
  const progress = pending?.version === version && pending.targets.find(({ account }) => account === spec.account);
  if (!progress) throw new CoffreError("CONFLICT", `Version ${version} is not pending for ${spec.account}`);
  return progress;
}

/** After a set in doubt that can't be repeated: log in with the pending value, at most one refused login. */
async function alreadyInForce(context: RotationContext, application: Application): Promise<boolean> {
  const { spec, leased, version, value } = application;
  const address = spec.verifyAddresses[0];
  if (!address) return false;
  const booking = bookingFor(spec, address, "probe");
  const works = await context.logins.inTurn(booking.host, async () => {
    await leased.record({ step: "book-login", booking });
    const proof = await driverFor(context.drivers, spec.kind).verify(spec, value, address, context.signal);
    if (proof.proof === "works") {
      const confirmed = { step: "set-confirmed" as const, version, account: spec.account };
      await leased.record(...settle(booking, "succeeded"), confirmed);
      return true;
    }
    const refused = proof.proof === "refused";
    const noted: RotationStep[] = refused ? [{ step: "pending-refused", version, account: spec.account }] : [];
    await leased.record(...settle(booking, outcomeOf(proof)), ...noted);
    if (refused) return false;
    throw unproven(spec, version, proof.reason);
  });
  if (!works) return false;
  const first = await firstPassword(context, application);
  if (first) await proveRefused(context, application, first);
  await finish(context, application, [], first);
  return true;
}

/**
 * The same where nothing can be proven: for `verify: "none"`, and as long as the target is held to nothing. It only opens
 * the session, for another set or to see what the target shows. Refused, the session is opened with the current value.
 * @returns whether it was let in
 */
async function logInWithPending({ sessions, leased, spec, version, value }: Application): Promise<boolean> {
  try {
    await sessions.openAs(spec, value);
    return true;
  } catch (error) {
    if (!isCoffreError(error, "LOGIN_REFUSED")) throw error;
    await leased.record({ step: "pending-refused", version, account: spec.account });
    return false;
  }
}

/**
 * A driver that throws in `set` has sent nothing, or says `in-doubt` itself; what it throws is reported as it is, once the
 * proof's booking is taken back: that login isn't made.
 */
export async function setBooked(
  session: TargetSession,
  {
    leased,
    spec,
    value,
    booking,
  }: Pick<Application, "leased" | "spec" | "value"> & { booking: LoginBooking | undefined },
): Promise<SetResult> {
  try {
    return await session.set(spec, value);
  } catch (error) {
    if (isCoffreError(error, "UNREACHABLE")) return { result: "in-doubt", reason: error.problem };
    const unused = settle(booking, "not-made");
    // Whatever keeps that from being written is the smaller news.
    if (unused.length > 0) await leased.record(...unused).catch(() => undefined);
    throw error;
  }
}

/** @returns the steps that say so, to be written with what comes next */
async function prove(
  context: RotationContext,
  application: Application,
  firstBooking: LoginBooking | undefined,
  accountMade: boolean,
): Promise<RotationStep[]> {
  const { spec, leased, version } = application;
  const steps: RotationStep[] = [{ step: "set-confirmed", version, account: spec.account }];
  if (accountMade && !isKnownAsMade(application)) steps.push({ step: "account-made", account: spec.account });
  for (const [index, address] of spec.verifyAddresses.entries()) {
    let booking = (index === 0 ? firstBooking : undefined) ?? bookingFor(spec, address, "proof");
    if (booking !== firstBooking) await leased.record(...steps.splice(0), { step: "book-login", booking });
    let proof = await tryUntilReached(context, application, address);
    if (proof.proof === "refused" && index > 0) {
      const again = bookingFor(spec, address, "proof");
      await leased.record(...settle(booking, "refused"), { step: "book-login", booking: again });
      booking = again;
      await context.clock.sleep(REPLICA_PAUSE_MS);
      proof = await tryUntilReached(context, application, address);
    }
    if (proof.proof !== "works") {
      const attention = attentionFor(application, proof);
      await leased.record(...steps.splice(0), ...settle(booking, outcomeOf(proof)), ...attention);
      if (attention.length === 0) throw unproven(spec, version, proof.reason);
      throw needsAttention(application.leased.credential, `${spec.account}: ${proof.reason}`);
    }
    steps.push(...settle(booking, "succeeded"));
  }
  return steps;
}

async function finishProven(context: RotationContext, application: Application, steps: RotationStep[]): Promise<void> {
  const { spec, leased } = application;
  const first = spec.verifyAddresses.length > 0 ? await firstPassword(context, application) : undefined;
  if (first) {
    // Not before the proof: a refused login and one of unknown outcome would leave a resume none.
    await leased.record(...steps.splice(0));
    await proveRefused(context, application, first);
  }
  await finish(context, application, steps, first);
}

/**
 * The target is done. A first password is archived before that is written down, so that a kill in between leaves it to the
 * next run; or after it, by the last of several accounts that had it.
 */
async function finish(
  context: RotationContext,
  { leased, spec, version, value, lastSteps }: Application,
  settled: RotationStep[],
  first: FirstPassword | undefined,
): Promise<void> {
  const steps = [...settled];
  if (first) await leased.record(...steps.splice(0));
  const archived = first && (await archiveFirst(context, first, leased.credential));
  if (spec.verifyAddresses.length > 0) steps.push({ step: "verified", version, account: spec.account });
  await leased.record(...steps, ...lastSteps);
  if (!first) return;
  if (archived === false) await archiveFirst(context, first, leased.credential);
  await forgetRefusal(context, spec, value);
}

/** A target may know its account as ours for ever, by a mark; the vault notes the making once. */
function isKnownAsMade({ leased, spec }: Application): boolean {
  return leased.credential.targets.some(
    ({ account, accountMade, logins = [] }) =>
      (account === spec.account && accountMade) || logins.some((login) => login.account === spec.account && login.made),
  );
}

/**
 * Not cut short by `context.signal`: what is set is also proven, in a bounded time. A proof that was sent and not answered
 * isn't repeated: the next run does that, with a booking of its own.
 */
async function tryUntilReached(
  context: RotationContext,
  application: Application,
  address: TargetAddress,
): Promise<Proof> {
  const { spec, value } = application;
  for (const pauseMs of [...VERIFY_PAUSES_MS, undefined]) {
    const proof = await driverFor(context.drivers, spec.kind).verify(spec, value, address);
    if (proof.proof !== "unreachable" || pauseMs === undefined) return proof;
    await context.clock.sleep(pauseMs);
  }
  return { proof: "unreachable", reason: "no answer" };
}
