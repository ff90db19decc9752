import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { isCoffreError } from "../core/errors.js";
import { parseReference } from "../core/reference.js";
import type { Secret } from "../core/secret.js";
import type { TargetSpec } from "../target/port.js";
import type { Credential, LoginOutcome, Vault } from "../vault/port.js";
import type { Application } from "./apply.js";
import { needsAttention, unproven } from "./attention.js";
import { driverFor, type RotationContext } from "./context.js";
import { readValue } from "./read-value.js";
import { resolveReference } from "./resolve-reference.js";
import { outcomeOf } from "./unanswered.js";

/**
 * The password that an account had before Coffre (`initialRef`): a machine's first, or its maker's. After the first set it
 * must be refused, and its entry is of no use any more.
 */
export interface FirstPassword {
  entry: Credential;
  value: Secret;
}

/**
 * The one that this set has replaced, as long as its entry is live or this run has logged in with it.
 * @returns `undefined` for every later set, and where there is none
 */
export async function firstPassword(
  context: RotationContext,
  { spec, sessions, leased }: Pick<Application, "spec" | "sessions" | "leased">,
): Promise<FirstPassword | undefined> {
  if (spec.admin.by !== "self" || spec.admin.initialRef === undefined) return undefined;
  const ref = spec.admin.initialRef;
  const byInitial = sessions.loggedInByInitial(spec);
  const found = byInitial ? findFirst(context.vault, ref, leased.credential) : resolveReference(context.vault, ref);
  const entry = await ifThere(found);
  if (entry === undefined) return undefined;
  if (entry.archivedAt !== undefined && !byInitial) return undefined;
  const { value } = await readValue(context, { id: entry.id });
  return { entry, value };
}

/**
 * The entry of a first password. Once archived, no path leads to it any more: then it is the one that this credential has
 * superseded.
 * @throws CoffreError what resolving throws
 */
export async function findFirst(vault: Vault, ref: string, successor: Pick<Credential, "id">): Promise<Credential> {
  const entry = await ifThere(resolveReference(vault, ref));
  if (entry) return entry;
  const superseded: Credential[] = [];
  for await (const archived of vault.listCredentials({ archived: true })) {
    if (archived.supersededBy === successor.id) superseded.push(archived);
  }
  // A credential with several targets may have superseded a first password of each; one that was moved has another path.
  const named = superseded.filter(({ path }) => isDeepStrictEqual(path, pathIn(ref)));
  const [newest] = named.toSorted((a, b) => (b.archivedAt ?? "").localeCompare(a.archivedAt ?? ""));
  const only = superseded.length === 1 ? superseded[0] : undefined;
  return newest ?? only ?? resolveReference(vault, ref);
}

function pathIn(ref: string): string[] | undefined {
  const reference = parseReference(ref);
  return reference.by === "path" ? reference.path : undefined;
}

/** Once archived, no path leads to it any more. */
async function ifThere(entry: Promise<Credential>): Promise<Credential | undefined> {
  try {
    return await entry;
  } catch (error) {
    if (isCoffreError(error, "NOT_FOUND")) return undefined;
    throw error;
  }
}

/**
 * One login that is expected to be refused, booked like every doubtful one: the machine counts it too.
 * @throws CoffreError NEEDS_ATTENTION if the first password still works; UNREACHABLE; BUDGET_SPENT
 */
export async function proveRefused(
  context: RotationContext,
  { leased, spec, version }: Application,
  { value }: FirstPassword,
): Promise<void> {
  const [address] = spec.verifyAddresses;
  const { pending } = leased.credential.journal;
  const known = pending?.targets.some(({ account, initialRefused }) => account === spec.account && initialRefused);
  if (address === undefined || known === true) return;
  const booking = {
    id: randomUUID(),
    account: spec.account,
    host: `${address.host}:${address.port}`,
    kind: "probe" as const,
  };
  const settled = (outcome: LoginOutcome) => ({ step: "settle-login", bookingId: booking.id, outcome }) as const;
  await context.logins.inTurn(booking.host, async () => {
    await leased.record({ step: "book-login", booking });
    const proof = await driverFor(context.drivers, spec.kind).verify(spec, value, address);
    if (proof.proof === "refused") {
      await leased.record(settled("refused"), { step: "initial-refused", version, account: spec.account });
      return;
    }
    if (proof.proof !== "works") {
      await leased.record(settled(outcomeOf(proof)));
      throw unproven(spec, version, proof.reason);
    }
    const message = `${spec.account} took version ${version}, and its first password still works`;
    const attention = { reason: "initial-still-works", message, version, account: spec.account };
    await leased.record(settled("succeeded"), { step: "attention", attention });
    throw needsAttention(leased.credential, message);
  });
}

/**
 * One more login with the value that is in force, so that machine and budget forget the refused one: several accounts of
 * one machine may have their first boot within the hour. Everything is done by now, so nothing depends on it.
 */
export async function forgetRefusal(context: RotationContext, spec: TargetSpec, value: Secret): Promise<void> {
  const [address] = spec.verifyAddresses;
  if (address === undefined) return;
  const host = `${address.host}:${address.port}`;
  const booking = { id: randomUUID(), account: spec.account, host, kind: "proof" as const };
  const verified = () => driverFor(context.drivers, spec.kind).verify(spec, value, address);
  try {
    await context.vault.bookLogin(booking);
    // A driver throws only before it has sent a password.
    const outcome = await verified().then(
      (proof) => (proof.proof === "works" ? "succeeded" : outcomeOf(proof)),
      (error: unknown) => {
        if (isCoffreError(error)) return "not-made" as const;
        throw error;
      },
    );
    await context.vault.settleLogin(booking.id, outcome);
  } catch (error) {
    if (!isCoffreError(error)) throw error;
  }
}

/** Takes the entry of a first password out of the tree. @returns false while other accounts still wait to be set by it */
export async function archiveFirst(
  { vault }: RotationContext,
  { entry }: FirstPassword,
  successor: Pick<Credential, "id">,
): Promise<boolean> {
  if (entry.archivedAt !== undefined) return true;
  for await (const other of vault.listCredentials()) {
    if (other.id !== successor.id && (await stillNeeds(vault, other, entry))) return false;
  }
  await vault.archiveCredential(entry.id, { supersededBy: successor.id });
  return true;
}

async function stillNeeds(vault: Vault, { versions, targets }: Credential, entry: Credential): Promise<boolean> {
  if (versions.some(({ state }) => state === "current")) return false;
  for (const { description } of targets) {
    const ref = description["initialRef"];
    if (typeof ref !== "string") continue;
    const named = await ifThere(resolveReference(vault, ref));
    if (named?.id === entry.id) return true;
  }
  return false;
}
