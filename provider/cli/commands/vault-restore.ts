import { rmSync } from "node:fs";
import { homedir } from "node:os";
import { basename, extname, resolve } from "node:path";
import { parseVaultUrl } from "../../config/index.js";
import { CoffreError } from "../../core/errors.js";
import type { RestoreReport } from "../../vault/embedded/embedded-vault.js";
import type { CommandContext } from "../context.js";
import type { CommandDefinition, CommandInput } from "../definition.js";
import { dateText } from "../describe.js";
import { askYes } from "../prompt.js";
import { printable } from "../terminal.js";
import { REFUSED_SECRET_OPTIONS, refuseSecretOptions } from "../usage.js";
import { IDENTITY_FILE, readIdentities } from "./vault-identity.js";
import { chooseKey } from "./vault-new-key.js";

export const vaultRestore: CommandDefinition = {
  name: "vault restore",
  summary: "bring back what a backup holds: into a new file, or into the vault itself",
  description: [
    "Reads and checks the whole backup first: one that is cut, altered, for another recipient, of another vault, or of a newer release is refused before anything is changed.",
    "--into makes a new vault's file, with a key of its own (--key-file, made if it is missing; --passphrase-file; --ask-passphrase). It is the same vault: states and references go on with it. Give --signed-by with the backup key that you noted, so that nobody's forgery is taken.",
    "--in-place makes the configured vault what it was, in one transaction: its file is never replaced, its keys stay, its event log goes on. It is refused while somebody rotates, and for a backup that this vault didn't sign. Every process that has the vault open is told to start again. Since everything that was changed after the backup is undone, it is asked for on a terminal, and refused elsewhere unless --yes is given. No password that a target may have is lost: newer ones stay as earlier versions, and entries with targets that the backup lacks are archived.",
    "What was restored may be older than what the targets have. So every credential needs attention, and nothing is set or rotated, until `coffre verify --all` has found that a target agrees, or `coffre resolve` has said what holds. Rights and memberships are those of the backup as well: `coffre access` shows who may read what.",
  ],
  arguments: [{ name: "<file>", description: "the backup" }],
  options: [
    IDENTITY_FILE,
    { flags: "--into <url>", description: "a new file, for example file:///srv/coffre/prod.db" },
    { flags: "--in-place", description: "the configured vault itself" },
    { flags: "--signed-by <key>", description: "the backup key that must have signed it: coffre-backup-key-1:…" },
    { flags: "--yes", description: "with --in-place: undo what came after the backup, without a question" },
    { flags: "--ask-passphrase", description: "with --into: a passphrase, typed twice, instead of a key file" },
    ...REFUSED_SECRET_OPTIONS.filter(({ flags }) => !flags.startsWith("--key ")),
  ],
  examples: [
    {
      command:
        "coffre vault restore /srv/backups/prod.coffre.age --identity-file /media/safe/backup.identity --into file:///srv/restored/prod.db --key-file /etc/coffre/restored.key",
      does: "the vault is lost: a new file from its backup",
    },
    {
      command:
        "coffre vault restore /srv/backups/prod.coffre.age --identity-file /media/safe/backup.identity --in-place --yes",
      does: "back to what it was then",
    },
  ],
  json: "An object: `vault` (name), `id`, `takenAt`, `rows` (by table), `events` (of the backup), `signer`, `undecided` (credentials that need attention), `carriedOver` (`id`, `path`, `versions` of entries whose newer passwords stay as earlier versions), `setAside` (the same of entries that were archived), `rightsBack` (memberships and grants that hold again), `file` and `keyFile` (`null` in place), `keyMade`.",
  exits: [
    { code: 4, when: "it is for another recipient, or signed by another key" },
    { code: 5, when: "it is of another vault, a lease is held, there is a file already, or --in-place without --yes" },
  ],
  async run(context, { args: [file = ""], options }) {
    refuseSecretOptions(options, "--passphrase-file");
    const inPlace = options["inPlace"] === true;
    const isNew = typeof options["into"] === "string";
    if (inPlace && isNew) {
      throw new CoffreError("INVALID_INPUT", "--into and --in-place say two things", {
        hint: "Give --into <url> for a new file, or --in-place for the configured vault itself.",
      });
    }
    if (!inPlace && !isNew) {
      throw new CoffreError("INVALID_INPUT", "It has to be said where the backup goes", {
        hint: "Give --into <url> for a new file, or --in-place for the configured vault itself.",
      });
    }
    const identities = await readIdentities(options);
    const signedBy = typeof options["signedBy"] === "string" ? { signedBy: options["signedBy"] } : {};
    const source = { file: resolve(file), identities, ...signedBy };
    if (inPlace) {
      const vault = await context.embeddedVault();
      await refuseUnasked(context, (await vault.identity()).name, options["yes"] === true);
      const report = await vault.restore(source);
      print(context, report, { file: null, keyFile: null, keyMade: false });
      return;
    }
    await restoreInto(context, options, source);
  },
};

/** @throws CoffreError CONFLICT unless somebody said yes to what is undone */
async function refuseUnasked({ terminal }: CommandContext, vault: string, isSure: boolean): Promise<void> {
  if (isSure) return;
  const problem =
    `Everything that was changed in the vault ${vault} after the backup would be undone: entries, values and fields ` +
    "that people gave, names, categories, people and rights";
  const kept = "Passwords that a target may have would stay, as earlier versions or in archived entries.";
  if (terminal.canAsk && (await askYes(`${problem}. ${kept} Do it?`))) return;
  throw new CoffreError("CONFLICT", problem, {
    hint: `Nothing was changed. ${kept} To fetch single values instead, restore into a new file (--into) and read them there. To undo everything, make a backup of what is there now (\`coffre vault backup\`), then add --yes.`,
  });
}

async function restoreInto(
  context: CommandContext,
  options: CommandInput["options"],
  source: Parameters<Awaited<ReturnType<CommandContext["embeddedVault"]>>["restore"]>[0],
): Promise<void> {
  const { restoreNew } = await import("../../vault/embedded/backup/restore.js");
  const { checkNothingThere } = await import("../../vault/embedded/create.js");
  const home = context.env["HOME"] || homedir();
  const url = parseVaultUrl(String(options["into"]), { folder: process.cwd(), home, source: "--into" });
  if (url.scheme !== "file") {
    throw new CoffreError("NOT_SUPPORTED", "A backup is restored into a file only", {
      hint: "Give --into file:///…; `coffre sync` copies its entries to a server.",
    });
  }
  const { path } = url;
  checkNothingThere(path); // before a key is made, or a passphrase typed
  const { key, keyFile, keyMade } = await chooseKey(context, basename(path, extname(path)), options);
  const { actor, clock, user: label } = context;
  const report = await restoreNew({ ...source, actor, clock }, { path, key, label }).catch((error: unknown) => {
    if (keyMade && keyFile !== undefined) rmSync(keyFile, { force: true }); // a key that opens nothing
    throw error;
  });
  print(context, report, { file: path, keyFile: keyFile ?? null, keyMade });
}

interface Made {
  file: string | null;
  keyFile: string | null;
  keyMade: boolean;
}

function print(context: CommandContext, report: RestoreReport, made: Made): void {
  const { terminal } = context;
  const { identity, ...facts } = report;
  if (context.json) {
    terminal.json({ vault: identity.name, id: identity.id, ...facts, ...made });
    return;
  }
  const entries = report.rows["credential"] ?? 0;
  terminal.print(`The vault ${terminal.style("bold", identity.name)} is what it was at ${dateText(report.takenAt)}.`);
  if (made.file !== null) terminal.print(`  vault      ${printable(made.file)}`);
  if (made.keyFile !== null) {
    terminal.print(`  key        ${printable(made.keyFile)}${made.keyMade ? " (new, mode 0600)" : ""}`);
  }
  terminal.print(`  content    ${String(entries)} credentials, ${String(report.events)} events`);
  terminal.print(`  signed by  ${report.signer}`);
  printKept(context, report);
  if (report.undecided === 0) return;
  const many = report.undecided === 1 ? "1 credential needs" : `${String(report.undecided)} credentials need`;
  terminal.note(
    `${many} attention: nothing is set or rotated before \`coffre verify --all\` has found which ones agree with their ` +
      "targets, and `coffre resolve` has decided about the others.",
  );
}

/** What isn't as it was then, and what is again though somebody had taken it away. */
function printKept({ terminal }: CommandContext, { carriedOver, setAside, rightsBack }: RestoreReport): void {
  for (const { path, versions } of carriedOver) {
    const which = `${versions.length === 1 ? "version" : "versions"} ${versions.join(", ")}`;
    terminal.print(`  kept       ${printable(path.join("/"))}: ${which}, newer than the backup, as earlier ones`);
  }
  for (const { id, path } of setAside) {
    terminal.print(`  archived   ${printable(path.join("/"))} (${id}), which the backup lacks`);
  }
  if (rightsBack === 0) return;
  const rights = rightsBack === 1 ? "1 membership or grant" : `${String(rightsBack)} memberships and grants`;
  terminal.note(`${rights} came from the backup. What was revoked since holds again: look at \`coffre access\`.`);
}
