import { parseArgs } from "node:util";
import { describeBound, type Figure, FIGURES, keeps, type Sources } from "./definitions.ts";

/** The command line of the bench. @returns the exit code: 2 for wrong usage; without --json 1 if a figure misses its bound */
export async function bench(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { json: { type: "boolean" }, only: { type: "string" }, help: { type: "boolean" } },
  });
  if (values.help) {
    process.stdout.write(usage());
    return 0;
  }
  const chosen = choose(values.only);
  if (typeof chosen === "string") {
    process.stderr.write(`${chosen}\n`);
    return 2;
  }
  const sources = onceEach();
  const results: Record<string, number> = {};
  let missed = 0;
  for (const figure of chosen) {
    process.stderr.write(`${figure.key} ...\n`);
    const value = rounded(await figure.measure(sources));
    results[figure.key] = value;
    if (!keeps(figure, value)) missed += 1;
    if (!values.json) process.stdout.write(row(figure, value));
  }
  const details = await sources.details();
  if (values.json) process.stdout.write(`${JSON.stringify({ ...results, details })}\n`);
  else process.stdout.write(`\n${JSON.stringify(details)}\n`);
  // With --json the figures speak: npm adds an object of its own to standard output when a script fails.
  return missed > 0 && values.json !== true ? 1 : 0;
}

function choose(only: string | undefined): readonly Figure[] | string {
  if (only === undefined) return FIGURES.filter(({ isLong }) => isLong !== true);
  const keys = only.split(",").map((key) => key.trim());
  const unknown = keys.filter((key) => !FIGURES.some((figure) => figure.key === key));
  if (unknown.length > 0) return `Unknown: ${unknown.join(", ")}. Known: ${FIGURES.map(({ key }) => key).join(", ")}.`;
  return FIGURES.filter(({ key }) => keys.includes(key));
}

/** Measures each source when it is first asked for, and keeps what came of it. */
function onceEach(): Sources & { details: () => Promise<Record<string, unknown>> } {
  const kept = new Map<string, Promise<unknown>>();
  const once =
    <T>(name: string, measure: () => Promise<T>) =>
    (): Promise<T> => {
      const known = kept.get(name) ?? measure();
      kept.set(name, known);
      return known as Promise<T>; // kept under its own name
    };
  return {
    singleCreate: once("single_create", async () => (await import("./single-create.ts")).measureSingleCreate()),
    rotation: once("rotation", async () => (await import("./rotation.ts")).measureRotation()),
    sshRotation: once("ssh_rotation", async () => (await import("./ssh-rotation.ts")).measureSshRotation()),
    sync: once("sync", async () => (await import("./sync.ts")).measureSync()),
    postgresRate: once("postgres_rate", async () => (await import("./postgres-rate.ts")).measurePostgresRate()),
    servedReads: once("served_reads", async () => (await import("./served-reads.ts")).servedReads()),
    vaultRequests: once("vault_requests", async () => (await import("./vault-requests.ts")).measureVaultRequests()),
    agentRead: once("agent_read", async () => (await import("./agent-read.ts")).measureAgentRead()),
    runStart: once("run_start", async () => (await import("./run-start.ts")).measureRunStart()),
    lockselfRead: once("lockself_read", async () => (await import("./lockself-read.ts")).measureLockselfRead()),
    categoryTree: once("category_tree", async () => (await import("./category-tree.ts")).measureCategoryTree()),
    categoryTreeSingles: once("category_tree_singles", async () =>
      (await import("./category-tree.ts")).measureSingles(),
    ),
    ansibleRead: once("ansible_read", async () => (await import("./ansible-read.ts")).measureAnsibleRead()),
    ansibleFleet: once("ansible_fleet", async () => (await import("./ansible-fleet.ts")).measureAnsibleFleet()),
    depositMemory: once("deposit_memory", async () => (await import("./deposit-memory.ts")).measureDepositMemory()),
    details: async () => {
      const entries = await Promise.all([...kept].map(async ([name, value]) => [name, await value] as const));
      return Object.fromEntries(entries);
    },
  };
}

function rounded(value: number): number {
  return value >= 100 ? Math.round(value) : Math.round(value * 1000) / 1000;
}

function row(figure: Figure, value: number): string {
  const verdict = keeps(figure, value) ? "" : "  MISSED";
  return `${figure.key.padEnd(32)}${String(value).padStart(9)}  ${describeBound(figure)}${verdict}\n    ${figure.definition}\n`;
}

function usage(): string {
  const figures = FIGURES.map((figure) => `  ${figure.key} (${describeBound(figure)})\n      ${figure.definition}\n`);
  return `npm run bench -- [--json] [--only KEY,KEY]

Measures what this release promises. Ends with 1 if a figure misses its bound.

  --json       one object on stdout: each figure, and under \`details\` what they were made of
  --only KEYS  these figures only

${figures.join("")}`;
}
