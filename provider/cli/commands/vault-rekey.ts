import type { CommandDefinition } from "../definition.js";
import { dateText, KEY_HOLDER_READS_ALL, slotKindText } from "../describe.js";
import { columns } from "../table.js";
import { printable } from "../terminal.js";

export const vaultRekey: CommandDefinition = {
  name: "vault rekey",
  summary: "seal everything under a new data key, so that older copies and removed keys open nothing new",
  description: [
    "Draws a new data key and seals every row, every event and every key slot under it, in one transaction: killed in the middle, the vault is what it was. All keys that open the vault go on doing so, also those of people who aren't there; --drop lets some go at the same time.",
    "Use it after a key was lost or somebody left: a removed key still opens older copies of the file, but with what is in them nothing opens this file any more. The values that were in those copies are known to whoever had the key: rotate them (`coffre rotate`).",
    "The backup key changes with it: older backups are restored only with `--signed-by` and the earlier one. Every process that has the vault open is told to start again; it is refused while somebody rotates.",
  ],
  options: [{ flags: "--drop <label...>", description: "keys that don't open it any more, by label or id" }],
  examples: [
    { command: "coffre vault rekey", does: "everything under a new data key" },
    { command: "coffre vault rekey --drop runner-3", does: "a runner was lost, and its key with it" },
  ],
  json: "An object: `keyNumber`, `slots` and `dropped` (`id`, `label`, `kind`, `createdAt`), `signer` (the new backup key).",
  exits: [
    { code: 3, when: "there is no such key" },
    { code: 5, when: "no key would be left, or somebody rotates" },
  ],
  async run(context, { options }) {
    const { terminal } = context;
    const named = options["drop"];
    const drop = Array.isArray(named) ? named.filter((each) => typeof each === "string") : [];
    const report = await (await context.embeddedVault()).rekey({ drop });
    if (context.json) {
      terminal.json(report);
      return;
    }
    terminal.print(`The vault is sealed under a new data key (number ${String(report.keyNumber)}).`);
    const rows = [
      ...report.slots.map((slot) => ({ ...slot, says: terminal.style("green", "opens it") })),
      ...report.dropped.map((slot) => ({ ...slot, says: terminal.style("yellow", "dropped") })),
    ].map(({ label, kind, createdAt, says }) => [
      `  ${terminal.style("bold", printable(label))}`,
      slotKindText(kind),
      `since ${dateText(createdAt)}`,
      says,
    ]);
    for (const line of columns(rows)) terminal.print(line);
    terminal.print(`  backup key  ${report.signer}`);
    terminal.note("Do you know all of them? A key that nobody knows is let go by `coffre vault key remove`.");
    terminal.note("Make a backup now: earlier ones are signed by the earlier backup key.");
    terminal.note(KEY_HOLDER_READS_ALL);
  },
};
