import { CoffreError } from "../../../core/errors.js";
import type { Attention, Journal, PendingRotation } from "../../port.js";
import type { CredentialRow } from "../../records/rows.js";
import type { Store } from "../store.js";
import { Transaction } from "../transaction.js";
import type { BackupHeader } from "./format.js";

/**
 * After a restore nothing may be set or rotated before somebody has looked: every live credential needs attention until
 * `coffre verify` finds that its target agrees, or a person says by `coffre resolve` that the vault holds. Decisions that
 * the backup remembers were about another rollback.
 * @returns how many
 */
export function markRolledBack(store: Store, { takenAt }: BackupHeader, now: Date): number {
  const transaction = new Transaction(store);
  let undecided = 0;
  for (const id of store.credentials.ids()) {
    const row = transaction.credential(id);
    if (!row) continue;
    const { resolution: _resolution, resolvedAt: _resolvedAt, ...rest } = row;
    // Since the backup a login that drained then may have got a newer version: it isn't ended.
    const { draining: _draining, ...journal } = rest.journal;
    const marked: CredentialRow = { ...rest, journal };
    if (!row.archived) {
      undecided += 1;
      marked.journal = rolledBack(marked, takenAt, now);
    }
    transaction.putCredential(marked);
  }
  return undecided;
}

/**
 * Mail that waited when the backup was made may have been sent since: none of it is sent by itself. A person who sees it
 * may send it again.
 */
export function holdMail(store: Store, { takenAt }: BackupHeader): void {
  const { outbox } = new Transaction(store);
  for (const id of outbox.mails("waiting")) {
    const row = outbox.mail(id);
    if (row)
      outbox.putMail({ ...row, state: "failed", problem: `the vault was restored from the backup of ${takenAt}` });
  }
}

function rolledBack({ journal, targets }: CredentialRow, takenAt: string, now: Date): Journal {
  const { pending } = journal;
  const newer = targets.length > 0 ? "its target may have a newer version" : "a newer value may have been there";
  // What had to be decided before comes back once this is: a decision about that one must not set anything now.
  const open = journal.attention;
  const earlier = open?.reason === "rolled-back" ? open.earlier : open;
  const also = earlier ? `; before that it needed attention already (${earlier.reason})` : "";
  const attention: Attention = {
    reason: "rolled-back",
    message: `the vault was restored from the backup of ${takenAt}: ${newer}${also}`,
    since: now.toISOString(),
    ...(earlier ? { earlier } : {}),
  };
  return { ...journal, attention, ...(pending ? { pending: inDoubt(pending) } : {}) };
}

/**
 * What a target was told and what was proven there is of then: it may have been set since, to this version or another. So
 * all of it is in doubt, and nothing is promoted that isn't set and proven now.
 */
function inDoubt({ version, targets }: PendingRotation): PendingRotation {
  return {
    version,
    targets: targets.map(({ account, setTries }) => ({
      account,
      setStarted: true,
      setTries: Math.max(setTries, 1),
      setConfirmed: false,
      verified: false,
    })),
  };
}

/** @throws CoffreError LOCKED while somebody rotates: what is about to be set would be in no version that is left */
export function refuseLeases(store: Store, now: Date): void {
  for (const { text } of store.credentials.stream()) {
    // What this vault sealed itself, it reads without asking again.
    const { id, name, journal } = JSON.parse(text) as CredentialRow;
    const { lease } = journal;
    if (!lease || Date.parse(lease.expiresAt) <= now.getTime()) continue;
    throw new CoffreError("LOCKED", `Credential ${name} (${id}) is being rotated by ${lease.holder}`, {
      hint: `Nothing was changed. Try again when that has ended; its lease runs out at ${lease.expiresAt}.`,
      details: { holder: lease.holder, expiresAt: lease.expiresAt },
    });
  }
}
