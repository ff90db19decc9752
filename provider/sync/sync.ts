import { isDeepStrictEqual } from "node:util";
import { CoffreError, isCoffreError } from "../core/errors.js";
import type { Vault, VaultIdentity } from "../vault/port.js";
import { applyPlan, type StepOutcome } from "./apply.js";
import { compareAll } from "./compare.js";
import type { Copy, CopyStore, SyncRecord } from "./copy-store.js";
import { refuseEmptiedSource } from "./emptied-source.js";
import { pathKey, type SyncEntry } from "./entry.js";
import type { SyncJob } from "./job.js";
import { refuseOlderSource, seenOf } from "./older-source.js";
import { planSync, type SyncConflict, type SyncPlan, type SyncStep } from "./plan.js";
import { count, newReport, type SyncReport } from "./report.js";
import { listSource, type SourceEntries } from "./source.js";

/** What is to be synced, and how. */
export interface SyncRequest {
  source: Vault;
  store: CopyStore;
  job: SyncJob;
  /** Only say what would be done: nothing is written, and no value read. */
  dryRun?: boolean;
  /** The copies may move to another prefix than at the last run. */
  move?: boolean;
  /** Values that somebody gave in the destination are replaced by the source's; theirs stay in the history. */
  overwrite?: boolean;
  /** Goes on from a source that is older than it was, as it is now. */
  acceptRollback?: boolean;
  /** Takes copies away though most of the source's entries are gone. */
  acceptRemovals?: boolean;
  /** Reads every value of both sides afterwards, and compares. */
  verify?: boolean;
  /** So many writes at a time. Default 8. */
  parallel?: number;
  signal?: AbortSignal;
  /** Told of each step that has ended. */
  ended?: (outcome: StepOutcome, done: number, steps: number) => void;
}

const PARALLEL = 8;

/**
 * Brings the copies to what the source's entries are, one way. Only what changed since the last run is read and written; a
 * run that was killed, at any instant, is gone on with by the next one.
 * @throws CoffreError INVALID_INPUT, CONFLICT (into itself, a circle, another prefix, an emptied source), ROLLED_BACK, LOCKED, NOT_FOUND; what ends
 * all, such as UNREACHABLE, which says how far it came
 */
export async function syncVault(request: SyncRequest): Promise<SyncReport> {
  const { source, store, job, dryRun = false, overwrite = false } = request;
  const destination = await store.identity();
  refuseItself(job, destination);
  const before = await store.record();
  refuseOtherPlace(request, before);
  // Before the first write: what is refused leaves no trace.
  if (before === undefined || dryRun) await listSource(source, job, destination);
  if (!dryRun) await store.begin();
  const outcome = { completed: false };
  try {
    const identity = await source.identity();
    const listed = await listSource(source, job, destination);
    const copies = await store.list();
    if (!request.acceptRollback) await refuseOlderSource({ source, job }, before, copies, listed.entries);
    if (!request.acceptRemovals) refuseEmptiedSource(job, listed.entries, copies);
    const plan = planSync(listed.entries, copies, { overwrite });
    if (dryRun) plan.conflicts.push(...(await takenPlaces(store, plan)));
    const report = newReport({ job, destination, dryRun, listed, plan });
    if (!dryRun) await apply(request, { identity, listed, plan, before, report });
    if (request.verify && !report.interrupted) {
      report.differences = await compare(request, listed.entries);
      report.interrupted = request.signal?.aborted === true;
    }
    outcome.completed = !report.interrupted;
    return report;
  } finally {
    if (!dryRun) await store.end(outcome);
  }
}

interface Applied {
  identity: VaultIdentity;
  listed: SourceEntries;
  plan: SyncPlan;
  before: SyncRecord | undefined;
  report: SyncReport;
}

async function apply(request: SyncRequest, { identity, listed, plan, before, report }: Applied): Promise<void> {
  const { source, store, job, signal, parallel = PARALLEL } = request;
  const isNews =
    plan.steps.length > 0 || request.acceptRollback === true || !isDeepStrictEqual(before?.prefix, job.prefix);
  if (!isNews) return;
  await store.note({ prefix: job.prefix, seen: seenOf(identity) });
  await store.prepare(listed.entries, plan.steps);
  let done = 0;
  const ended = (outcome: StepOutcome) => {
    done += 1;
    if (outcome.error) report.failures.push(failureOf(outcome.step, outcome.error));
    else count(report, outcome.step);
    request.ended?.(outcome, done, plan.steps.length);
  };
  try {
    await applyPlan(plan, { source, store, parallel, signal, ended });
  } catch (error) {
    throw cutShort(error, done, plan.steps.length);
  }
  report.interrupted = done < plan.steps.length && signal?.aborted === true;
}

/** Reads the copies afresh: what was written is compared as it stands there, not as it was sent. */
async function compare({ source, store, signal }: SyncRequest, entries: readonly SyncEntry[]) {
  return compareAll(source, store, entries, await store.list(), signal);
}

function failureOf(step: SyncStep, error: CoffreError): SyncConflict {
  const { path, entryId } = step.action === "remove" ? step.copy : { path: step.entry.path, entryId: step.entry.id };
  return { path, entryId, error };
}

async function takenPlaces(store: CopyStore, { steps }: SyncPlan): Promise<SyncConflict[]> {
  const wanted = steps.flatMap((step) => {
    if (step.action === "remove") return [];
    return step.action === "create" || step.moves ? [step.entry] : [];
  });
  const taken = await store.taken(wanted.map(({ path }) => path));
  return wanted.flatMap(({ id, path }) => {
    const holder = taken.get(pathKey(path));
    return holder === undefined ? [] : [{ path, entryId: id, error: placeTaken(path, holder) }];
  });
}

function placeTaken(path: readonly string[], holder: string): CoffreError {
  return new CoffreError("CONFLICT", `${pathKey(path)} is there already, and is somebody else's (${holder})`, {
    hint: "It is left alone. Give the copies a place of their own with --prefix, or rename one of the two.",
  });
}

function refuseItself({ source }: SyncJob, destination: Pick<VaultIdentity, "id">): void {
  if (source.id !== destination.id) return;
  throw new CoffreError("INVALID_INPUT", `Vault ${source.name} can't be synced into itself`, {
    hint: "Name another vault with --to.",
  });
}

function refuseOtherPlace({ job, move, dryRun }: SyncRequest, before: SyncRecord | undefined): void {
  if (before === undefined || move || dryRun || isDeepStrictEqual(before.prefix, job.prefix)) return;
  const name = (prefix: readonly string[]) => (prefix.length === 0 ? "at the root" : `below ${pathKey(prefix)}`);
  throw new CoffreError(
    "CONFLICT",
    `The copies from vault ${job.source.name} stand ${name(before.prefix)}, not ${name(job.prefix)}`,
    { hint: "Give the same --prefix again, or --move to bring them to the new place." },
  );
}

function cutShort(error: unknown, done: number, steps: number): unknown {
  if (!isCoffreError(error)) return error;
  const { code, problem, details, cause } = error;
  return new CoffreError(code, `${problem}; ${String(done)} of ${String(steps)} were done`, {
    hint: `${error.hint === undefined ? "" : `${error.hint} `}Run it again to go on from there.`,
    details: { ...details, done, steps },
    cause,
  });
}

/** The copies that a job has left: for whoever ends it. They are taken away, their values stay in the history. */
export async function removeCopies({
  source,
  store,
  signal,
}: Pick<SyncRequest, "source" | "store" | "signal">): Promise<{ removed: number }> {
  await store.begin();
  let removed = 0;
  let completed = false;
  try {
    const copies: Copy[] = await store.list();
    const plan = planSync([], copies, { overwrite: false });
    await store.prepare([], plan.steps);
    const ended = ({ error }: StepOutcome) => {
      if (error) throw error;
      removed += 1;
    };
    await applyPlan(plan, { source, store, parallel: PARALLEL, signal, ended });
    completed = true;
  } finally {
    await store.end({ completed });
  }
  return { removed };
}
