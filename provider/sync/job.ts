import type { VaultIdentity } from "../vault/port.js";

/**
 * What is kept in step: the entries of one vault, or of one of its categories, as copies below a place in another vault.
 * Source and category are what makes a job one; its place may change, and its copies then move along.
 */
export interface SyncJob {
  source: Pick<VaultIdentity, "id" | "name">;
  /** Id of the source's category whose entries travel, with all that is below; `null` for the whole vault. */
  categoryId: string | null;
  /** Names of the destination's categories below which the copies stand; empty for its root. */
  prefix: readonly string[];
}

/** Names a job in the destination: the same for every run of it, on any machine. */
export function jobKey({ source, categoryId }: SyncJob): string {
  return `coffre-sync/${source.id}/${categoryId ?? "all"}`;
}
