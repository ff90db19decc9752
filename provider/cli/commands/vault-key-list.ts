import type { CommandDefinition } from "../definition.js";
import { dateText, KEY_HOLDER_READS_ALL, slotKindText } from "../describe.js";
import { columns } from "../table.js";
import { printable } from "../terminal.js";

export const vaultKeyList: CommandDefinition = {
  name: "vault key list",
  summary: "list the keys that open the vault",
  description: ["Lists the key slots: label, kind, since when, and which of them opened the vault just now."],
  examples: [{ command: "coffre vault key list", does: "who can open it?" }],
  json: "An array of `id`, `label`, `kind`, `createdAt`, `opened`.",
  async run(context) {
    const { terminal } = context;
    const slots = await (await context.embeddedVault()).listSlots();
    if (context.json) {
      terminal.json(slots);
      return;
    }
    const rows = slots.map(({ label, kind, createdAt, opened }) => [
      terminal.style("bold", printable(label)),
      slotKindText(kind),
      `since ${dateText(createdAt)}`,
      opened ? "opened it now" : "",
    ]);
    for (const line of columns(rows)) terminal.print(line);
    terminal.note(KEY_HOLDER_READS_ALL);
  },
};
