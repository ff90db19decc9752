import { COMMAND_ENVIRONMENT } from "./command-system.ts";
import { EngineLane } from "./engine.ts";
import { describeEnginePoint, enginePoints } from "./engine-point.ts";
import { allPoints, describePoint, killsOnly, type Lengths, type Point, type PointKind, somePoints } from "./points.ts";
import { Proxy } from "./proxy.ts";
import { Random } from "./random.ts";
import { isTwice, type Outcome, runPoint, type Stage } from "./run-point.ts";
import { findWay } from "../../tools/linux-hosts/hosts.ts";
import { findMariadb } from "../../tools/mariadb/binaries.ts";
import { SCENARIOS, type ScenarioName, type TargetKind, TARGETS, targetOf } from "./scenarios.ts";
import { through, type VaultKind } from "./vaults.ts";
import { Workers } from "./workers.ts";
import { World } from "./world.ts";

/** How many points are under way at once; each waits for processes and disk for most of its time. */
const AT_ONCE = 4;
/** How many projects of the real engine are. */
const LANES = 3;

export interface ProofOptions {
  /** Which vault the points work on. Default `embedded`. */
  vault?: VaultKind;
  /** Kinds of targets. Default: all that can be had. */
  targets?: readonly TargetKind[];
  /** Points on a rotation process. Default: every boundary, and what is drawn besides. */
  points?: number;
  /** Points on the real engine. Default 0. */
  enginePoints?: number;
  /** Default 1. */
  seed?: number;
  /** Runs the test double that keeps no journal, on single kills only. */
  withoutJournal?: true;
  /** Once aborted no further point is begun. */
  signal?: AbortSignal;
  /** Told about each fault and, now and then, how far it is. */
  say?: (line: string) => void;
}

/** What was found. `lost`, `doubled`, `unfinished`: points, not passwords. */
export interface Found {
  /** On a rotation process. */
  points: number;
  engine_points: number;
  lost: number;
  doubled: number;
  unfinished: number;
  /** Most refused logins of one account after a single cut. */
  refused_max: number;
  /** The same after two cuts, or with two processes at once. */
  refused_max_pairs: number;
}

export interface ProofReport extends Found {
  /** What the points worked on: `embedded`, `OpenBao 2.7.2`. */
  vault: string;
  /** By the kind of target. */
  targets: Partial<Record<TargetKind, Found>>;
  /** Refused logins of the admin that all points share. */
  refused_admin: number;
  /** Points that ended before the planned moment. */
  not_cut: number;
  by_kind: Partial<Record<PointKind | "engine", number>>;
  faults: string[];
}

/** Kills a real rotation at its boundaries and looks at what the ordinary next run makes of it (docs/reliability.md). */
export async function prove(options: ProofOptions = {}): Promise<ProofReport> {
  const { say = () => {}, seed = 1, enginePoints: engine = 0, vault = "embedded" } = options;
  const world = await World.create(vault);
  const report = emptyReport(world.vaults.description);
  // A part that breaks, as opposed to finding a fault, ends the others before the world is taken from under them.
  const broken = new AbortController();
  const signal = AbortSignal.any([broken.signal, ...(options.signal ? [options.signal] : [])]);
  try {
    const parts = [
      proveProcess(world, report, { ...options, signal }),
      ...Array.from({ length: LANES }, (_, lane) => {
        const count = Math.floor((engine + LANES - 1 - lane) / LANES);
        return proveEngine(world, report, { lane, count, seed, say, signal });
      }),
    ].map(async (part) => part.catch((error: unknown) => broken.abort(error)));
    await Promise.all(parts);
    broken.signal.throwIfAborted();
    report.refused_admin = await world.refusedAdmins();
    report.refused_max = Math.max(report.refused_max, report.refused_admin);
    return report;
  } finally {
    await world.close();
  }
}

async function proveProcess(world: World, report: ProofReport, options: ProofOptions): Promise<void> {
  const { say = () => {}, withoutJournal } = options;
  const workers = new Workers(COMMAND_ENVIRONMENT);
  const stage: Stage = { world, workers, ...(withoutJournal ? { withoutJournal } : {}) };
  try {
    const points = choose(await measure(stage, options), options);
    say(`${points.length} points on a rotation process`);
    await inTurns(points, async (point, index) => {
      if (options.signal?.aborted) return;
      const outcome = await runPoint(stage, point, `p${index}`);
      const twice = isTwice(point);
      const noted = { kind: point.kind, target: targetOf(point.scenario), twice, name: describePoint(point) };
      for (const fault of note(report, noted, outcome)) say(fault);
      if (report.points % 50 === 0) say(`${report.points} of ${points.length} points, ${report.faults.length} faults`);
    });
  } finally {
    await workers.close();
  }
}

interface LaneOptions {
  lane: number;
  count: number;
  seed: number;
  say: (line: string) => void;
  signal: AbortSignal;
}

async function proveEngine(world: World, report: ProofReport, options: LaneOptions): Promise<void> {
  const { lane, count, seed, say, signal } = options;
  if (count === 0) return;
  const project = await EngineLane.create(world, lane);
  try {
    const moments = world.vaultAddress ? "traffic" : "log";
    for (const point of enginePoints(count, new Random(seed * LANES + lane), moments)) {
      if (signal.aborted) return;
      const outcome = await project.run(point);
      const noted = { kind: "engine" as const, target: project.target, twice: false, name: describeEnginePoint(point) };
      for (const fault of note(report, noted, outcome)) say(fault);
      if (report.engine_points % 5 === 0) say(`${report.engine_points} points on the engine`);
    }
  } finally {
    await project.close();
  }
}

function choose(lengths: Lengths, { points, seed = 1, withoutJournal }: ProofOptions): Point[] {
  const random = new Random(seed);
  if (withoutJournal) return killsOnly(lengths, random, points ?? 60);
  return points === undefined ? allPoints(lengths, random) : somePoints(lengths, random, points);
}

/** Runs each scenario once without a cut: its length says where it can be cut, and it must be faultless. */
async function measure(stage: Stage, options: ProofOptions): Promise<Lengths> {
  const { world, workers } = stage;
  const measured = await Promise.all(
    possibleScenarios(options).map(async (scenario) => {
      const scene = SCENARIOS[scenario];
      const system = await scene.open(world);
      const proxy = await Proxy.start(system.address);
      const vaultProxy = world.vaultAddress && (await Proxy.start(world.vaultAddress));
      const vault = vaultProxy ? through(world.opening, vaultProxy.port) : world.opening;
      const place = { host: "127.0.0.1", port: proxy.port };
      const subject = await scene.prepare(world, system, `m_${scenario.replaceAll("-", "_")}`, place);
      const began = performance.now();
      const ended = await workers.run({ vault, work: "rotate", target: targetOf(scenario), ...subject.first });
      await proxy.close();
      await vaultProxy?.close();
      await system.close();
      if (ended.killed || !ended.result.ok)
        throw new Error(`${scenario} fails without a cut: ${JSON.stringify(ended)}`);
      const milliseconds = Math.ceil(performance.now() - began);
      const { requests } = ended.result;
      const lengths = { requests: requests.length, set: requests.indexOf("target.set") + 1 };
      const pieces = { pieces: proxy.pieces, vaultPieces: vaultProxy?.pieces ?? 0 };
      return [scenario, { ...lengths, ...pieces, milliseconds }] as const;
    }),
  );
  return new Map(measured);
}

/** Machines need namespaces; a stand-in would keep no passwords that a system keeps. MariaDB must be there, and in CI it is. */
function possibleScenarios({ say = () => {}, targets = TARGETS }: ProofOptions): ScenarioName[] {
  const { way, because } = findWay();
  const hasMachines = way !== "stand-in";
  if (!hasMachines && targets.includes("linux")) say(`no points on Linux machines: ${because}`);
  const hasMariadb = findMariadb() !== undefined || process.env["CI"] !== undefined;
  if (!hasMariadb && targets.includes("mysql")) say("no points on MariaDB: it isn't installed");
  const names = Object.keys(SCENARIOS) as ScenarioName[]; // a constant's own keys
  const possible = targets.filter((target) => (target === "linux" ? hasMachines : target !== "mysql" || hasMariadb));
  return names.filter((name) => possible.includes(targetOf(name)));
}

function nothingFound(): Found {
  return { points: 0, engine_points: 0, lost: 0, doubled: 0, unfinished: 0, refused_max: 0, refused_max_pairs: 0 };
}

function emptyReport(vault: string): ProofReport {
  return {
    vault,
    ...nothingFound(),
    targets: {},
    refused_admin: 0,
    not_cut: 0,
    by_kind: {},
    faults: [],
  };
}

interface Noted {
  kind: PointKind | "engine";
  target: TargetKind;
  /** Two cuts, or two processes: two logins may be refused. */
  twice: boolean;
  name: string;
}

/** @returns the faults, one line each */
function note(report: ProofReport, noted: Noted, { faults, refused, wasCut }: Outcome): string[] {
  const { kind, target, twice, name } = noted;
  report.by_kind[kind] = (report.by_kind[kind] ?? 0) + 1;
  if (!wasCut) report.not_cut += 1;
  const field = twice ? "refused_max_pairs" : "refused_max";
  for (const found of [report, (report.targets[target] ??= nothingFound())]) {
    found[kind === "engine" ? "engine_points" : "points"] += 1;
    for (const what of ["lost", "doubled", "unfinished"] as const) {
      if (faults.some((fault) => fault.what === what)) found[what] += 1;
    }
    found[field] = Math.max(found[field], refused);
  }
  const all =
    refused > (twice ? 2 : 1) ? [...faults, { what: "refused", detail: `${refused} logins were refused` }] : faults;
  const lines = all.map(({ what, detail }) => `${what}: ${name}: ${detail}`);
  report.faults.push(...lines);
  return lines;
}

/** Several at once; after a failure the others end what they have begun, and it is thrown then. */
async function inTurns<T>(list: readonly T[], work: (one: T, index: number) => Promise<void>): Promise<void> {
  const entries = list.entries();
  const lane = async () => {
    for (const [index, one] of entries) await work(one, index);
  };
  const ended = await Promise.allSettled(Array.from({ length: AT_ONCE }, lane));
  for (const end of ended) if (end.status === "rejected") throw end.reason;
}
