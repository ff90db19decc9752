import { parseArgs } from "node:util";
import { prove, type ProofReport } from "./proof.ts";

const USAGE = `npm run crash -- [--points N] [--seed N] [--json] [--without-journal]

Kills a real rotation at its boundaries, and the real engine in an \`up\`, and looks at what the ordinary next run makes
of it. Ends with 1 if a password was lost, a version or an account doubled, a run left unfinished, or more than one
login refused after a single kill.

  --points N         so many points on a rotation process, of every kind, and for each 60 of them 8 on the real engine;
                     default: every boundary and some hundred more, and 40 on the engine
  --seed N           other points of those that are drawn; default 1
  --json             one object on stdout
  --without-journal  with a test double that keeps no journal: the proof must find losses, and ends with 1
`;

const FULL_ENGINE_POINTS = 40;

/** The command line of the proof. @returns the exit code */
export async function crash(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      points: { type: "string" },
      seed: { type: "string" },
      json: { type: "boolean" },
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
  const engine = points === undefined ? FULL_ENGINE_POINTS : Math.ceil((points * 8) / 60);
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort()); // what is under way is finished and cleaned up; a second one ends at once
  const report = await prove({
    seed,
    signal: stop.signal,
    enginePoints: withoutJournal ? 0 : engine,
    say: (line) => process.stderr.write(`${line}\n`),
    ...(points === undefined ? {} : { points }),
    ...(withoutJournal ? { withoutJournal } : {}),
  });
  const seconds = Math.round((performance.now() - began) / 100) / 10;
  process.stdout.write(values.json ? `${JSON.stringify({ ...report, seed, seconds })}\n` : summary(report, seconds));
  const { lost, doubled, unfinished, refused_max: refused } = report;
  return lost + doubled + unfinished > 0 || refused > 1 || stop.signal.aborted ? 1 : 0;
}

function count(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new Error(`--${name} is a whole number from 1`);
}

function summary(report: ProofReport, seconds: number): string {
  const lines = [
    `${report.points} points on a rotation process, ${report.engine_points} on the engine, in ${seconds} s`,
    `  lost       ${report.lost}`,
    `  doubled    ${report.doubled}`,
    `  unfinished ${report.unfinished}`,
    `  refused    ${report.refused_max} at most after a single kill`,
  ];
  return `${lines.join("\n")}\n`;
}
