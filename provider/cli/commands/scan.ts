import { CoffreError } from "../../core/errors.js";
import { PASSWORD_FIELD } from "../../core/field.js";
import { formatReference } from "../../core/reference.js";
import { readStaged, readTree } from "../../scan/files.js";
import type { Vault } from "../../vault/port.js";
import { type Finding, scan as scanFiles, type ScanResult } from "../../scan/scan.js";
import type { CommandDefinition, CommandInput } from "../definition.js";
import { pathText } from "../describe.js";
import { warnOfNone } from "../none-warning.js";
import { printable, type Terminal } from "../terminal.js";

const KINDS = ["references", "values"] as const;
type Kind = (typeof KINDS)[number];

const FOUND = 1;
/** So many files of one sort are named in a note. */
const MOST_NAMED = 5;

export const scan: CommandDefinition = {
  name: "scan",
  summary: "look through files for references that lead nowhere, and for values of the vault",
  description: [
    "Looks through the files of a tree, before they are committed or after. In a repository of Git those that Git keeps or would take, `.gitignore` respected; elsewhere all but `.git`. --staged looks at what the next commit has, as it is staged: for a pre-commit hook. The commits before aren't looked at.",
    "References (`coffre://…`, as `coffre run`, `coffre inject` and programs have them) are told if no credential, field or version stands there, or if they may not be read. No value is read for it. References of another vault are counted, not checked.",
    "Values of the vault are told by file, line and credential, and never shown: current ones and those of earlier versions, which may still work somewhere; of archived entries, too. They are found as they are, as JSON, URLs, YAML, Python and shells write them, in base64 or hexadecimal as a whole, and by the lines of a value that has several, if they have 24 characters or more. The tree's words go to the vault as digests under a key of this one call; what the vault computes of its values stays there, and only values that the caller may read are compared. A value of less than 8 characters isn't looked for, nor one that stands in the middle of other letters.",
    "Files that aren't text, or are larger than 16 MiB, are counted and not looked into; one that can't be read is named, and nobody then knows what is in it. A value that was found is known to whoever has read the repository: rotate it. Taking it out of the file isn't enough.",
  ],
  arguments: [{ name: "[path...]", description: "files and folders; default: the folder of this moment" }],
  options: [
    { flags: "--staged", description: "what is staged in the repository of this folder, in the place of files" },
    { flags: "--all", description: "also what Git leaves out" },
    { flags: "--only <what>", description: `${KINDS.join(" or ")}; default: both` },
  ],
  examples: [
    { command: "coffre scan", does: "the repository of this folder" },
    { command: "coffre scan --staged", does: "what is about to be committed" },
    { command: "coffre scan --only references deploy", does: "one folder, in a vault that compares no values" },
  ],
  json: "An object: `findings` (`kind` `value` or `reference`, `file`, `line`; of a value `credential`, `id`, `field`, `version`, `state`, `archived`; of a reference `column`, `reference`, `code`, `problem`), `files` and `references` (how many were looked at), `notLooked` (`file`, `why`: `binary`, `large`, `unreadable`), `elsewhere` (references of other vaults, by the vault's name).",
  exits: [
    { code: FOUND, when: "something was found, or a file couldn't be read" },
    { code: 2, when: "a path doesn't exist; or values are looked for in a vault that can't compare them" },
  ],
  async run(context, { args, options }) {
    const { terminal } = context;
    const only = onlyOf(options);
    const staged = options["staged"] === true;
    const all = options["all"] === true;
    if (staged && all) {
      throw new CoffreError("INVALID_INPUT", "--staged and --all contradict each other", { hint: "Give one of them." });
    }
    const cwd = process.cwd();
    const files = staged
      ? readStaged({ paths: args, cwd })
      : readTree({ paths: args.length === 0 ? ["."] : args, cwd, all });
    const vault = await context.vault();
    const result = await scanFiles({
      vault,
      files,
      references: only !== "values",
      values: only !== "references",
      signal: context.signal,
    });
    // Of whoever may read nothing, nothing is found.
    if (only !== "references" && result.findings.length === 0 && !(await hasCredential(vault))) warnOfNone(terminal);
    if (context.signal.aborted) throw new CoffreError("INTERRUPTED", "Stopped before everything was looked through");
    if (context.json) terminal.json(shapeOf(result));
    else {
      for (const finding of result.findings) terminal.print(textOf(finding));
      tellRest(terminal, result);
    }
    const isUnknown = result.notLooked.some(({ why }) => why === "unreadable");
    return result.findings.length > 0 || isUnknown ? FOUND : 0;
  },
};

async function hasCredential(vault: Vault): Promise<boolean> {
  for await (const _any of vault.listCredentials()) return true;
  return false;
}

function onlyOf({ only }: CommandInput["options"]): Kind | undefined {
  const known = KINDS.find((kind) => kind === only);
  if (known !== undefined || only === undefined) return known;
  throw new CoffreError("INVALID_INPUT", "--only is neither references nor values", {
    hint: `There are ${KINDS.join(" and ")}; without it both are looked for.`,
  });
}

function textOf(finding: Finding): string {
  const place = `${printable(finding.path)}:${String(finding.line)}`;
  if (finding.kind === "reference") return `${place}:${String(finding.column)}: ${printable(finding.problem)}`;
  const { path, field, version, state, archived } = finding.value;
  const what = field === PASSWORD_FIELD ? "the value" : `the field ${printable(field)}`;
  const facts = [`version ${String(version)}`, state, ...(archived ? ["archived"] : [])].join(", ");
  return `${place}: ${what} of ${pathText({ path })} (${facts})`;
}

function shapeOf({ findings, notLooked, files, references, elsewhere }: ScanResult): object {
  return {
    findings: findings.map((finding) => {
      const { kind, path: file, line } = finding;
      if (kind === "reference") {
        const { column, code, problem } = finding;
        const reference = finding.reference === undefined ? null : formatReference(finding.reference);
        return { kind, file, line, column, reference, code, problem };
      }
      const { path, credentialId: id, field, version, state, archived = false } = finding.value;
      return { kind, file, line, credential: path.join("/"), id, field, version, state, archived };
    }),
    files,
    references,
    notLooked: notLooked.map(({ path, why }) => ({ file: path, why })),
    elsewhere: Object.fromEntries(elsewhere),
  };
}

function tellRest(terminal: Terminal, { findings, notLooked, files, references, elsewhere }: ScanResult): void {
  for (const one of notLooked) {
    if (one.why === "unreadable") terminal.complain(`${printable(one.path)} can't be read (${one.problem}).`);
  }
  const values = findings.filter(({ kind }) => kind === "value").length;
  const counts = `${String(files)} files, ${String(references)} references`;
  terminal.note(`${counts}: ${findings.length === 0 ? "nothing found" : `${String(findings.length)} found`}.`);
  if (values > 0) terminal.note("Rotate what was found as a value: whoever has read the files knows it.");
  for (const [name, count] of elsewhere) {
    terminal.note(`${String(count)} references of the vault ${printable(name)} weren't checked.`);
  }
  for (const [why, text] of [
    ["binary", "aren't text"],
    ["large", "are too large"],
  ] as const) {
    const paths = notLooked.filter((one) => one.why === why).map(({ path }) => printable(path));
    if (paths.length === 0) continue;
    const named = paths.slice(0, MOST_NAMED).join(", ");
    const more = paths.length > MOST_NAMED ? `, and ${String(paths.length - MOST_NAMED)} more` : "";
    terminal.note(`Not looked into, since they ${text}: ${named}${more}.`);
  }
}
