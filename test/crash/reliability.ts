import { readFile, writeFile } from "node:fs/promises";
import { availableParallelism, cpus } from "node:os";
import { join, resolve } from "node:path";
import prettier from "prettier";
import type { Found, ProofReport } from "./proof.ts";
import type { VaultKind } from "./vaults.ts";

const PAGE = join(resolve(import.meta.dirname, "../.."), "docs/reliability.md");
const END = "<!-- end -->";

/** What a run found of one vault, and how long that took. */
export interface TimedReport extends ProofReport {
  kind: VaultKind;
  seconds: number;
}

/** Writes what was found of each vault between that vault's marks of the page; what it says of others stays. */
export async function writeReliability(reports: readonly TimedReport[], seed: number): Promise<void> {
  let page = await readFile(PAGE, "utf8");
  for (const report of reports) {
    const begin = `<!-- begin: written by \`npm run crash -- --write\` of the vault ${report.kind} -->`;
    const [before, rest] = split(page, begin);
    const [, after] = split(rest, END);
    page = [before, begin, "\n\n", section(report, seed), "\n", END, after].join("");
  }
  const options = await prettier.resolveConfig(PAGE);
  await writeFile(PAGE, await prettier.format(page, { ...options, parser: "markdown" }));
}

function section({ vault, targets, seconds }: TimedReport, seed: number): string {
  const rows = Object.entries(targets).map(([target, found]) => row(`${vault} × ${target}`, found));
  const day = new Date().toISOString().slice(0, 10);
  const machine = `${process.platform} ${process.arch}, ${availableParallelism()} cores (${cpus()[0]?.model.trim() ?? "unknown"})`;
  return `
| vault × target | points | engine points | lost | doubled | unfinished | refused after one cut | after two |
| --- | --- | --- | --- | --- | --- | --- | --- |
${rows.join("\n")}

On ${day}, seed ${seed}, in ${Math.round(seconds / 60)} minutes, Node ${process.versions.node}, ${machine}.
`;
}

function row(name: string, found: Found): string {
  const { points, engine_points: engine, lost, doubled, unfinished } = found;
  const counts = [points, engine, lost, doubled, unfinished, found.refused_max, found.refused_max_pairs];
  return `| ${[name, ...counts].join(" | ")} |`;
}

function split(text: string, at: string): [string, string] {
  const index = text.indexOf(at);
  if (index < 0) throw new Error(`${PAGE} has no line ${at}`);
  return [text.slice(0, index), text.slice(index + at.length)];
}
