import { randomUUID } from "node:crypto";
import { isCoffreError } from "../core/errors.js";
import type { TargetAddress, TargetSpec } from "../target/port.js";
import type { Credential, LoginOutcome, VersionInfo } from "../vault/port.js";
import { addressOf } from "./admins.js";
import { driverFor, type RotationContext } from "./context.js";
import { withLease } from "./lease.js";
import { readValue } from "./login.js";
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
}

const LEASE_SECONDS = 30;

/**
 * Finds out which version each target accepts: the pending one if it may have been set, then the current one, then the
 * previous. Each refused login costs the account's budget, so it stops at the first that works, and when the budget is
 * spent. An unverified current version that works is marked as verified; after a restore, what works everywhere settles
 * the question whether the vault is too old. Changes nothing on a target.
 */
export async function verifyCredential(context: RotationContext, id: string): Promise<TargetVerdict[]> {
  const credential = await context.vault.readCredential(id);
  const verdicts: TargetVerdict[] = [];
  for (const { spec } of targetsOf(context, credential)) verdicts.push(...(await judge(context, credential, spec)));
  const current = credential.versions.find(({ state }) => state === "current");
  const proven = verdicts.length > 0 && verdicts.every(({ verdict }) => verdict === "agrees");
  if (proven && current?.verified === false) {
    await withLease(context, id, LEASE_SECONDS, (leased) => leased.record({ step: "proven", version: current.number }));
  }
  if (proven && credential.journal.attention?.reason === "rolled-back") {
    await context.vault.resolveCredential(id, { decision: "accept-rollback" });
  }
  return verdicts;
}

/** One verdict for each address: the server that is set, and each of its `verifyHosts`. */
async function judge(context: RotationContext, credential: Credential, spec: TargetSpec): Promise<TargetVerdict[]> {
  if (spec.verifyAddresses.length === 0) {
    const reason = "the target says verify: none";
    return [{ account: spec.account, address: addressOf(spec), verdict: "not-verifiable", reason }];
  }
  const verdicts: TargetVerdict[] = [];
  for (const address of spec.verifyAddresses) {
    // What works at the server is what its replicas should have: tried first there, it costs no refused login.
    const found = verdicts.findLast(({ version }) => version !== undefined)?.version;
    const versions = candidates(credential, spec).sort(
      (a, b) => Number(b.number === found) - Number(a.number === found),
    );
    verdicts.push(await judgeAt(context, { credential, spec, address, versions }));
  }
  return verdicts;
}

interface Question {
  credential: Credential;
  spec: TargetSpec;
  address: TargetAddress;
  versions: readonly VersionInfo[];
}

async function judgeAt(context: RotationContext, question: Question): Promise<TargetVerdict> {
  const { spec, address, versions } = question;
  const found = { account: spec.account, address: `${address.host}:${address.port}` };
  let refused = "there is no version to try";
  for (const version of versions) {
    const proof = await tryVersion(context, question, version.number);
    if (proof.outcome === "works") return { ...found, verdict: VERDICTS[version.state], version: version.number };
    if (proof.outcome !== "refused") return { ...found, verdict: proof.outcome, reason: proof.reason };
    refused = proof.reason;
  }
  return { ...found, verdict: "differs", reason: refused };
}

const VERDICTS: Record<VersionInfo["state"], TargetVerdict["verdict"]> = {
  pending: "pending-version",
  current: "agrees",
  previous: "earlier-version",
  discarded: "earlier-version",
};

function candidates({ versions, journal }: Credential, spec: TargetSpec): VersionInfo[] {
  const progress = journal.pending?.targets.find(({ account }) => account === spec.account);
  const pending = progress?.setStarted === true ? versions.filter(({ state }) => state === "pending") : [];
  const { attention } = journal;
  // A login with the pending one was refused already: the budget is for the others.
  const refusedBefore = attention?.reason === "set-but-refused" && attention.account === spec.account;
  const current = versions.filter(({ state }) => state === "current");
  const previous = versions.filter(({ state }) => state === "previous").slice(-1);
  return refusedBefore ? [...current, ...pending, ...previous] : [...pending, ...current, ...previous];
}

type Tried =
  { outcome: "works" } | { outcome: "refused" | "unreachable" | "not-verifiable" | "not-tried"; reason: string };

async function tryVersion(context: RotationContext, question: Question, version: number): Promise<Tried> {
  const { credential, spec, address } = question;
  const host = `${address.host}:${address.port}`;
  const booking = { id: randomUUID(), account: spec.account, host, kind: "probe" as const };
  return context.logins.inTurn(host, async () => {
    try {
      await context.vault.bookLogin(booking);
    } catch (error) {
      if (isCoffreError(error, "BUDGET_SPENT")) return { outcome: "not-tried", reason: error.problem };
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
