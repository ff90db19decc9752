import { CoffreError, type ErrorCode, isCoffreError } from "../core/errors.js";
import { limitConcurrency } from "../core/limit.js";
import type { Vault } from "../vault/port.js";
import type { Copy, CopyStore } from "./copy-store.js";
import { orderMoves, type SyncPlan, type SyncStep } from "./plan.js";
import { readValues } from "./source.js";

/** So many entries are read at once: one event in the source's log, and that many values in memory. */
const BATCH = 100;

/** After these nothing else would go better. */
const ENDS_ALL: readonly ErrorCode[] = [
  "UNREACHABLE",
  "TLS_NOT_TRUSTED",
  "FORBIDDEN",
  "READ_ONLY",
  "DISK_FULL",
  "WRONG_KEY",
  "VAULT_MISSING",
];

/** How a step came out. */
export interface StepOutcome {
  step: SyncStep;
  /** Missing if it went well. */
  error?: CoffreError;
}

/** What applying needs. */
export interface Applying {
  source: Vault;
  store: CopyStore;
  /** So many writes at a time. */
  parallel: number;
  /** Once aborted nothing new is begun. */
  signal: AbortSignal | undefined;
  /** Told each step that has ended. */
  ended: (outcome: StepOutcome) => void;
}

/**
 * Does what the plan says: what leaves first, then what moves, then what is new. A step that fails doesn't stop the
 * others, unless none of them could do better.
 * @throws CoffreError LOCKED if another run has taken over; what ends all, such as UNREACHABLE, once what was begun has ended
 */
export async function applyPlan({ steps }: SyncPlan, applying: Applying): Promise<void> {
  const { store } = applying;
  const removals = steps.filter((step) => step.action === "remove");
  await inBatches(removals, applying, (batch) =>
    allOf(batch, applying, (step) => attempt(step, applying, () => store.remove(step.copy), ended)),
  );
  const stuck = await moveAll(steps, applying);
  const puts = steps.filter((step) => step.action === "create" || step.action === "update");
  const ready = puts.filter((step) => !stuck.has(step));
  await inBatches(ready, applying, (batch) => putBatch(batch, applying));
}

type Put = SyncStep & { action: "create" | "update" };

async function putBatch(batch: readonly Put[], applying: Applying): Promise<void> {
  const { source, store } = applying;
  const wanted = batch.map((step) => ({ entry: step.entry, fields: store.wanted(step.entry, copyOf(step)) }));
  const read = await readValues(source, wanted);
  const items = batch.map((step, index) => ({ step, values: read[index] }));
  await allOf(items, applying, ({ step, values }) => {
    const work = () =>
      values instanceof Map ? store.put(step.entry, values, copyOf(step)) : Promise.reject(asError(values));
    return attempt(step, applying, work, ended);
  });
}

function copyOf(step: Put): Copy | undefined {
  return step.action === "update" ? step.copy : undefined;
}

/** One after the other, since one makes room for the next. @returns the steps that stand where they shouldn't */
async function moveAll(steps: readonly SyncStep[], applying: Applying): Promise<Set<SyncStep>> {
  const { store, signal } = applying;
  const stuck = new Set<SyncStep>();
  for (const { step, to } of orderMoves(steps)) {
    if (signal?.aborted) break;
    if (stuck.has(step)) continue;
    await store.hold();
    const isThere = to === step.entry.path;
    const work = () => store.move(step.copy, { ...step.entry, path: [...to] });
    const moved = await attempt(step, applying, work, isThere && step.action === "move" ? ended : undefined);
    if (!moved) stuck.add(step);
  }
  return stuck;
}

/** Several at a time. A failure that ends all lets what is under way end first. */
async function allOf<Item>(
  items: readonly Item[],
  { parallel, signal }: Applying,
  work: (item: Item) => Promise<unknown>,
): Promise<void> {
  const limit = limitConcurrency(parallel);
  const failures: unknown[] = [];
  const run = async (item: Item) => {
    if (failures.length > 0 || signal?.aborted) return;
    try {
      await work(item);
    } catch (error) {
      failures.push(error);
    }
  };
  await Promise.all(items.map((item) => limit(() => run(item))));
  if (failures.length > 0) throw failures[0];
}

async function inBatches<Item>(
  items: readonly Item[],
  { store, signal }: Applying,
  work: (batch: readonly Item[]) => Promise<void>,
): Promise<void> {
  for (let at = 0; at < items.length; at += BATCH) {
    if (signal?.aborted) return;
    await store.hold();
    await work(items.slice(at, at + BATCH));
  }
}

type Told = (outcome: StepOutcome, applying: Applying) => void;

const ended: Told = (outcome, applying) => applying.ended(outcome);

/** @returns whether it went well. @throws what ends all, and what is no failure of the step */
async function attempt(
  step: SyncStep,
  applying: Applying,
  work: () => Promise<void>,
  tell: Told | undefined,
): Promise<boolean> {
  try {
    await work();
  } catch (error) {
    if (!isCoffreError(error) || ENDS_ALL.includes(error.code)) throw error;
    applying.ended({ step, error });
    return false;
  }
  tell?.({ step }, applying);
  return true;
}

function asError(values: unknown): Error {
  return values instanceof Error ? values : new CoffreError("BAD_RESPONSE", "The source gave no answer for an entry");
}
