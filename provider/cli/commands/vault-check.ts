import type { CommandDefinition } from "../definition.js";
import { columns } from "../table.js";
import { printable } from "../terminal.js";

export const vaultCheck: CommandDefinition = {
  name: "vault check",
  summary: "read the whole vault and say whether anything was changed, cut or lost",
  description: [
    "Opens every row of the vault and compares all of them with the event log, whose entries are chained under a key of the vault: a row that was altered, moved, removed or put back is named. It changes nothing.",
    "Reading notices by itself what was altered, moved or removed. A row that was put back whole, as it was earlier, is by itself as good as any: only this check finds it, so run it now and then, and after somebody had the file.",
    "At the end it prints the head: the proof of the newest event. Note it in another place; `--head` with it proves later that everything up to that event is still there, so that an older copy of the file can't take its place unnoticed.",
  ],
  options: [{ flags: "--head <head>", description: "a head that was printed earlier: it must still be in the log" }],
  examples: [
    { command: "coffre vault check", does: "is the file as it was written?" },
    {
      command: "coffre vault check --head 421:0f3a52c17b9e4d08a6b1c2d3e4f50617",
      does: "is what was there in March still there?",
    },
  ],
  json: "An object: `ok`, `damage` (`table`, `id`, `problem`), `rows`, `events`, `head`, `headFound` (`null` without --head).",
  exits: [{ code: 1, when: "something isn't as it was written" }],
  async run(context, { options }) {
    const { terminal } = context;
    const vault = await context.embeddedVault();
    const report = await vault.check(typeof options["head"] === "string" ? { head: options["head"] } : {});
    if (context.json) {
      terminal.json({ ...report, headFound: report.headFound ?? null });
      return report.ok ? 0 : 1;
    }
    for (const line of columns(
      report.damage.map(({ table, id, problem }) => [table, printable(id), printable(problem)]),
    )) {
      terminal.print(line);
    }
    const verdict = report.ok ? terminal.style("green", "whole") : terminal.style("red", "damaged");
    terminal.print(`The vault is ${verdict}: ${String(report.rows)} rows, ${String(report.events)} events.`);
    if (report.headFound === true) terminal.print("The head that was noted is in it.");
    terminal.print(`head  ${report.head}`);
    if (!report.ok) terminal.note("Keep this file as it is, and go on with a copy from before: docs/operation.md.");
    return report.ok ? 0 : 1;
  },
};
