import { randomUUID } from "node:crypto";
import { CoffreError } from "../../core/errors.js";
import { PASSWORD_FIELD } from "../../core/field.js";
import { applyResolution, applySteps } from "../journal.js";
import type { Credential, Journal, Lease, LeaseGrant, LeaseRequest, Resolution, RotationStep } from "../port.js";
import { credentialGone, logEvent, named, type VaultContext } from "./context.js";
import { viewCredential } from "./credential-view.js";
import { bookNotices } from "./notices.js";
import { bookLogin, settleLogin } from "./logins.js";
import type { Keyed } from "./owner.js";
import { outdatedVersions } from "./outdated.js";
import type { CredentialRow, WriteRows } from "./rows.js";
import { Tree } from "./tree.js";

/** How long a packet that a dead holder had sent may be on its way (`protocol.md` 4). */
const QUIET_MS = 15_000;

/** Steps that lead to a change of a target. */
const LEADS_TO_A_SET: ReadonlySet<RotationStep["step"]> = new Set(["stage", "set-started"]);

/** The rules of `Vault.acquireLease`. */
export function acquireLease(
  tx: WriteRows,
  context: VaultContext,
  keyed: Keyed,
  id: string,
  request: LeaseRequest,
  steps: readonly RotationStep[],
): LeaseGrant {
  const row = tx.credential(id);
  if (!row) throw credentialGone(id);
  if (row.archived) {
    throw new CoffreError("CONFLICT", `Credential ${named(row.archived.path, id)} is archived and no longer rotated`, {
      hint: "Bring it back first, by `adopt`.",
    });
  }
  const { journal, tookOver } = leased(row, request, context.clock.now());
  if (tookOver !== undefined) {
    logEvent(tx, context, "lease.taken-over", [id], { detail: `from ${tookOver.holder}` });
  }
  const credential = writeSteps(tx, context, keyed, { ...row, journal }, steps);
  return { lease: journal.lease, credential };
}

/** @returns the journal with the new lease, and the lease of another that was cut short. @throws CoffreError LOCKED */
function leased(
  row: CredentialRow,
  request: LeaseRequest,
  now: Date,
): { journal: Journal & { lease: Lease }; tookOver: Lease | undefined } {
  const held = row.journal.lease;
  const live = held !== undefined && Date.parse(held.expiresAt) > now.getTime();
  if (live && request.takeOver !== held.fencing) throw leaseHeld(row, held);
  // A holder that asks again with its own number renews: its packets are its own.
  const tookOver = live && held.holder !== request.holder ? held : undefined;
  const fencing = row.journal.fencing + 1;
  const expiresAt = new Date(now.getTime() + request.ttlSeconds * 1000).toISOString();
  const journal = {
    ...row.journal,
    fencing,
    lease: { credentialId: row.id, holder: request.holder, fencing, expiresAt },
  };
  // Only a change that was started, of a password or of a login that ends, can still have a packet on its way.
  const sets = row.journal.pending?.targets.some(({ setStarted }) => setStarted) === true;
  const ends = row.journal.draining?.some(({ started }) => started) === true;
  if (tookOver && (sets || ends)) {
    journal.quietUntil = new Date(Math.min(Date.parse(tookOver.expiresAt), now.getTime() + QUIET_MS)).toISOString();
  }
  return { journal, tookOver };
}

function leaseHeld(row: CredentialRow, lease: Lease): CoffreError {
  return new CoffreError("LOCKED", `Credential ${row.name} (${row.id}) is being rotated by ${lease.holder}`, {
    hint: `Try again when that has ended; its lease runs out at ${lease.expiresAt}.`,
    details: { holder: lease.holder, fencing: lease.fencing, expiresAt: lease.expiresAt },
  });
}

/** The rules of `Vault.record`. */
export function record(
  tx: WriteRows,
  context: VaultContext,
  keyed: Keyed,
  lease: Lease,
  steps: readonly RotationStep[],
): Credential {
  const row = tx.credential(lease.credentialId);
  if (!row) throw credentialGone(lease.credentialId);
  const held = row.journal.lease;
  if (held?.fencing !== lease.fencing) {
    if (held) throw leaseHeld(row, held);
    throw new CoffreError("LOCKED", `The lease on credential ${row.name} (${row.id}) was released`, {
      details: { fencing: row.journal.fencing },
    });
  }
  // What already happened on a target is written down even so; but an archived entry's account may be another's by now.
  const forbidden = row.archived ? steps.find(({ step }) => LEADS_TO_A_SET.has(step)) : undefined;
  if (forbidden) {
    throw new CoffreError(
      "CONFLICT",
      `Credential ${row.name} (${row.id}) was archived: ${forbidden.step} is not allowed`,
    );
  }
  return writeSteps(tx, context, keyed, row, steps);
}

function writeSteps(
  tx: WriteRows,
  context: VaultContext,
  keyed: Keyed,
  before: CredentialRow,
  steps: readonly RotationStep[],
): Credential {
  const applied = applySteps(before, steps, context.clock.now());
  const made = new Set(applied.madeAccounts);
  const pins = new Map(applied.pins.map(({ account, pin }) => [account, pin]));
  const now = context.clock.now();
  const outdated = tx.removeValue ? outdatedVersions(applied, now) : new Set<number>();
  const row = bookNotices(before, {
    ...before,
    versions: applied.versions.map((version) =>
      outdated.has(version.number) ? { ...version, valueRemovedAt: now.toISOString() } : version,
    ),
    journal: applied.journal,
    targets: before.targets.map((target) => {
      const pin = pins.get(target.account) ?? target.pin;
      const accountMade = target.accountMade || made.has(target.account);
      const logins = target.logins?.map((login) =>
        made.has(login.account) ? { ...login, made: true as const } : login,
      );
      return { ...target, accountMade, ...(logins ? { logins } : {}), ...(pin === undefined ? {} : { pin }) };
    }),
  });
  for (const booking of applied.bookings) bookLogin(tx, context, booking);
  for (const { bookingId, outcome } of applied.settlements) settleLogin(tx, bookingId, outcome);
  tx.putCredential(row);
  for (const { version, value } of applied.staged) {
    tx.putValue({ credentialId: row.id, field: PASSWORD_FIELD, version }, value);
  }
  for (const version of outdated) tx.removeValue?.({ credentialId: row.id, field: PASSWORD_FIELD, version });
  for (const { action, ...facts } of applied.events) logEvent(tx, context, action, [row.id], facts);
  return viewCredential(new Tree(tx), keyed, row);
}

/** The rules of `Vault.resolveCredential`. */
export function resolveCredential(
  tx: WriteRows,
  context: VaultContext,
  keyed: Keyed,
  id: string,
  decision: Resolution,
): Credential {
  const before = tx.credential(id);
  if (!before) throw credentialGone(id);
  const now = context.clock.now();
  const held = before.journal.lease;
  // It would change versions under the feet of a rotation that runs.
  if (decision.decision === "accept" && held && Date.parse(held.expiresAt) > now.getTime())
    throw leaseHeld(before, held);

  const tree = new Tree(tx);
  if (decision.decision === "accept-rollback") {
    const { attention, ...rest } = before.journal;
    const journal = attention?.earlier ? { ...rest, attention: attention.earlier } : rest;
    const row = { ...before, journal, ...settled(now) };
    tx.putCredential(row);
    logEvent(tx, context, "attention.cleared", [id], { detail: "accept-rollback" });
    return viewCredential(tree, keyed, row);
  }
  const { versions, journal, events } = applyResolution(before, decision, now);
  // Who says which version works after a restore has decided about the rollback too.
  const answersRollback = before.journal.attention?.reason === "rolled-back";
  const row = bookNotices(before, { ...before, versions, journal, ...(answersRollback ? settled(now) : {}) });
  tx.putCredential(row);
  for (const { action, ...facts } of events) logEvent(tx, context, action, [id], facts);
  return viewCredential(tree, keyed, row);
}

/** A decision about a rollback, by which states and other machines know that the vault as it is was looked at. */
function settled(now: Date): { resolution: string; resolvedAt: string } {
  return { resolution: randomUUID(), resolvedAt: now.toISOString() };
}
