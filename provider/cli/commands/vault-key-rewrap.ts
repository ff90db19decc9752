import { CoffreError } from "../../core/errors.js";
import type { CommandDefinition } from "../definition.js";

export const vaultKeyRewrap: CommandDefinition = {
  name: "vault key rewrap",
  summary: "wrap a key slot by the newest version of its transit key",
  description: [
    "After a transit key was rotated on its server, has the slot that it opens wrapped by the newest version. Afterwards `min_decryption_version` may be raised there: then older copies of the vault's file, which are wrapped by earlier versions, don't open with that key any more. Nothing else in the vault changes.",
  ],
  arguments: [{ name: "<label>", description: "the slot's label or id, from `coffre vault key list`" }],
  examples: [
    {
      command: "coffre vault key rewrap runners --transit-key 'vault+https://vault.example.com/transit?key=coffre'",
      does: "after the key was rotated there; without the option COFFRE_TRANSIT_KEY names it",
    },
  ],
  json: "An object: `id`, `label`, `kind`, `createdAt`.",
  exits: [
    { code: 3, when: "there is no such slot" },
    { code: 4, when: "the server refuses, or the transit key is another slot's" },
    { code: 5, when: "the slot opens with no transit key, or was changed meanwhile" },
  ],
  async run(context, { args: [label = ""] }) {
    const transit = await context.configuredTransitKey();
    if (!transit) {
      throw new CoffreError("CONFIGURATION", "No transit key is configured", {
        hint: "Give --transit-key, or set COFFRE_TRANSIT_KEY: vault+https://host:8200/<mount>?key=<name>.",
      });
    }
    const slot = await (await context.embeddedVault()).rewrapSlot(label, transit);
    if (context.json) {
      context.terminal.json(slot);
      return;
    }
    context.terminal.print(
      `The key ${context.terminal.style("bold", slot.label)} is wrapped by its transit key's newest version.`,
    );
  },
};
