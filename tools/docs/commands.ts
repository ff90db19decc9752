// Writes docs/commands/: one page a command, from the same definitions as the CLI's own help.
// Run: node tools/docs/commands.ts [--check]
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { format, resolveConfig } from "prettier";
import type { CommandDefinition, OptionDefinition } from "../../provider/cli/definition.ts";

/** Where the pages are. */
export const PAGES = resolve(import.meta.dirname, "../../docs/commands");

/** What of `provider/cli` the pages are made of. */
export interface Sources {
  definitions: readonly CommandDefinition[];
  globalOptions: readonly OptionDefinition[];
  exitCodes: readonly { code: number; means: string }[];
}

/** Every page by its file's name, formatted as the repository's other pages. */
export async function renderPages(sources: Sources): Promise<Map<string, string>> {
  const pages = new Map([["README.md", indexPage(sources)]]);
  for (const definition of sources.definitions) pages.set(fileOf(definition), commandPage(definition));
  const options = { ...(await resolveConfig(join(PAGES, "README.md"))), parser: "markdown" };
  for (const [name, text] of pages) pages.set(name, await format(text, options));
  return pages;
}

const fileOf = ({ name }: CommandDefinition) => `${name.replaceAll(" ", "-")}.md`;

function indexPage({ definitions, globalOptions, exitCodes }: Sources): string {
  return `# The \`coffre\` command

${table(
  ["command", "what it does"],
  definitions.map((definition) => [`[\`coffre ${definition.name}\`](${fileOf(definition)})`, definition.summary]),
)}

A \`<ref>\` is a reference (\`coffre://prod/Databases/orders-app\`) or, in the configured vault, just the path
(\`Databases/orders-app\`) or the id. Names with special characters are percent-encoded in all of them.

Which vault and which key is found by one precedence: flag, environment (\`COFFRE_URL\`, \`COFFRE_KEY_FILE\`,
\`COFFRE_PASSPHRASE_FILE\`, \`COFFRE_TRANSIT_KEY\`, \`COFFRE_TOKEN_FILE\`), stack configuration (\`coffre:url\` of the stack that is selected),
\`coffre.yaml\` in the project, the user's configuration. \`coffre doctor\` shows which one won. A variable without
\`_FILE\` (\`COFFRE_TOKEN\`) holds the secret itself; a file keeps it out of the environment.

## Options of every command

${optionTable(globalOptions)}

\`NO_COLOR\` turns colours off. Progress is shown on a terminal only. With \`--json\` the keys are a promise: none is
renamed or removed, more may come. An error is then one line on stderr: \`{"error": {"code", "problem", "hint",
"details", "exitCode"}}\`.

## Exit codes

${table(
  ["code", "means"],
  exitCodes.map(({ code, means }) => [String(code), means]),
)}
`;
}

function commandPage(definition: CommandDefinition): string {
  const { name, summary, description, arguments: args = [], options = [], examples, json, exits = [] } = definition;
  const usage = ["coffre", name, ...(options.length > 0 ? ["[options]"] : []), ...args.map((each) => each.name)].join(
    " ",
  );
  const parts = [
    `# coffre ${name}`,
    sentence(summary),
    `\`\`\`sh\n${usage}\n\`\`\``,
    ...description,
    ...(args.length === 0
      ? []
      : [
          table(
            ["argument", ""],
            args.map((each) => [code(each.name), each.description]),
          ),
        ]),
    ...(options.every(({ hidden }) => hidden) ? [] : [optionTable(options)]),
    "## Examples",
    ...examples.map(({ command, does }) => `${sentence(does)}\n\n\`\`\`sh\n${command}\n\`\`\``),
    `## With \`--json\``,
    json,
    ...(exits.length === 0
      ? []
      : [
          "## Exit codes here",
          table(
            ["code", "when"],
            exits.map((each) => [String(each.code), each.when]),
          ),
        ]),
    "The options of every command, and the exit codes of all, are in [the overview](README.md).",
  ];
  return `${parts.join("\n\n")}\n`;
}

function optionTable(options: readonly OptionDefinition[]): string {
  const shown = options.filter(({ hidden }) => hidden !== true);
  return table(
    ["option", ""],
    shown.map(({ flags, description }) => [code(flags), description]),
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

const code = (text: string) => `\`${text}\``;
const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.?!]$/.test(text) ? "" : "."}`;

async function readSources(): Promise<Sources> {
  await import("../sources.ts"); // first, so that the sources' imports are found
  const { loadAllCommands } = await import("../../provider/cli/commands.ts");
  const { GLOBAL_OPTIONS, EXIT_CODES } = await import("../../provider/cli/definition.ts");
  return { definitions: await loadAllCommands(), globalOptions: GLOBAL_OPTIONS, exitCodes: EXIT_CODES };
}

async function main(check: boolean): Promise<void> {
  const pages = await renderPages(await readSources());
  await mkdir(PAGES, { recursive: true });
  const present = await readdir(PAGES);
  const surplus = present.filter((name) => !pages.has(name));
  const stale: string[] = [];
  for (const [name, text] of pages) {
    const before = present.includes(name) ? await readFile(join(PAGES, name), "utf8") : undefined;
    if (before !== text) stale.push(name);
  }
  if (check) {
    for (const name of [...stale, ...surplus])
      process.stderr.write(`docs/commands/${name} isn't what the command says\n`);
    if (stale.length + surplus.length > 0) process.exitCode = 1;
    return;
  }
  for (const name of stale) await writeFile(join(PAGES, name), pages.get(name) ?? "");
  for (const name of surplus) await rm(join(PAGES, name));
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main(process.argv.includes("--check"));
}
