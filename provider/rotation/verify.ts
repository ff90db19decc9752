import { randomUUID } from "node:crypto";
import { isCoffreError } from "../core/errors.js";
import type { TargetSpec } from "../target/port.js";
import type { Credential, LoginOutcome, VersionInfo } from "../vault/port.js";
import { addressOf } from "./admins.js";
import { driverFor, type RotationContext } from "./context.js";
import { withLease } from "./lease.js";
import { readValue } from "./login.js";
import { targetsOf } from "./targets.js";

/** What one target says of the vault's versions. */
export interface TargetVerdict {
  account: string;
  /** `host:port`. */
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
 * spent. An unverified current version that works is marked as verified. Changes nothing on a target.
 */
export async function verifyCredential(context: RotationContext, id: string): Promise<TargetVerdict[]> {
  const credential = await context.vault.readCredential(id);
  const verdicts: TargetVerdict[] = [];
  for (const { spec } of targetsOf(context, credential)) verdicts.push(await judge(context, credential, spec));
  const current = credential.versions.find(({ state }) => state === "current");
  const proven = verdicts.length > 0 && verdicts.every(({ verdict }) => verdict === "agrees");
  if (proven && current?.verified === false) {
    await withLease(context, id, LEASE_SECONDS, (leased) => leased.record({ step: "proven", version: current.number }));
  }
  return verdicts;
}

async function judge(context: RotationContext, credential: Credential, spec: TargetSpec): Promise<TargetVerdict> {
  const found = { account: spec.account, address: addressOf(spec) };
  if (spec.verifyAddresses.length === 0)
    return { ...found, verdict: "not-verifiable", reason: "the target says verify: none" };
  let refused = "there is no version to try";
  for (const version of candidates(credential, spec)) {
    const proof = await tryVersion(context, credential.id, spec, version.number);
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

async function tryVersion(context: RotationContext, id: string, spec: TargetSpec, version: number): Promise<Tried> {
  const address = spec.verifyAddresses[0] ?? spec.address;
  const booking = {
    id: randomUUID(),
    account: spec.account,
    host: `${address.host}:${address.port}`,
    kind: "probe" as const,
  };
  try {
    await context.vault.bookLogin(booking);
  } catch (error) {
    if (isCoffreError(error, "BUDGET_SPENT")) return { outcome: "not-tried", reason: error.problem };
    throw error;
  }
  let settled: LoginOutcome = "not-made";
  try {
    const { value } = await readValue(context, { id, version });
    const proof = await driverFor(context.drivers, spec.kind).verify(spec, value, address, context.signal);
    if (proof.proof === "works") settled = "succeeded";
    if (proof.proof === "refused") settled = "refused";
    return proof.proof === "works" ? { outcome: "works" } : { outcome: proof.proof, reason: proof.reason };
  } finally {
    await context.vault.settleLogin(booking.id, settled);
  }
}
