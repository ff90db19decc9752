import { createHash } from "node:crypto";
import type { VaultIdentity } from "../vault/port.js";
import type { SyncDifference } from "./compare.js";
import { pathKey, type SyncEntry } from "./entry.js";
import type { SyncJob } from "./job.js";
import type { SyncConflict, SyncPlan, SyncStep } from "./plan.js";
import type { SourceEntries } from "./source.js";

/** What came of it. No value is in it. */
export interface SyncReport {
  source: Pick<VaultIdentity, "id" | "name">;
  destination: Pick<VaultIdentity, "id" | "name">;
  dryRun: boolean;
  /** Copies as they are after it; of a dry run, as they would be. */
  created: number;
  updated: number;
  moved: number;
  removed: number;
  unchanged: number;
  /** Entries of the source that have no value yet. */
  waiting: number;
  /** Entries of the source that are copies themselves, and stay where they are. */
  copies: number;
  /** Copied entries of which a newer version is pending: they are copied again once that is promoted. */
  rotating: number;
  steps: SyncStep[];
  /** Copies and places that somebody else has changed or holds, and steps that failed. */
  failures: SyncConflict[];
  /** Of `verify`: where a copy isn't what its entry is. `undefined` if it wasn't asked for. */
  differences: SyncDifference[] | undefined;
  /** True if a signal ended it before everything was done. */
  interrupted: boolean;
  /** A digest of what travels and where to: equal for equal entries, versions and places. */
  digest: string;
}

/** What can be said before anything is done; of a dry run that is all. */
export function newReport({
  job,
  destination,
  dryRun,
  listed,
  plan,
}: {
  job: SyncJob;
  destination: Pick<VaultIdentity, "id" | "name">;
  dryRun: boolean;
  listed: SourceEntries;
  plan: SyncPlan;
}): SyncReport {
  const report: SyncReport = {
    source: { id: job.source.id, name: job.source.name },
    destination: { id: destination.id, name: destination.name },
    dryRun,
    created: 0,
    updated: 0,
    moved: 0,
    removed: 0,
    unchanged: plan.unchanged,
    waiting: listed.waiting,
    copies: listed.copies,
    rotating: listed.entries.filter(({ rotating }) => rotating).length,
    steps: plan.steps,
    failures: [...plan.conflicts],
    differences: undefined,
    interrupted: false,
    digest: digestOf(listed.entries),
  };
  const taken = new Set(plan.conflicts.map(({ path }) => pathKey(path)));
  const isFree = (step: SyncStep) => step.action === "remove" || !taken.has(pathKey(step.entry.path));
  if (dryRun) for (const step of plan.steps.filter(isFree)) count(report, step);
  return report;
}

const COUNTERS = { create: "created", update: "updated", move: "moved", remove: "removed" } as const;

/** One step more that went well. */
export function count(report: SyncReport, { action }: SyncStep): void {
  report[COUNTERS[action]] += 1;
}

function digestOf(entries: readonly SyncEntry[]): string {
  const lines = entries.map(({ id, path, fingerprint }) => JSON.stringify([id, path, fingerprint])).sort();
  return createHash("sha256").update(lines.join("\n")).digest("hex").slice(0, 32);
}
