import { resolve } from "node:path";
import { CoffreError } from "../../core/errors.js";
import type { BackupSource, DrillIdentity } from "../../vault/embedded/embedded-vault.js";
import type { CommandDefinition, CommandInput } from "../definition.js";
import { dateText } from "../describe.js";
import { columns } from "../table.js";
import { printable } from "../terminal.js";
import { IDENTITY_FILE, readIdentities } from "./vault-identity.js";
import { RECIPIENTS, readRecipients } from "./vault-recipients.js";

export const vaultDrill: CommandDefinition = {
  name: "vault drill",
  summary: "restore a backup into a throw-away vault, and compare every field with this one",
  description: [
    "A backup that was never restored is a hope. The drill restores one into a vault that lives for the drill only, in a temporary folder of this user, sealed under a key that is nowhere, and compares every field of every row, every value and every event with the configured vault. What was changed since the backup is counted; what differs though nobody changed it is named. It changes nothing, sets nothing and logs in nowhere.",
    "Without --backup it makes a backup of its own, for an identity that only this drill has: that proves the way, not the file. With the recipients of the nightly job and --identity-file it makes it for them: that proves that the identity in the safe opens what the job writes, before anybody has to rely on it.",
  ],
  options: [
    { flags: "--backup <file>", description: "the backup that is tried (default: one that is made now)" },
    IDENTITY_FILE,
    ...RECIPIENTS,
  ],
  examples: [
    {
      command: "coffre vault drill --backup /srv/backups/prod.coffre.age --identity-file /media/safe/backup.identity",
      does: "would this backup bring the vault back?",
    },
    {
      command:
        "coffre vault drill --recipients-file /etc/coffre/recipients --identity-file /media/safe/backup.identity",
      does: "is the identity in the safe the right one for the backups to come?",
    },
    { command: "coffre vault drill", does: "does backing up and restoring work at all?" },
  ],
  json: "An object: `ok`, `takenAt`, `signer`, `signedByThisVault`, `rows` (by table), `events`, `same` (rows and blocks of the log), `fields`, `changedSince`, `differences` (`table`, `id`, `problem`), `restoreMs`, `compareMs`.",
  exits: [{ code: 1, when: "something differs though nobody changed it, or another key signed the backup" }],
  async run(context, { options }) {
    const { terminal } = context;
    const source = await sourceOf(options);
    const report = await (await context.embeddedVault()).drill(source);
    const passed = report.ok && report.signedByThisVault;
    if (context.json) {
      terminal.json(report);
      return passed ? 0 : 1;
    }
    for (const line of columns(
      report.differences.map(({ table, id, problem }) => [table, printable(id), printable(problem)]),
    )) {
      terminal.print(line);
    }
    const verdict = report.ok
      ? terminal.style("green", "agrees with the vault")
      : terminal.style("red", "differs from the vault");
    const compared = `${String(report.same)} rows and events with ${String(report.fields)} fields`;
    terminal.print(`The backup of ${dateText(report.takenAt)} ${verdict}: ${compared} were compared.`);
    terminal.print(`  restored in  ${seconds(report.restoreMs)}, compared in ${seconds(report.compareMs)}`);
    terminal.print(`  since then   ${String(report.changedSince)} rows were changed, made or removed`);
    terminal.print(`  signed by    ${report.signer}`);
    if (!report.signedByThisVault) {
      terminal.warn("Another key signed it: the vault was re-keyed or restored since, or somebody else wrote it.");
    }
    return passed ? 0 : 1;
  },
};

/** @returns `undefined` for a backup that only this drill can open. @throws CoffreError INVALID_INPUT, CONFIGURATION */
async function sourceOf(options: CommandInput["options"]): Promise<BackupSource | DrillIdentity | undefined> {
  const { backup, identityFile } = options;
  const recipients = readRecipients(options);
  if (typeof backup === "string") {
    if (recipients.length === 0) return { file: resolve(backup), identities: await readIdentities(options) };
    throw new CoffreError("INVALID_INPUT", "--backup names a backup that is there, and a recipient one to make", {
      hint: "Give one of them.",
    });
  }
  if (recipients.length > 0) return { recipients, identities: await readIdentities(options) };
  if (identityFile === undefined) return undefined;
  throw new CoffreError("INVALID_INPUT", "It has to be said which backup the identity opens", {
    hint: "Give --backup <file>, or the recipients that the drill makes one for; without --identity-file it needs neither.",
  });
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
