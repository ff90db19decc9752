import { resolve } from "node:path";
import { CoffreError } from "../../core/errors.js";
import { checkRecipients, sealForRecipients } from "../../exchange/age.js";
import { type CmsRecipient, parseCertificates, sealForCertificates } from "../../core/cms.js";
import type { ExchangeNote } from "../../exchange/entry.js";
import { EXPORT_FORMATS, type ExportFormat, FLAT_FORMATS, parseFormat } from "../../exchange/formats.js";
import { writeJson } from "../../exchange/json.js";
import { writeLockselfCsv } from "../../exchange/lockself-csv.js";
import { type ReadEntries, readEntries } from "../../exchange/read-vault.js";
import type { VaultIdentity } from "../../vault/port.js";
import { findTypedCategory } from "../category.js";
import { collect } from "../../core/collect.js";
import type { CommandContext } from "../context.js";
import type { CommandDefinition, CommandInput } from "../definition.js";
import { keepassKey, noteLine, noteShape, readGivenFile } from "../exchange.js";
import { makeFolderOf, writePrivateFile } from "../output-file.js";
import { printable } from "../terminal.js";
import { RECIPIENTS, readRecipients } from "./vault-recipients.js";

export const exportCommand: CommandDefinition = {
  name: "export",
  summary: "write entries into a file for another program, encrypted for whoever is to have them",
  description: [
    "Writes a CSV as LockSelf imports it, or Coffre's own JSON, encrypted for age recipients (--recipient) or for certificates (--certificate: CMS, which `openssl cms -decrypt -inform DER` opens). Or a KeePass file (KDBX 4), which has its passphrase by --to-passphrase-file. Nothing is ever written in clear: an export without a recipient is refused.",
    "For machines there are what is in force as variables (`dotenv`) and as Kubernetes Secrets, one for each entry (`k8s-secret`), encrypted the same way; and a YAML file as SOPS writes it for age recipients (`sops-age`), whose names stay readable and which stands in Git as it is: `sops decrypt`, Flux and Argo CD's plugins open it. Where a value is only wanted in one process or one file, `coffre run` and `coffre inject` make no copy that outlives it.",
    "--category takes one branch, --current-only leaves the history out: a technician who needs what is in force gets that alone. Whoever opens the file reads everything in it, whatever grants say, and keeps it; what must not be known any longer has to be rotated.",
    "A KeePass file that is there already is brought up to date: entries of this vault become what they are here, those that are gone here go, and whatever else somebody keeps in it stays. It is locked meanwhile, written under another name, synced and renamed. One that is open in KeePass is refused.",
    "What the format can't hold is listed by entry and field, without a value. Cells that a spreadsheet would take for a formula are listed too, and never changed: a password with an apostrophe before it would be another password.",
    "For a complete copy that can be restored use `coffre vault backup`: an export has no event log, no rights and no targets.",
  ],
  options: [
    { flags: "--format <format>", description: EXPORT_FORMATS.join(", ") },
    { flags: "--to <file>", description: "the file to write, mode 0600; its folder is made if it is missing" },
    { flags: "--category <category>", description: "only this category and what is below it" },
    { flags: "--current-only", description: "no earlier versions" },
    ...RECIPIENTS,
    {
      flags: "--certificate <file>",
      description: "a PEM file with the certificate of whoever is to open it; several may be in it",
    },
    { flags: "--to-passphrase-file <path>", description: "the file with the passphrase of the KeePass file" },
    { flags: "--to-key-file <path>", description: "a key file that the KeePass file needs besides, or instead" },
  ],
  examples: [
    {
      command:
        "coffre export --format lockself-csv --to /srv/export/lockself.csv.age --recipients-file /etc/coffre/recipients",
      does: "everything, as LockSelf imports it, for an age identity",
    },
    {
      command:
        "coffre export --format kdbx --to /srv/export/databases.kdbx --to-passphrase-file /etc/coffre/kdbx.passphrase --category Databases --current-only",
      does: "one branch for KeePass, without the history",
    },
    {
      command:
        "coffre export --format sops-age --to /srv/export/databases.sops.yaml --recipients-file /etc/coffre/recipients --category Databases",
      does: "one branch for a cluster's SOPS, in Git",
    },
    {
      command: "coffre export --format json --to /srv/export/prod.json.cms --certificate /etc/coffre/technician.pem",
      does: "everything, for whoever has the certificate's key",
    },
  ],
  json: "An object: `format`, `file`, `entries` (how many), `kept` (entries of others in a KeePass file), `notes` (`where`, `field`, `what`: what isn't in the file).",
  exits: [
    { code: 2, when: "no recipient was given, or one can't be used; nothing was written" },
    { code: 4, when: "the KeePass file that is there doesn't open with this passphrase" },
    { code: 5, when: "the KeePass file is open in another program" },
  ],
  async run(context, { options }) {
    const { terminal, signal } = context;
    const format = parseFormat(options["format"], EXPORT_FORMATS);
    if (typeof options["to"] !== "string") {
      throw new CoffreError("INVALID_INPUT", "It has to be said where the export goes", { hint: "Give --to <file>." });
    }
    const to = resolve(options["to"]);
    const write = await writerOf(context, format, to, options);
    const vault = await context.vault();
    const category = options["category"];
    const found =
      typeof category === "string"
        ? { category: findTypedCategory(await collect(vault.listCategories()), category).path }
        : {};
    const read = await readEntries(vault, {
      ...found,
      history: options["currentOnly"] !== true && !FLAT_FORMATS.has(format),
      signal,
      progress: (done, all) => terminal.status(`reading: ${String(done)} of ${String(all)} done`),
    });
    terminal.clearStatus();
    makeFolderOf(to);
    const { notes, kept } = await write(await vault.identity(), read);
    const all = [...read.notes, ...notes];
    if (read.entries.length === 0) terminal.warn("nothing was exported: no entry stands there that you may read.");
    if (context.json) {
      terminal.json({ format, file: to, entries: read.entries.length, kept, notes: all.map(noteShape) });
      return;
    }
    for (const note of all) terminal.print(`not held  ${noteLine(note)}`);
    const others = kept === 0 ? "" : `; ${String(kept)} of somebody else's are still in it`;
    terminal.print(`Exported: ${String(read.entries.length)} entries to ${printable(to)}${others}.`);
  },
};

type Write = (identity: VaultIdentity, read: ReadEntries) => Promise<{ notes: ExchangeNote[]; kept: number }>;

/** Checks everything that was given before a value is read. */
async function writerOf(
  context: CommandContext,
  format: ExportFormat,
  to: string,
  options: CommandInput["options"],
): Promise<Write> {
  const recipients = readRecipients(options);
  const certificates = readCertificates(context, options);
  if (format === "kdbx") {
    if (recipients.length > 0 || certificates.length > 0) {
      throw new CoffreError("INVALID_INPUT", "A KeePass file has no recipients: it opens with its passphrase", {
        hint: "Give --to-passphrase-file alone. Nothing was written.",
      });
    }
    return kdbxWriter(to, await keepassKey(context, options, "to"));
  }
  if (recipients.length > 0 && certificates.length > 0) {
    throw new CoffreError("INVALID_INPUT", "--recipient and --certificate say two things", {
      hint: "One file is for age identities or for certificates. Nothing was written.",
    });
  }
  if (recipients.length === 0 && certificates.length === 0) {
    throw new CoffreError("INVALID_INPUT", "An export needs somebody whom it is for: none is written in clear", {
      hint: "Give --recipient age1… or --certificate <file>; `coffre export --format kdbx` has a passphrase instead.",
    });
  }
  if (recipients.length > 0) checkRecipients(recipients);
  if (format === "sops-age") return sopsWriter(context, to, recipients);
  return async (identity, read) => {
    const { bytes, notes } = await clearText(context, format, identity, read);
    const sealed =
      recipients.length > 0
        ? await sealForRecipients(bytes, recipients)
        : await sealForCertificates(bytes, certificates);
    await writePrivateFile(to, sealed);
    return { notes, kept: 0 };
  };
}

async function clearText(
  { clock }: CommandContext,
  format: Exclude<ExportFormat, "kdbx" | "sops-age">,
  identity: VaultIdentity,
  read: ReadEntries,
): Promise<{ bytes: Buffer; notes: ExchangeNote[] }> {
  const entries = read.entries.map(({ entry }) => entry);
  switch (format) {
    case "json":
      return { bytes: writeJson(identity, clock.now(), read.categories, entries), notes: [] };
    case "lockself-csv":
      return writeLockselfCsv(entries, identity.name);
    case "dotenv":
      return (await import("../../exchange/dotenv.js")).writeDotenv(entries);
    case "k8s-secret":
      return (await import("../../exchange/k8s-secret.js")).writeK8sSecrets(entries);
  }
}

function sopsWriter({ clock }: CommandContext, path: string, recipients: readonly string[]): Write {
  if (recipients.length === 0) {
    throw new CoffreError("INVALID_INPUT", "A SOPS file for age needs age recipients, no certificate", {
      hint: "Give --recipient age1… or --recipients-file. Nothing was written.",
    });
  }
  return async (_identity, read) => {
    const { writeSops } = await import("../../exchange/sops-age.js");
    const entries = read.entries.map(({ entry }) => entry);
    const { bytes, notes } = await writeSops(entries, { recipients, now: clock.now() });
    await writePrivateFile(path, bytes);
    return { notes, kept: 0 };
  };
}

function kdbxWriter(path: string, key: Awaited<ReturnType<typeof keepassKey>>): Write {
  return async (vault, { entries, categories }) => {
    const { writeKdbx } = await import("../../exchange/kdbx.js");
    const copies = entries.map(({ credential: { id, createdAt }, entry }) => ({ id, createdAt, entry }));
    return writeKdbx({ path, key, vault, categories, entries: copies });
  };
}

function readCertificates({ clock }: CommandContext, { certificate }: CommandInput["options"]): CmsRecipient[] {
  if (typeof certificate !== "string") return [];
  return parseCertificates(readGivenFile(certificate).toString("latin1"), certificate, clock.now());
}
