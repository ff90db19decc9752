import { CoffreError } from "../../../core/errors.js";
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
    const marked: CredentialRow = rest;
    if (!row.archived) {
      undecided += 1;
      const message = `the vault was restored from the backup of ${takenAt}: its target may have a newer version`;
      const attention = { reason: "rolled-back", message, since: now.toISOString() };
      marked.journal = { ...row.journal, attention: row.journal.attention ?? attention };
    }
    transaction.putCredential(marked);
  }
  return undecided;
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
