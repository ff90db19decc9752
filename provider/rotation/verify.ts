import { randomUUID } from "node:crypto";
import { CoffreError, isCoffreError } from "../core/errors.js";
import type { TargetAddress, TargetSpec } from "../target/port.js";
import type { Credential, LoginOutcome, VersionInfo } from "../vault/port.js";
import { addressOf } from "./admins.js";
import { driverFor, type RotationContext } from "./context.js";
import { noteDrift } from "./drift.js";
import { withLease } from "./lease.js";
import { specFor } from "./overlap.js";
import { readValue } from "./read-value.js";
import { targetsOf } from "./targets.js";
import { isUnanswered, outcomeOf } from "./unanswered.js";

/** What one target says of the vault's versions. */
export interface TargetVerdict {
  account: string;
  /** `host:port` that was logged in to: the account's own, or one of its `verifyHosts`. */
  address: string;
  verdict:
    "agrees" | "pending-version" | "earlier-version" | "differs" | "unreachable" | "not-verifiable" | "not-tried";
  /** The version that works there. */
  version?: number;
  reason?: string;
  /** Versions that it refused now, in the order in which they were tried. */
  refused: number[];
  /** Versions that weren't tried any more, since the budget of refused logins is spent; the likeliest first. */
  untried: number[];
}

export interface VerifyOptions {
  /** Tries this version only, whatever became of it: to go on where the budget ended a verify before. */
  version?: number;
  /** Leaves the last login of each budget to a mend: at most one is refused on each host. Not after a restore. */
  sparing?: boolean;
}

const LEASE_SECONDS = 30;

/**
 * Finds out which version each target accepts: the pending one if it may have been set, then the current one, then the
 * earlier ones, newest first. Each refused login costs the account's budget, so it stops at the first that works, and when
 * the budget is spent. An unverified current version that works is marked as verified; after a restore, what works everywhere settles
 * the question whether the vault is too old. A target that has another password is noted, so that the next run mends it.
 * Changes nothing on a target.
 * @throws CoffreError NOT_FOUND if there is no such version
 */
export async function verifyCredential(
  context: RotationContext,
  id: string,
  { version, sparing = false }: VerifyOptions = {},
): Promise<TargetVerdict[]> {
  const credential = await context.vault.readCredential(id);
  const only = version === undefined ? undefined : versionOf(credential, version);
  const verdicts: TargetVerdict[] = [];
  const spares = sparing && credential.journal.attention?.reason !== "rolled-back";
  const current = credential.versions.find(({ state }) => state === "current");
  for (const target of targetsOf(context, credential)) {
    const as = (version?: VersionInfo) => specFor(context, credential, target, version?.username);
    const versions = (only === undefined ? candidates(credential, as) : [only]).flatMap((version) => {
      const spec = as(version);
      return spec ? [{ ...version, spec }] : [];
    });
    const spec = as(only ?? current) ?? target.spec;
    verdicts.push(...(await judge(context, { credential, spec, versions, sparing: spares })));
  }
  const proven = verdicts.length > 0 && verdicts.every(({ verdict }) => verdict === "agrees");
  if (proven && current?.verified === false) {
    await withLease(context, id, LEASE_SECONDS, (leased) => leased.record({ step: "proven", version: current.number }));
  }
  if (proven && credential.journal.attention?.reason === "rolled-back") {
    await context.vault.resolveCredential(id, { decision: "accept-rollback" });
  }
  if (only === undefined) await noteDrift(context, credential, verdicts);
  return verdicts;
}

function versionOf({ versions, path }: Credential, number: number): VersionInfo {
  const found = versions.find((version) => version.number === number);
  if (found) return found;
  throw new CoffreError("NOT_FOUND", `${path.join("/")} has no version ${number}`, {
    hint: "`coffre history` lists the versions.",
  });
}

/** One verdict for each address: the server that is set, and each of its `verifyHosts`. */
async function judge(context: RotationContext, asked: Omit<Question, "address">): Promise<TargetVerdict[]> {
  const { spec } = asked;
  if (spec.verifyAddresses.length === 0) {
    const reason = "the target says verify: none";
    const tried = { refused: [], untried: [] };
    return [{ account: spec.account, address: addressOf(spec), verdict: "not-verifiable", reason, ...tried }];
  }
  const verdicts: TargetVerdict[] = [];
  for (const address of spec.verifyAddresses) {
    // What works at the server is what its replicas should have: tried first there, it costs no refused login.
    const found = verdicts.findLast(({ version }) => version !== undefined)?.version;
    const versions = asked.versions.toSorted((a, b) => Number(b.number === found) - Number(a.number === found));
    verdicts.push(await judgeAt(context, { ...asked, address, versions }));
  }
  return verdicts;
}

/** A version, and the target as its own login sees it. */
type Candidate = VersionInfo & { spec: TargetSpec };

interface Question {
  credential: Credential;
  /** As the current version's login sees the target, or that of the only version that is asked about. */
  spec: TargetSpec;
  address: TargetAddress;
  versions: readonly Candidate[];
  sparing: boolean;
}

async function judgeAt(context: RotationContext, question: Question): Promise<TargetVerdict> {
  const { spec, address, versions } = question;
  const refused: number[] = [];
  const found = { account: spec.account, address: `${address.host}:${address.port}`, refused, untried: [] };
  let reason = "";
  let wasCurrent = false;
  // Nothing was set there yet: that is an unfinished rotation, and says nothing of what the target accepts.
  if (versions.length === 0) return { ...found, verdict: "not-tried", reason: "there is no version to try" };
  for (const [index, version] of versions.entries()) {
    const { number, state } = version;
    const proof = await tryVersion(context, question, version);
    if (proof.outcome === "works") return { ...found, verdict: VERDICTS[state], version: number };
    if (proof.outcome === "not-tried") {
      // Whatever it accepts, it isn't what the vault gives to its readers.
      const verdict = wasCurrent ? "differs" : "not-tried";
      const untried = versions.slice(index).map((later) => later.number);
      return { ...found, verdict, reason: proof.reason, untried };
    }
    if (proof.outcome !== "refused") return { ...found, verdict: proof.outcome, reason: proof.reason };
    refused.push(number);
    wasCurrent ||= state === "current";
    reason = proof.reason;
  }
  return { ...found, verdict: "differs", reason };
}

const VERDICTS: Record<VersionInfo["state"], TargetVerdict["verdict"]> = {
  pending: "pending-version",
  current: "agrees",
  previous: "earlier-version",
  discarded: "earlier-version",
};

/**
 * What may be in force, the likeliest first. Of earlier versions those of the current one's login: that another login still
 * has one that was its own is no news.
 */
function candidates(
  { versions: all, journal }: Credential,
  as: (version: VersionInfo) => TargetSpec | undefined,
): VersionInfo[] {
  const versions = all.filter(({ valueRemovedAt }) => valueRemovedAt === undefined);
  const pending = versions.filter(
    (version) =>
      version.state === "pending" &&
      journal.pending?.targets.some(({ account, setStarted }) => setStarted && account === as(version)?.account),
  );
  const { attention } = journal;
  // A login with the pending one was refused already: the budget is for the others.
  const refusedBefore =
    journal.pending?.targets.some(
      ({ account, pendingRefused }) => pendingRefused && pending.some((version) => as(version)?.account === account),
    ) === true ||
    (attention?.reason === "set-but-refused" &&
      versions.some((version) => version.number === attention.version && as(version)?.account === attention.account));
  const current = versions.filter(({ state }) => state === "current");
  const before = versions.filter(({ state }) => state === "previous").toReversed();
  const previous = before.filter(({ username }) => current.every((one) => one.username === username));
  // A restore keeps newer versions than the backup's current one as earlier ones: what was newest is the likeliest.
  if (attention?.reason === "rolled-back") {
    return [...pending, ...current, ...before].sort((a, b) => b.number - a.number);
  }
  return refusedBefore ? [...current, ...pending, ...previous] : [...pending, ...current, ...previous];
}

function budgetReason({ problem, details }: CoffreError): string {
  const { freeAt } = details;
  return typeof freeAt === "string" ? `${problem} It is free again at ${freeAt}.` : problem;
}

type Tried =
  { outcome: "works" } | { outcome: "refused" | "unreachable" | "not-verifiable" | "not-tried"; reason: string };

async function tryVersion(
  context: RotationContext,
  { credential, address, sparing }: Question,
  { spec, number: version }: Candidate,
): Promise<Tried> {
  const host = `${address.host}:${address.port}`;
  const saving = sparing ? { sparing: true as const } : {};
  const booking = { id: randomUUID(), account: spec.account, host, kind: "probe" as const, ...saving };
  return context.logins.inTurn(host, async () => {
    try {
      await context.vault.bookLogin(booking);
    } catch (error) {
      if (isCoffreError(error, "BUDGET_SPENT")) return { outcome: "not-tried", reason: budgetReason(error) };
      throw error;
    }
    let settled: LoginOutcome = "not-made";
    try {
      const { value } = await readValue(context, { id: credential.id, version });
      const proof = await driverFor(context.drivers, spec.kind).verify(spec, value, address, context.signal);
      settled = outcomeOf(proof);
      if (proof.proof === "works") return { outcome: "works" };
      return { outcome: proof.proof === "unanswered" ? "unreachable" : proof.proof, reason: proof.reason };
    } catch (error) {
      if (isUnanswered(error)) settled = "unanswered";
      throw error;
    } finally {
      await context.vault.settleLogin(booking.id, settled);
    }
  });
}
