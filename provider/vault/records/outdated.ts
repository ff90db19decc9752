import type { Journal, VersionInfo } from "../port.js";

/** So long a value is kept at least once another one has come into force (`protocol.md` section 3). */
const KEPT_DAYS = 30;
/** And until so many newer ones were proven. */
const NEWER_PROVEN = 2;

/**
 * Versions whose value a vault may take away that doesn't keep all of them: earlier and discarded ones that were replaced
 * long ago, have two proven successors, and work nowhere. None while anything is open.
 */
export function outdatedVersions(
  { versions, journal }: { versions: readonly VersionInfo[]; journal: Journal },
  now: Date,
): ReadonlySet<number> {
  if (journal.pending || journal.attention) return new Set();
  const before = now.getTime() - KEPT_DAYS * 86_400_000;
  const outdated = versions.filter(({ number, state, valueRemovedAt }) => {
    if ((state !== "previous" && state !== "discarded") || valueRemovedAt !== undefined) return false;
    if (journal.draining?.some(({ version }) => version === number)) return false;
    const newer = versions.filter((one) => one.number > number && one.promotedAt !== undefined);
    const replacedAt = Math.min(...newer.map(({ promotedAt = "" }) => Date.parse(promotedAt)));
    return newer.filter(({ verified }) => verified).length >= NEWER_PROVEN && replacedAt <= before;
  });
  return new Set(outdated.map(({ number }) => number));
}
