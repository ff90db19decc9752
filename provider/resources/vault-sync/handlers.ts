import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { CoffreError } from "../../core/errors.js";
import { jobKey } from "../../sync/job.js";
import type { SyncReport } from "../../sync/report.js";
import { removeCopies } from "../../sync/sync.js";
import type { ResourceContext } from "../context.js";
import { type CheckResult, failureOf, PartialFailure } from "../failures.js";
import { parseInputs, schemaFailures } from "../parse.js";
import type { Handlers } from "../people/handlers-of.js";
import { declarePair } from "../people/kind.js";
import { dropEmpty, hasUnknown, type Properties } from "../values.js";
import { openSync, refuseOtherVaults, runSync, whatToDo } from "./run.js";
import { parseState, pickInputs, VaultSyncInputs } from "./schema.js";

/** What a front needs of a vault's sync. */
export const vaultSyncHandlers: Handlers = {
  checkOffline,
  check,
  diffOffline: (olds, news) => ({ changes: inputsChanged(olds, news) }),
  diff,
  create,
  read,
  update,
  remove,
};

function checkOffline(news: Properties): CheckResult {
  const inputs = pickInputs(news);
  return { inputs, failures: schemaFailures(VaultSyncInputs, news) };
}

/** Says in a preview what a new sync would be refused for, and how much it would copy. */
async function check(context: ResourceContext, olds: Properties, news: Properties): Promise<CheckResult> {
  const { inputs, failures } = checkOffline(news);
  if (failures.length > 0 || hasUnknown(inputs)) return { inputs, failures };
  try {
    const opened = await openSync(context, VaultSyncInputs.parse(inputs));
    const destination = await opened.store.identity();
    declarePair(context, "sync", inputs, [jobKey(opened.job), destination.id]);
    if (typeof olds["ownerKey"] === "string") return { inputs, failures };
    tell(context, await runSync(context, opened, { dryRun: true }));
  } catch (error) {
    failures.push(failureOf(error));
  }
  return { inputs, failures };
}

/** Does the destination lack something? Asks both vaults for their lists; reads no value. */
async function diff(context: ResourceContext, _id: string, olds: Properties, news: Properties) {
  const state = parseState(olds);
  const inputs = pickInputs(news);
  if (hasUnknown(inputs)) return { changes: true };
  const opened = await openSync(context, VaultSyncInputs.parse(inputs));
  await refuseOtherVaults(state, opened);
  const report = await runSync(context, opened, { dryRun: true });
  tell(context, report);
  const changes = inputsChanged(olds, news) || whatToDo(report) !== undefined || state.status === "unfinished";
  return { changes };
}

async function create(context: ResourceContext, news: Properties) {
  const inputs = parseInputs(VaultSyncInputs, pickInputs(news));
  const opened = await openSync(context, inputs);
  const destination = await opened.store.identity();
  const digest = createHash("sha256")
    .update(`${jobKey(opened.job)} ${destination.id}`)
    .digest("hex");
  const id = `sync-${digest.slice(0, 22)}`;
  return { id, outs: await reach(context, id, inputs, opened) };
}

async function update(context: ResourceContext, id: string, olds: Properties, news: Properties) {
  const inputs = parseInputs(VaultSyncInputs, pickInputs(news));
  const state = parseState(olds);
  const opened = await openSync(context, inputs);
  await refuseOtherVaults(state, opened);
  const outs = await reach(context, id, inputs, opened);
  // The copies of the new category stand by now, so that no machine finds nothing in between.
  if (state.categoryId !== inputs.categoryId && state.onDelete === "remove") await remove(context, id, olds);
  return { outs };
}

/** @throws PartialFailure if entries could not be copied; a place that somebody else holds is a warning */
async function reach(
  context: ResourceContext,
  id: string,
  inputs: VaultSyncInputs,
  opened: Awaited<ReturnType<typeof openSync>>,
): Promise<Record<string, unknown>> {
  const report = await runSync(context, opened, { dryRun: false });
  const failed = report.failures.filter(({ error }) => error.code !== "CONFLICT");
  const done = failed.length === 0 && !report.interrupted;
  const outs = dropEmpty({
    ...inputs,
    source: report.source.id,
    destination: report.destination.id,
    copied: report.created + report.updated + report.moved + report.unchanged,
    digest: report.digest,
    status: done ? "done" : "unfinished",
  });
  for (const { error } of report.failures) if (error.code === "CONFLICT") context.notify(error.message);
  if (done) return outs;
  const cause =
    failed[0]?.error ?? new CoffreError("INTERRUPTED", "The sync was interrupted", { hint: "Run `pulumi up` again." });
  throw new PartialFailure(id, outs, cause);
}

/** A refresh finds nothing that a diff doesn't find. @throws CoffreError WRONG_VAULT */
async function read(context: ResourceContext, id: string, props: Properties) {
  const state = parseState(props);
  const inputs = VaultSyncInputs.safeParse(pickInputs(props)).data;
  if (!inputs) {
    throw new CoffreError("NOT_SUPPORTED", "A VaultSync can't be looked up or imported", {
      hint: "Declare it: the copies that stand there already are found by what they say themselves.",
    });
  }
  await refuseOtherVaults(state, await openSync(context, inputs));
  return { id, props: dropEmpty({ ...state }) };
}

async function remove(context: ResourceContext, _id: string, props: Properties): Promise<void> {
  const state = parseState(props);
  if (state.onDelete !== "remove") return;
  const opened = await openSync(context, parseInputs(VaultSyncInputs, pickInputs(props)));
  await refuseOtherVaults(state, opened);
  await removeCopies(opened);
}

function inputsChanged(olds: Properties, news: Properties): boolean {
  return !isDeepStrictEqual(pickInputs(olds), pickInputs(news));
}

function tell(context: ResourceContext, report: SyncReport): void {
  const words = whatToDo(report);
  if (words !== undefined) context.notify(words);
  for (const { error } of report.failures) context.notify(error.message);
}
