import type { Vault } from "../vault/port.js";
import type { Copy, CopyStore } from "./copy-store.js";
import { pathKey, type ReadValues, type SyncEntry } from "./entry.js";
import { readValues } from "./source.js";

const BATCH = 100;

/** Where a copy isn't what its entry is. */
export interface SyncDifference {
  path: string[];
  entryId: string;
  /** A field, `texts` (user name, address, note, tags or versions), `place`, `missing` or `surplus`. Never a value. */
  what: string;
}

/**
 * Reads every value of both sides and compares each field of each entry, whatever the lists say.
 * @param entries as the source has them @param copies as the destination has them
 */
export async function compareAll(
  source: Vault,
  store: CopyStore,
  entries: readonly SyncEntry[],
  copies: readonly Copy[],
  signal?: AbortSignal,
): Promise<SyncDifference[]> {
  const differences: SyncDifference[] = [];
  const byEntry = Map.groupBy(copies, ({ entryId }) => entryId);
  const pairs: { entry: SyncEntry; copy: Copy }[] = [];
  for (const entry of entries) {
    const [copy, ...surplus] = byEntry.get(entry.id) ?? [];
    byEntry.delete(entry.id);
    if (copy) pairs.push({ entry, copy });
    else differences.push({ path: entry.path, entryId: entry.id, what: "missing" });
    for (const { path } of surplus) differences.push({ path, entryId: entry.id, what: "surplus" });
  }
  for (const { path, entryId } of [...byEntry.values()].flat()) differences.push({ path, entryId, what: "surplus" });
  for (let at = 0; at < pairs.length; at += BATCH) {
    if (signal?.aborted) break;
    differences.push(...(await compareBatch(source, store, pairs.slice(at, at + BATCH))));
  }
  return differences;
}

async function compareBatch(
  source: Vault,
  store: CopyStore,
  pairs: readonly { entry: SyncEntry; copy: Copy }[],
): Promise<SyncDifference[]> {
  const there = await store.readBack(pairs.map(({ copy }) => copy));
  const here = await readValues(
    source,
    pairs.map(({ entry }) => ({ entry, fields: [...entry.values.keys()] })),
  );
  return pairs.flatMap(({ entry, copy }, index) => {
    const wanted = here[index];
    if (wanted === undefined || wanted instanceof Error) throw wanted ?? new Error("the source gave no answer");
    const held = there.get(entry.id);
    const kept: ReadValues = held?.values ?? new Map();
    const fields = [...new Set([...wanted.keys(), ...kept.keys()])];
    const what = fields.filter((field) => wanted.get(field)?.reveal() !== kept.get(field)?.reveal());
    if (held?.fingerprint !== entry.fingerprint) what.push("texts");
    if (pathKey(copy.path) !== pathKey(entry.path)) what.push("place");
    return what.map((one) => ({ path: copy.path, entryId: entry.id, what: one }));
  });
}
