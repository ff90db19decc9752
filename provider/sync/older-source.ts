import { CoffreError } from "../core/errors.js";
import type { Vault, VaultIdentity } from "../vault/port.js";
import type { Copy, SyncRecord } from "./copy-store.js";
import { pathKey, type SyncEntry } from "./entry.js";
import type { SyncJob } from "./job.js";

/** What a job remembers of a source that has come this far. */
export function seenOf({ restoreCounter, headProof }: VaultIdentity): SyncRecord["seen"] {
  return { restoreCounter, headProof };
}

/**
 * Refuses to copy from a source that is older than what was copied from it: an earlier file was put in its place, or a
 * backup was restored, and what it calls current may be what targets refuse by now.
 * @throws CoffreError ROLLED_BACK
 */
export async function refuseOlderSource(
  { source, job }: { source: Vault; job: SyncJob },
  record: SyncRecord | undefined,
  copies: readonly Copy[],
  entries: readonly SyncEntry[],
): Promise<void> {
  if (record && (await isOlder(source, record.seen))) throw older(job, "than at the last sync");
  const byId = new Map(entries.map((entry) => [entry.id, entry]));
  for (const { entryId, versions, path } of copies) {
    const entry = byId.get(entryId);
    if (!entry) continue;
    for (const [field, { number }] of versions) {
      if (number <= (entry.newest.get(field) ?? 0)) continue;
      throw older(job, `than the copy ${pathKey(path)}: it lacks version ${number} of its ${field}`);
    }
  }
}

async function isOlder(source: Vault, { restoreCounter, headProof }: SyncRecord["seen"]): Promise<boolean> {
  if ((await source.identity()).restoreCounter !== restoreCounter) return true;
  const [isPast] = await source.hasHeads([headProof]);
  return isPast !== true;
}

function older({ source }: SyncJob, than: string): CoffreError {
  return new CoffreError("ROLLED_BACK", `Vault ${source.name} is older ${than}`, {
    hint: "Nothing was copied. See what the targets accept with `coffre verify --all`, decide with `coffre resolve --accept-rollback`, then sync once with --accept-rollback.",
  });
}
