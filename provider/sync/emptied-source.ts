import { CoffreError } from "../core/errors.js";
import type { Copy } from "./copy-store.js";
import type { SyncEntry } from "./entry.js";
import type { SyncJob } from "./job.js";

/** From so many on, copies that go together with most of the others are a question to a person. */
const MANY = 10;

/**
 * Refuses to follow a source that has suddenly lost its entries: machines read the copies, and an emptied vault is as
 * likely a mistake as a wish. A single copy may go; all of several, or most of many, only if that was said.
 * @throws CoffreError CONFLICT
 */
export function refuseEmptiedSource({ source }: SyncJob, entries: readonly SyncEntry[], copies: readonly Copy[]): void {
  const there = new Set(entries.map(({ id }) => id));
  const copied = new Set(copies.map(({ entryId }) => entryId));
  const gone = [...copied].filter((id) => !there.has(id)).length;
  const isAll = gone === copied.size && gone > 1;
  if (!isAll && (gone < MANY || gone * 2 <= copied.size)) return;
  throw new CoffreError("CONFLICT", `Vault ${source.name} lacks ${gone} of the ${copied.size} entries copied from it`, {
    hint: "Nothing was changed. If they are meant to go, say so once: --accept-removals (acceptRemovals: true of a VaultSync); with --dry-run it lists them.",
    details: { gone, copies: copied.size },
  });
}
