import { checkName } from "../../core/name.js";
import { copiesIn } from "../../sync/copies-in.js";
import type { SyncJob } from "../../sync/job.js";
import type { SyncStep } from "../../sync/plan.js";
import type { SyncReport } from "../../sync/report.js";
import { syncVault } from "../../sync/sync.js";
import type { Vault } from "../../vault/port.js";
import { findTypedCategory } from "../category.js";
import { collect } from "../../core/collect.js";
import type { CommandContext } from "../context.js";
import type { CommandDefinition } from "../definition.js";
import { errorShape } from "../error-shape.js";
import { parseCount } from "../reference.js";
import { printable } from "../terminal.js";
import { BOTH_KEYS, openBoth } from "../two-vaults.js";

const CONFLICT = 5;

export const sync: CommandDefinition = {
  name: "sync",
  summary: "copy entries to another vault, one way: what is new, changed, moved or gone there since the last time",
  description: [
    "Keeps copies of a vault's entries, or of one category's, in another vault: people and Coffre work in the first, machines read the second. One direction only. Each entry stands there at its own path, below --prefix, with its user name, address, note, tags, password and fields; policies, rhythms, targets, grants and earlier versions stay at home. Nothing is rotated over there.",
    "Only what changed since the last run is read and written. Renamed and moved entries and categories move along, archived and deleted ones are archived there. What anybody else keeps in the destination is never touched: an entry of theirs at the place of a copy, or a value that somebody gave a copy, is reported and left alone.",
    "Only current values travel. While an entry is rotating its copy is what was current before; run it again once that is done. So a copy is as late as the time between two runs: a machine that is refused with the value it has read asks again, and the value before stands in the destination's history.",
    "Killed at any instant, or stopped by Ctrl-C, it is gone on with by the next run. Two runs of the same sync don't work at once. A vault that is itself the destination of the other is refused, and so is a source that is older than what was copied from it. A source in which all entries that were copied, or most of ten and more, are gone is refused too, until --accept-removals says that they are meant to go.",
    "Vaults are named by URL, or by the name that `vaults:` in `coffre.yaml` (or the stack's `coffre:vaults`) gives them. One that names no key of its own is opened with the key in force.",
  ],
  options: [
    { flags: "--from <vault>", description: "the source: a URL or a configured name (default: the vault in force)" },
    { flags: "--to <vault>", description: "the destination: a URL or a configured name" },
    { flags: "--category <category>", description: "only this category of the source and what is below it" },
    { flags: "--prefix <path>", description: "the category of the destination below which the copies stand" },
    ...BOTH_KEYS,
    { flags: "--dry-run", description: "only say what would be done: no value is read, nothing is written" },
    { flags: "--verify", description: "then read every value of both sides, and compare each field of each entry" },
    { flags: "--move", description: "bring the copies to another --prefix than the last run's" },
    { flags: "--overwrite", description: "replace values that somebody gave a copy; theirs stay in its history" },
    { flags: "--accept-rollback", description: "go on from a source that was restored, as it is now" },
    { flags: "--accept-removals", description: "take copies away though most of the source's entries are gone" },
    { flags: "--parallel <number>", description: "so many writes at a time (default 8)" },
  ],
  examples: [
    {
      command: "coffre sync --to file:///srv/coffre/robots.db --to-key-file robots.key",
      does: "everything, into another file",
    },
    {
      command: "coffre sync --to file:///srv/coffre/robots.db --to-key-file robots.key --category Databases --dry-run",
      does: "what a sync of one category would do",
    },
    {
      command: "coffre sync --to file:///srv/coffre/robots.db --to-key-file robots.key --prefix Mirror --verify",
      does: "below a category of its own, with the proof that every field of every entry is the same",
    },
  ],
  json: "An object: `source` and `destination` (`id`, `name`), `dryRun`, the numbers `created`, `updated`, `moved`, `removed`, `unchanged`, `waiting` (no value yet), `copies` (copies of other vaults, which stay where they are), `rotating`; `steps` (`action`, `path`, `id`), `failures` (`path`, `id`, `error`), `differences` (`path`, `id`, `what`; `null` without --verify), `interrupted`.",
  exits: [
    {
      code: 5,
      when: "something was left alone that somebody else holds or changed; the source was emptied; or another run is at work",
    },
    { code: 6, when: "the source is older than what was copied from it" },
    { code: 1, when: "a vault didn't answer, an entry couldn't be copied, or --verify found a difference" },
  ],
  async run(context, input) {
    const { options } = input;
    const { source, destination } = await openBoth(context, input);
    const job = await jobOf(source, text(options["category"]), text(options["prefix"]));
    const { terminal, signal } = context;
    const overwrite = options["overwrite"] === true;
    const report = await syncVault({
      source,
      store: await copiesIn(destination, job, { clock: context.clock, overwrite }),
      job,
      dryRun: options["dryRun"] === true,
      verify: options["verify"] === true,
      move: options["move"] === true,
      overwrite,
      acceptRollback: options["acceptRollback"] === true,
      acceptRemovals: options["acceptRemovals"] === true,
      ...(options["parallel"] === undefined ? {} : { parallel: parseCount("--parallel", options["parallel"]) }),
      signal,
      ended: (_outcome, done, steps) => terminal.status(`syncing: ${String(done)} of ${String(steps)} done`),
    });
    terminal.clearStatus();
    if (context.json) terminal.json(reportShape(report));
    else print(context, report);
    return exitCodeOf(report);
  },
};

async function jobOf(source: Vault, category: string | undefined, prefix: string | undefined): Promise<SyncJob> {
  const { id, name } = await source.identity();
  const categoryId =
    category === undefined ? null : findTypedCategory(await collect(source.listCategories()), category).id;
  const names = (prefix ?? "").split("/").filter((one) => one !== "");
  return { source: { id, name }, categoryId, prefix: names.map((one) => checkName("category", one)) };
}

const text = (value: unknown) => (typeof value === "string" ? value : undefined);

const WORDS = { create: "new", update: "changed", move: "moved", remove: "gone" } as const;

function print({ terminal }: CommandContext, report: SyncReport): void {
  const failed = new Set(report.failures.map(({ entryId }) => entryId));
  if (report.dryRun) {
    for (const step of report.steps) {
      if (!failed.has(idOf(step))) terminal.print(`${WORDS[step.action].padEnd(8)} ${stepText(step)}`);
    }
  }
  for (const { path, error } of report.failures) {
    const { problem, hint } = errorShape(error);
    const line = problem.includes(shown(path)) ? problem : `${shown(path)}: ${problem}`;
    terminal.complain(`failed   ${line}${hint === null ? "" : `\n         ${hint}`}`);
  }
  for (const { path, what } of report.differences ?? []) terminal.complain(`differs  ${shown(path)}: ${what}`);
  terminal.print(summaryOf(report));
  if (report.rotating > 0) {
    terminal.note(
      `${many(report.rotating, "entry is", "entries are")} rotating: copied as before it. Sync again after.`,
    );
  }
  if (report.copies > 0) {
    terminal.note(
      `${many(report.copies, "entry is itself a copy", "entries are themselves copies")}, and not copied on.`,
    );
  }
  if (report.interrupted) terminal.note("Interrupted; run it again to go on.");
}

function summaryOf({ created, updated, moved, removed, unchanged, ...report }: SyncReport): string {
  const counted = Object.entries({ new: created, changed: updated, moved, gone: removed, unchanged });
  const numbers = counted.flatMap(([word, number]) => (number > 0 ? [`${String(number)} ${word}`] : []));
  const way = `${report.source.name} to ${report.destination.name}`;
  const proof =
    report.differences === undefined
      ? ""
      : report.differences.length === 0
        ? "; every field of every entry is the same"
        : `; ${many(report.differences.length, "difference", "differences")}`;
  const nothing = report.interrupted || report.failures.length > 0 ? "nothing copied" : "nothing to copy";
  return `${way}: ${numbers.length === 0 ? nothing : numbers.join(", ")}${proof}.`;
}

function stepText(step: SyncStep): string {
  if (step.action === "remove") return shown(step.copy.path);
  const moves = step.action !== "create" && step.moves;
  return moves ? `${shown(step.copy.path)} -> ${shown(step.entry.path)}` : shown(step.entry.path);
}

function reportShape({ steps, failures, differences, digest: _digest, ...numbers }: SyncReport) {
  return {
    ...numbers,
    steps: steps.map((step) => ({
      action: step.action,
      path: (step.action === "remove" ? step.copy : step.entry).path.join("/"),
      id: idOf(step),
    })),
    failures: failures.map(({ path, entryId, error }) => ({
      path: path.join("/"),
      id: entryId,
      error: errorShape(error),
    })),
    differences: differences?.map(({ path, entryId, what }) => ({ path: path.join("/"), id: entryId, what })) ?? null,
  };
}

function exitCodeOf({ failures, differences }: SyncReport): number {
  const codes = new Set(failures.map(({ error }) => error.exitCode));
  if (codes.size === 0) return (differences ?? []).length > 0 ? 1 : 0;
  return codes.size === 1 && codes.has(CONFLICT) ? CONFLICT : 1;
}

const idOf = (step: SyncStep) => (step.action === "remove" ? step.copy.entryId : step.entry.id);
const shown = (path: readonly string[]) => printable(path.join("/"));
const many = (number: number, one: string, several: string) => `${String(number)} ${number === 1 ? one : several}`;
