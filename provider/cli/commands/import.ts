import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { CoffreError } from "../../core/errors.js";
import { type ExchangeFile, type ExchangeNote, pathText } from "../../exchange/entry.js";
import { IMPORT_FORMATS, type ImportFormat, parseFormat, TEXT_FORMATS } from "../../exchange/formats.js";
import { importFile, type ImportReport, type OnExisting } from "../../exchange/import.js";
import type { CommandContext } from "../context.js";
import type { CommandDefinition, CommandInput } from "../definition.js";
import { keepassKey, noteLine, noteShape, readGivenFile, typedCategories } from "../exchange.js";
import { printable } from "../terminal.js";
import { IDENTITY_FILE, readIdentities } from "./vault-identity.js";

const ON_EXISTING: readonly OnExisting[] = ["fail", "skip", "update"];
const INVALID = 2;
/** How each file of age begins, whose first line is text. */
const AGE_HEADER = "age-encryption.org/v1";

export const importCommand: CommandDefinition = {
  name: "import",
  summary: "bring the entries of another program's file into the vault, all of them or none",
  description: [
    "Reads a CSV of LockSelf, a KeePass file, an unencrypted JSON of Bitwarden, a CSV of Chrome or Edge, or what `coffre export --format json` wrote. Everything is looked at first: while a line has something wrong, all such lines are listed and nothing is written. In a vault of one file all new entries come by one write; elsewhere what a failed run has made is taken away again. A run that was killed is gone on with by the next one of the same file.",
    "--dry-run lists what would be done, by path and without a value. What Coffre holds otherwise than the file (a name with a slash, a field's name) or not at all (a passkey) is listed as well.",
    "An entry whose place is taken by another one stops the import (--existing fail), is left out (skip), or brings that one up to date (update): what differs becomes a new version, and nothing is removed. Entries with targets, and those of a stack, are never changed by a file.",
    "Passwords that break the policy of their category stop the import too, unless --keep-weak lets them in and lists them. The file itself stays where it is, readable: delete it once the entries are there.",
  ],
  arguments: [
    { name: "<file>", description: "the file; one that was encrypted by age is opened with --identity-file" },
  ],
  options: [
    { flags: "--format <format>", description: IMPORT_FORMATS.join(", ") },
    {
      flags: "--category <path>",
      description: "the category into which everything comes; made if it is missing (default: the root)",
    },
    {
      flags: "--existing <what>",
      description: "what becomes of an entry whose place is taken: fail (default), skip, update",
    },
    { flags: "--keep-weak", description: "take passwords that break the policy of their category, and list them" },
    { flags: "--dry-run", description: "only say what would be done: nothing is written" },
    { flags: "--from-passphrase-file <path>", description: "the file with the passphrase of the KeePass file" },
    { flags: "--from-key-file <path>", description: "the key file that the KeePass file needs" },
    { ...IDENTITY_FILE, description: "the age identity that the file was encrypted for, mode 0600" },
  ],
  examples: [
    {
      command: "coffre import --format lockself-csv /srv/import/lockself.csv --dry-run",
      does: "what a LockSelf export would bring",
    },
    {
      command: "coffre import --format lockself-csv /srv/import/lockself.csv --category From/LockSelf",
      does: "below a category of its own",
    },
    {
      command:
        "coffre import --format keepass /srv/import/team.kdbx --from-passphrase-file /srv/import/team.passphrase --category From/KeePass",
      does: "a KeePass file, with its history",
    },
  ],
  json: "An object: `format`, `dryRun`, the numbers `created`, `updated`, `skipped`, `unchanged`; `entries` (`action`, `path`, `where`), `notes` and `problems` (`where`, `field`, `what`). With problems nothing was written.",
  exits: [
    { code: 1, when: "the KeePass file is damaged, or is none" },
    { code: 2, when: "the file, or a line of it, can't be taken; nothing was written" },
    { code: 4, when: "the passphrase or the identity doesn't open the file" },
  ],
  async run(context, { args: [path = ""], options }) {
    const { terminal, signal } = context;
    const format = parseFormat(options["format"], IMPORT_FORMATS);
    const onExisting = ON_EXISTING.find((one) => one === (options["existing"] ?? "fail"));
    if (onExisting === undefined) {
      throw new CoffreError("INVALID_INPUT", "--existing takes fail, skip or update");
    }
    const vault = await context.vault();
    const { file, fileDigest } = await read(context, format, path, options);
    const report = await importFile({
      vault,
      file,
      fileDigest,
      into: typedCategories(options["category"]),
      onExisting,
      keepWeak: options["keepWeak"] === true,
      dryRun: options["dryRun"] === true,
      signal,
      progress: (done, all) => terminal.status(`importing: ${String(done)} of ${String(all)} done`),
    });
    terminal.clearStatus();
    const dryRun = options["dryRun"] === true;
    if (context.json) terminal.json({ format, dryRun, ...reportShape(report) });
    else print(context, report, dryRun);
    return report.problems.length > 0 ? INVALID : 0;
  },
};

async function read(
  context: CommandContext,
  format: ImportFormat,
  path: string,
  options: CommandInput["options"],
): Promise<{ file: ExchangeFile; fileDigest: string }> {
  const sealed = typeof options["identityFile"] === "string";
  const given = sealed ? await openAge(path, options) : readGivenFile(path);
  if (!sealed && given.subarray(0, AGE_HEADER.length).toString("latin1") === AGE_HEADER) {
    throw new CoffreError("INVALID_INPUT", `The file ${path} is encrypted by age`, {
      hint: "Give --identity-file <path>: the age identity that it was encrypted for.",
    });
  }
  const fileDigest = createHash("sha256").update(given).digest("hex");
  if (format !== "keepass") return { file: TEXT_FORMATS[format](given, path), fileDigest };
  const { readKeepassFile } = await import("../../exchange/keepass-file.js");
  const { actor, clock } = context;
  const key = await keepassKey(context, options, "from");
  return { file: await readKeepassFile(resolve(path), key, { actor, clock }), fileDigest };
}

async function openAge(path: string, options: CommandInput["options"]): Promise<Buffer> {
  const [identities, { openAgeFile }] = await Promise.all([readIdentities(options), import("../../exchange/age.js")]);
  return openAgeFile(resolve(path), identities);
}

const WORDS = { create: "new", update: "changed", skip: "left out", unchanged: "as it was" } as const;

function print({ terminal }: CommandContext, { steps, notes, problems }: ImportReport, dryRun: boolean): void {
  if (problems.length > 0) {
    for (const problem of problems) terminal.complain(`wrong     ${noteLine(problem)}`);
    const lines = problems.length === 1 ? "1 thing" : `${String(problems.length)} things`;
    terminal.complain(`${lines} can't be taken: nothing was imported.`);
    return;
  }
  if (dryRun)
    for (const { action, entry } of steps)
      terminal.print(`${WORDS[action].padEnd(9)} ${printable(pathText(entry.path))}`);
  for (const note of notes) terminal.print(`note      ${noteLine(note)}`);
  const numbers = Object.entries(countsOf(steps)).flatMap(([word, number]) =>
    number > 0 ? [`${String(number)} ${word}`] : [],
  );
  terminal.print(
    `${dryRun ? "Would be imported" : "Imported"}: ${numbers.length === 0 ? "nothing" : numbers.join(", ")}.`,
  );
}

function countsOf(steps: ImportReport["steps"]): Record<string, number> {
  const counts: Record<string, number> = { new: 0, changed: 0, "left out": 0, "as it was": 0 };
  for (const { action } of steps) counts[WORDS[action]] = (counts[WORDS[action]] ?? 0) + 1;
  return counts;
}

function reportShape({ steps, notes, problems }: ImportReport) {
  const counts = countsOf(problems.length > 0 ? [] : steps);
  const shapes = (all: readonly ExchangeNote[]) => all.map(noteShape);
  return {
    created: counts["new"],
    updated: counts["changed"],
    skipped: counts["left out"],
    unchanged: counts["as it was"],
    entries: steps.map(({ action, entry }) => ({ action, path: pathText(entry.path), where: entry.origin })),
    notes: shapes(notes),
    problems: shapes(problems),
  };
}
