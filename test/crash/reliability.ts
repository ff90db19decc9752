import { readFile, writeFile } from "node:fs/promises";
import { availableParallelism, cpus } from "node:os";
import { join, resolve } from "node:path";
import prettier from "prettier";
import type { Found, ProofReport } from "./proof.ts";

const PAGE = join(resolve(import.meta.dirname, "../.."), "docs/reliability.md");
const BEGIN = "<!-- begin: written by `npm run crash -- --write` -->";
const END = "<!-- end -->";

/** Writes what a run found between the marks of the page. */
export async function writeReliability(
  reports: readonly ProofReport[],
  { seed, seconds }: { seed: number; seconds: number },
): Promise<void> {
  const page = await readFile(PAGE, "utf8");
  const [before, rest] = split(page, BEGIN);
  const [, after] = split(rest, END);
  const written = [before, BEGIN, "\n\n", section(reports, seed, seconds), "\n", END, after].join("");
  const options = await prettier.resolveConfig(PAGE);
  await writeFile(PAGE, await prettier.format(written, { ...options, parser: "markdown" }));
}

function section(reports: readonly ProofReport[], seed: number, seconds: number): string {
  const rows = reports.flatMap(({ vault, targets }) =>
    Object.entries(targets).map(([target, found]) => row(`${vault} × ${target}`, found)),
  );
  const day = new Date().toISOString().slice(0, 10);
  const machine = `${process.platform} ${process.arch}, ${availableParallelism()} cores (${cpus()[0]?.model.trim() ?? "unknown"})`;
  return `
| vault × target | points | engine points | lost | doubled | unfinished | refused after one cut | after two |
| --- | --- | --- | --- | --- | --- | --- | --- |
${rows.join("\n")}

On ${day}, seed ${seed}, in ${Math.round(seconds / 60)} minutes, Node ${process.versions.node}, ${machine}.
"Refused" is the most that any account's own system counted.
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
