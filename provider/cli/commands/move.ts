import type { ExchangeNote } from "../../exchange/entry.js";
import { moveEntries, type MoveReport } from "../../exchange/move.js";
import { findTypedCategory } from "../category.js";
import { collect } from "../../core/collect.js";
import type { CommandContext } from "../context.js";
import type { CommandDefinition } from "../definition.js";
import { noteLine, noteShape } from "../exchange.js";
import { printable } from "../terminal.js";
import { BOTH_KEYS, openBoth } from "../two-vaults.js";

const CONFLICT = 5;

export const move: CommandDefinition = {
  name: "move",
  summary: "bring entries to another vault for good, and take them away here once every field was compared",
  description: [
    "Copies each entry with its fields, its history and its categories (with their descriptions and policies), at the same path. Then both vaults are read afresh and every version of every field is compared. Only when nothing differs is anything taken away here: the entries are archived, so that their values stay readable by id, and categories that are empty go.",
    "Killed at any instant, or stopped by Ctrl-C, it is gone on with by the next run. While the place of an entry is taken in the destination by another one, nothing is copied; --dry-run lists all that.",
    "Entries that somebody works on elsewhere stay, and are listed with the reason: those with targets (their password is set from here), with a pending version, of a stack, and admins of others. Copies get dates of their own; the original's stands in each version's cause. Grants, what makes a category read-only or ends it, hooks and the event log don't move.",
    "A KeePass file is only read: move out of it with --keep, which copies and compares, and takes nothing away.",
  ],
  options: [
    { flags: "--from <vault>", description: "the source: a URL or a configured name (default: the vault in force)" },
    { flags: "--to <vault>", description: "the destination: a URL or a configured name" },
    { flags: "--category <category>", description: "only this category of the source and what is below it" },
    ...BOTH_KEYS,
    { flags: "--keep", description: "take nothing away in the source" },
    { flags: "--dry-run", description: "only say what would be done: no value is read, nothing is written" },
  ],
  examples: [
    {
      command: "coffre move --to file:///srv/coffre/robots.db --to-key-file robots.key --category Partners --dry-run",
      does: "what a move of one category would do",
    },
    {
      command: "coffre move --to file:///srv/coffre/robots.db --to-key-file robots.key --category Partners",
      does: "one category, with the proof",
    },
  ],
  json: "An object: `source` and `destination` (`id`, `name`), `dryRun`, `copied` (paths), `proven` and `removed` (how many), and `stays`, `notes`, `differences` (`where`, `field`, `what`).",
  exits: [{ code: 5, when: "a copy differs, or a place is taken: nothing was taken away in the source" }],
  async run(context, input) {
    const { terminal, signal } = context;
    const { options } = input;
    const { source, destination } = await openBoth(context, input);
    const category = options["category"];
    const dryRun = options["dryRun"] === true;
    const report = await moveEntries({
      source,
      destination,
      ...(typeof category === "string"
        ? { category: findTypedCategory(await collect(source.listCategories()), category).path }
        : {}),
      keep: options["keep"] === true,
      dryRun,
      signal,
      progress: (doing, done, all) => terminal.status(`${doing}: ${String(done)} of ${String(all)} done`),
    });
    terminal.clearStatus();
    if (context.json) {
      const { stays, notes, differences, ...others } = report;
      const shapes = (all: readonly ExchangeNote[]) => all.map(noteShape);
      terminal.json({
        ...others,
        dryRun,
        stays: shapes(stays),
        notes: shapes(notes),
        differences: shapes(differences),
      });
    } else print(context, report, dryRun);
    return report.differences.length > 0 ? CONFLICT : 0;
  },
};

function print({ terminal }: CommandContext, report: MoveReport, dryRun: boolean): void {
  if (dryRun && report.differences.length === 0)
    for (const path of report.copied) terminal.print(`moves     ${printable(path)}`);
  for (const note of report.stays) terminal.print(`stays     ${noteLine(note)}`);
  for (const note of report.notes) terminal.print(`not moved ${noteLine(note)}`);
  for (const difference of report.differences) terminal.complain(`differs   ${noteLine(difference)}`);
  const way = `${report.source.name} to ${report.destination.name}`;
  if (report.proven === 0 && report.differences.length > 0)
    terminal.print(`${way}: nothing ${dryRun ? "would move" : "was moved"}.`);
  else if (dryRun) terminal.print(`${way}: ${String(report.copied.length)} would move.`);
  else
    terminal.print(
      `${way}: ${String(report.proven)} copied and the same in every field, ${String(report.removed)} taken away from ${report.source.name}.`,
    );
}
