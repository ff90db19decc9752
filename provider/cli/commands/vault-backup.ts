import { resolve } from "node:path";
import { CoffreError } from "../../core/errors.js";
import type { CommandDefinition } from "../definition.js";
import { dateText } from "../describe.js";
import { parseCount } from "../reference.js";
import { printable } from "../terminal.js";
import { RECIPIENTS, readRecipients } from "./vault-recipients.js";

export const vaultBackup: CommandDefinition = {
  name: "vault backup",
  summary: "write an encrypted backup, while the vault is in use",
  description: [
    "Writes the whole vault, with all versions of all values and the event log, into one age file for its recipients: one consistent moment, whoever writes meanwhile. The file is written under another name, synced, read back, and only then gets its own: `<vault>-<id>-<time>.coffre.age`, mode 0600.",
    "Whoever has the identity of one recipient reads everything in it, without any key of the vault. Make an identity on the machine that would restore (`age-keygen -o backup.identity`), give its recipient (`age1…`) here, and keep the identity away from the backups.",
    "--keep removes older backups of this very vault, and nothing else, once the new one stands. The backup key that is printed is what `coffre vault restore --signed-by` asks for: note it beside the identity.",
    "Files that people deposited in drop-boxes aren't in it: they lie sealed in a folder beside the vault's file, `<file>.files/`, for any tool that copies what is new. Copy it with each backup, after it.",
  ],
  options: [
    { flags: "--to <folder>", description: "where it goes; the folder is made if it is missing" },
    ...RECIPIENTS,
    {
      flags: "--keep <number>",
      description: "so many backups of this vault stay, the new one included (default: all)",
    },
  ],
  examples: [
    {
      command: "coffre vault backup --to /srv/backups --keep 14 --recipients-file /etc/coffre/recipients",
      does: "for a nightly job",
    },
    {
      command:
        "coffre vault backup --to /srv/backups --recipient age10g9r9f63a2aaplzpgayynh9xq2vtrgylzxad3efy9epe25sd73ms7vhj9l",
      does: "for one recipient",
    },
  ],
  json: "An object: `file`, `bytes`, `sha256` (of the file), `takenAt`, `rows` (by table), `events`, `head` (see `coffre vault check`), `signer` (the backup key), `removed` (names).",
  exits: [{ code: 1, when: "the vault is damaged, or the folder can't be written; no older backup was removed" }],
  async run(context, { options }) {
    const { terminal } = context;
    if (typeof options["to"] !== "string") {
      throw new CoffreError("INVALID_INPUT", "It has to be said where the backup goes", {
        hint: "Give --to <folder>.",
      });
    }
    const keep = options["keep"] === undefined ? undefined : parseCount("--keep", options["keep"]);
    const recipients = readRecipients(options);
    const vault = await context.embeddedVault();
    const to = resolve(options["to"]);
    const report = await vault.backup({ to, recipients, ...(keep === undefined ? {} : { keep }) });
    if (context.json) {
      terminal.json(report);
      return;
    }
    const { name } = await vault.identity();
    const entries = report.rows["credential"] ?? 0;
    terminal.print(`The vault ${terminal.style("bold", name)} is backed up, as of ${dateText(report.takenAt)}.`);
    terminal.print(`  file        ${printable(report.file)} (${String(report.bytes)} bytes)`);
    terminal.print(`  sha256      ${report.sha256}`);
    terminal.print(`  content     ${String(entries)} credentials, ${String(report.events)} events`);
    terminal.print(`  backup key  ${report.signer}`);
    for (const removed of report.removed) terminal.print(`  removed     ${printable(removed)}`);
    terminal.note("`coffre vault drill --backup <file> --identity-file <path>` proves that it can be restored.");
  },
};
