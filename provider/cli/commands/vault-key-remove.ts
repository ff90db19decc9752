import type { CommandDefinition } from "../definition.js";

export const vaultKeyRemove: CommandDefinition = {
  name: "vault key remove",
  summary: "let a key not open the vault any more",
  description: [
    "Removes a key slot by its label or id. The last one can't be removed. Copies of the file that were made before still open with the removed key: if it is in wrong hands, `coffre vault rekey` seals everything under another data key, and the passwords that it could read are rotated (`coffre rotate`).",
  ],
  arguments: [{ name: "<label>", description: "the key's label or id, from `coffre vault key list`" }],
  examples: [{ command: "coffre vault key remove runner-3", does: "a runner was taken down" }],
  json: "An object: `id`, `label`, `kind`, `createdAt`, `note`.",
  exits: [
    { code: 3, when: "there is no such key" },
    { code: 5, when: "it is the last one, or several have the label" },
  ],
  async run(context, { args: [label = ""] }) {
    const { terminal } = context;
    const { slot, note } = await (await context.embeddedVault()).removeSlot(label);
    if (context.json) {
      terminal.json({ ...slot, note });
      return;
    }
    terminal.print(`The key ${terminal.style("bold", slot.label)} doesn't open the vault any more.`);
    terminal.note(note);
  },
};
