import { parseArgs } from "node:util";
import { type Found, prove, type ProofReport } from "./proof.ts";
import { type TimedReport, writeReliability } from "./reliability.ts";
import { type TargetKind, TARGETS } from "./scenarios.ts";
import type { VaultKind } from "./vaults.ts";

const USAGE = `npm run crash -- [--vault NAME] [--target NAME] [--points N] [--engine-points N] [--seed N] [--json] [--write] [--without-journal]

Kills a real rotation at its boundaries, and the real engine in an \`up\`, and looks at what the ordinary next run makes
of it. Ends with 1 if a password was lost, a version or an account doubled, a run left unfinished, or more than one
login refused after a single kill.

  --vault NAME       embedded, openbao, served or lockself; may be given several times; default: embedded and openbao,
                     or with --points embedded alone
  --target NAME      this kind of target only: postgres, linux, mysql or command; may be given several times;
                     default: all, or with --points postgres and linux
  --points N         so many points on a rotation process, of every kind, and for each 60 of them 8 on the real engine;
                     default: every boundary and some hundred more on the embedded vault, a share of them on each
                     server, and 150 on the engine
  --engine-points N  so many on the real engine, over all vaults together
  --seed N           other points of those that are drawn; default 1
  --json             one object on stdout
  --write            writes what was found of each vault into docs/reliability.md
  --without-journal  with a test double that keeps no journal: the proof must find losses, and ends with 1
`;

/** What the run without `--points` tries on a vault. */
interface FullShare {
  /** Absent: every boundary once, and what is drawn besides. */
  points?: number;
  enginePoints: number;
  targets: readonly TargetKind[];
}

/**
 * A server's traffic has a boundary every few bytes: thousands of points, of which a share is drawn anew with each seed. The
 * first two together are to end within 40 minutes on two cores.
 */
const FULL: Readonly<Record<VaultKind, FullShare>> = {
  embedded: { enginePoints: 75, targets: TARGETS },
  openbao: { points: 150, enginePoints: 75, targets: TARGETS },
  served: { points: 150, enginePoints: 10, targets: ["postgres"] },
  lockself: { points: 40, enginePoints: 5, targets: ["postgres"] },
};
/** What is proven unless a vault is named. */
const USUAL: readonly VaultKind[] = ["embedded", "openbao"];
/** Each kind is measured first, which takes as long as many points do. */
const QUICK: readonly TargetKind[] = ["postgres", "linux"];

/** The command line of the proof. @returns the exit code */
export async function crash(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      points: { type: "string" },
      "engine-points": { type: "string" },
      seed: { type: "string" },
      vault: { type: "string", multiple: true },
      target: { type: "string", multiple: true },
      json: { type: "boolean" },
      write: { type: "boolean" },
      "without-journal": { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const began = performance.now();
  const seed = count("seed", values.seed) ?? 1;
  const points = count("points", values.points);
  const withoutJournal = values["without-journal"] === true;
  const vaults = vaultsNamed(values.vault ?? (points === undefined && !withoutJournal ? USUAL : ["embedded"]));
  const usual = points === undefined ? undefined : Math.ceil((points * 8) / 60);
  const engine = count("engine-points", values["engine-points"]) ?? usual;
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort()); // what is under way is finished and cleaned up; a second one ends at once
  const reports: TimedReport[] = [];
  for (const [index, vault] of vaults.entries()) {
    if (stop.signal.aborted) break;
    const share = (all: number) => Math.floor((all + vaults.length - 1 - index) / vaults.length);
    const full = FULL[vault];
    const tried = points === undefined ? full.points : share(points);
    const enginePoints = engine === undefined ? full.enginePoints : share(engine);
    const from = performance.now();
    const report = await prove({
      vault,
      targets: targetsNamed(values.target ?? (points === undefined ? full.targets : QUICK)),
      seed,
      signal: stop.signal,
      enginePoints: withoutJournal ? 0 : enginePoints,
      say: (line) => process.stderr.write(`${vault}: ${line}\n`),
      ...(tried === undefined ? {} : { points: tried }),
      ...(withoutJournal ? { withoutJournal } : {}),
    });
    reports.push({ kind: vault, ...report, seconds: secondsSince(from) });
  }
  const seconds = secondsSince(began);
  const all = together(reports);
  process.stdout.write(
    values.json ? `${JSON.stringify({ ...all, reports, seed, seconds })}\n` : summary(reports, seconds),
  );
  if (values.write && !stop.signal.aborted) await writeReliability(reports, seed);
  const { lost, doubled, unfinished, refused_max: refused, refused_max_pairs: refusedTwice } = all;
  const tooOften = refused > 1 || refusedTwice > 2;
  return lost + doubled + unfinished > 0 || tooOften || stop.signal.aborted ? 1 : 0;
}

const secondsSince = (began: number) => Math.round((performance.now() - began) / 100) / 10;

function vaultsNamed(names: readonly string[]): VaultKind[] {
  const kinds = Object.keys(FULL) as VaultKind[]; // a constant's own keys
  const found = kinds.filter((kind) => names.includes(kind));
  if (found.length === new Set(names).size) return found;
  throw new Error(`--vault is one of ${kinds.join(", ")}`);
}

function targetsNamed(names: readonly string[]): TargetKind[] {
  const found = TARGETS.filter((target) => names.includes(target));
  if (found.length === new Set(names).size) return found;
  throw new Error(`--target is one of ${TARGETS.join(", ")}`);
}

/** Counts are added up, and of what is most the most is taken. */
function together(
  reports: readonly ProofReport[],
): Found & { not_cut: number; refused_admin: number; faults: string[] } {
  const sum = (of: (report: ProofReport) => number) => reports.reduce((total, report) => total + of(report), 0);
  const most = (of: (report: ProofReport) => number) => Math.max(0, ...reports.map(of));
  return {
    points: sum(({ points }) => points),
    engine_points: sum(({ engine_points: points }) => points),
    lost: sum(({ lost }) => lost),
    doubled: sum(({ doubled }) => doubled),
    unfinished: sum(({ unfinished }) => unfinished),
    refused_max: most(({ refused_max: refused }) => refused),
    refused_max_pairs: most(({ refused_max_pairs: refused }) => refused),
    refused_admin: most(({ refused_admin: refused }) => refused),
    not_cut: sum(({ not_cut: points }) => points),
    faults: reports.flatMap(({ vault, faults }) => faults.map((fault) => `${vault}: ${fault}`)),
  };
}

function count(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new Error(`--${name} is a whole number from 1`);
}

function summary(reports: readonly ProofReport[], seconds: number): string {
  const lines = reports.flatMap(({ vault, targets }) =>
    Object.entries(targets).map(([target, found]) => `${`${vault} × ${target}`.padEnd(26)} ${describeFound(found)}`),
  );
  return `${[...lines, `in ${seconds} s`].join("\n")}\n`;
}

function describeFound(found: Found): string {
  return [
    `${found.points} + ${found.engine_points} points`,
    `${found.lost} lost`,
    `${found.doubled} doubled`,
    `${found.unfinished} unfinished`,
    `at most ${found.refused_max} refused`,
  ].join(", ");
}
