import { isCoffreError } from "../core/errors.js";
import type { TargetSpec } from "../target/port.js";
import { type Credential, DRIFTED, type RotationStep } from "../vault/port.js";
import { setBooked } from "./apply.js";
import { bookingFor, canRepeat, settle } from "./bookings.js";
import { isDrifted, needsAttention, unproven } from "./attention.js";
import { driverFor, type RotationContext } from "./context.js";
import { type LeasedCredential, withLease } from "./lease.js";
import type { RunSessions } from "./login.js";
import { currentTargets } from "./overlap.js";
import { readValue } from "./read-value.js";
import { withKnownPins } from "./pins.js";
import { inDoubt, refusedAgain } from "./refusals.js";
import { outcomeOf } from "./unanswered.js";
import type { TargetVerdict } from "./verify.js";

const LEASE_SECONDS = 30;

/**
 * Keeps in the vault what a verify has found, so that whoever comes next knows it: a target that refuses the current
 * version. Where an admin can set it again, that is all that has to be done; else a person has to. Agreement everywhere
 * takes it back.
 */
export async function noteDrift(
  context: RotationContext,
  credential: Credential,
  verdicts: readonly TargetVerdict[],
): Promise<void> {
  const { attention, pending } = credential.journal;
  if (pending || (attention && !isDrifted(credential))) return;
  const steps = stepsFor(context, credential, verdicts);
  if (steps.length === 0) return;
  try {
    await context.refuseOlder(credential);
    await withLease(context, credential.id, LEASE_SECONDS, async (leased) => {
      // What was refused is the current version only as long as nobody rotated meanwhile.
      if (isSameSituation(leased.credential, credential)) await leased.record(...steps);
    });
  } catch (error) {
    // Somebody rotates it meanwhile, which mends it; or the vault is the one that is wrong.
    if (!isCoffreError(error, "LOCKED", "ROLLED_BACK")) throw error;
  }
}

/** True if a verify's verdicts about the one hold for the other. */
function isSameSituation(one: Credential, other: Credential): boolean {
  const sameAttention = one.journal.attention?.since === other.journal.attention?.since;
  return currentOf(one) === currentOf(other) && !one.journal.pending && sameAttention;
}

function currentOf({ versions }: Credential): number | undefined {
  return versions.find(({ state }) => state === "current")?.number;
}

function stepsFor(
  context: RotationContext,
  credential: Credential,
  verdicts: readonly TargetVerdict[],
): RotationStep[] {
  const current = currentOf(credential);
  if (current === undefined) return [];
  const drifted: { spec: TargetSpec; verdict: TargetVerdict }[] = [];
  for (const { spec } of currentTargets(context, credential)) {
    // Of the server that is set: what a replica lacks, no set brings there.
    const verdict = verdicts.find(({ account }) => account === spec.account);
    if (verdict?.refused.includes(current) === true) drifted.push({ spec, verdict });
  }
  const [first, ...more] = drifted;
  if (!first) {
    const agrees = verdicts.every(({ verdict }) => verdict === "agrees");
    return isDrifted(credential) && agrees ? [{ step: "clear-attention" }] : [];
  }
  const reason = drifted.every(({ spec }) => canRepeat(spec)) ? DRIFTED : "no-way-in";
  const message = drifted.map(({ verdict }) => sentence(verdict, current)).join("; ");
  const account = more.length === 0 ? { account: first.spec.account } : {};
  const noted = credential.journal.attention;
  const isNews = noted?.account !== account.account || drifted.some(({ verdict }) => verdict.version !== undefined);
  if (noted?.reason === reason && noted.version === current && !isNews) return [];
  return [{ step: "attention", attention: { reason, message, version: current, ...account } }];
}

function sentence({ account, version }: TargetVerdict, current: number): string {
  const has = version === undefined ? "" : `: it has version ${version}`;
  return `${account} refuses version ${current}, the current one${has}; it was changed behind Coffre's back`;
}

/**
 * Sets the current version again, by the admin, on each target that refuses it, and proves it: no other value is drawn.
 * Safe to repeat after a kill: until it is proven, the note stays.
 * @throws CoffreError NEEDS_ATTENTION, TARGET_NOT_READY, UNREACHABLE, BUDGET_SPENT, and what looking and setting throw
 */
export async function mendDrift(
  context: RotationContext,
  { leased, sessions }: { leased: LeasedCredential; sessions: RunSessions },
): Promise<void> {
  const { id, journal, versions } = leased.credential;
  const current = versions.find(({ state }) => state === "current");
  if (!current) return;
  const { value } = await readValue(context, { id, version: current.number });
  const only = journal.attention?.account;
  for (const { spec } of await withKnownPins(context, currentTargets(context, leased.credential))) {
    const [address] = spec.verifyAddresses;
    if (address === undefined || (only !== undefined && only !== spec.account)) continue;
    const session = await sessions.for(spec, leased.credential);
    await session.look(spec);
    await leased.ensureTime(spec.limits.setMs + spec.limits.verifyMs);
    const booking = bookingFor(spec, address, "proof");
    await leased.record({ step: "book-login", booking });
    const result = await setBooked(session, { leased, spec, value, booking });
    if (result.result !== "set") {
      await leased.record(...settle(booking, "not-made"));
      throw result.result === "in-doubt"
        ? inDoubt(spec, current.number, result.reason)
        : refusedAgain(spec, result.reason);
    }
    const proof = await driverFor(context.drivers, spec.kind).verify(spec, value, address);
    await leased.record(...settle(booking, outcomeOf(proof)));
    if (proof.proof === "works") continue;
    if (proof.proof !== "refused") throw unproven(spec, current.number, proof.reason);
    const message = `${spec.account} took version ${current.number} again and then refused a login with it`;
    const attention = { reason: "set-but-refused", message, version: current.number, account: spec.account };
    await leased.record({ step: "attention", attention });
    throw needsAttention(leased.credential, message);
  }
  await leased.record({ step: "proven", version: current.number }, { step: "clear-attention" });
}
