import type { Cut } from "./job.ts";
import type { Random } from "./random.ts";
import type { ScenarioName } from "./scenarios.ts";

/** A moment inside of a request: a piece of the traffic with the system, or with the vault. `drop`: the connection breaks, nobody is killed. */
export interface WireCut {
  number: number;
  how: "kill-before" | "kill-after" | "drop";
}

/** One way in which a rotation is cut off, and what happens before the ordinary next run. */
export type Point = { scenario: ScenarioName } & (
  | { kind: "kill" | "lost-reply" | "refresh-between" | "other-cause"; cut: Cut }
  | { kind: "pair"; cut: Cut; second: Cut }
  /** Two processes start the same run at once, and one of them is killed, or neither. */
  | { kind: "two-at-once"; cut?: Cut }
  | { kind: "wire" | "vault-wire"; wire: WireCut }
  /** A kill from outside, at no particular boundary. */
  | { kind: "any-moment"; afterMs: number }
);

export type PointKind = Point["kind"];

/** How long each scenario is, from a run that isn't cut off. */
export type Lengths = ReadonlyMap<ScenarioName, Length>;

interface Length {
  requests: number;
  /** The request that sets the password, from 1. */
  set: number;
  /** Of the traffic with the system. */
  pieces: number;
  /** Of the traffic with the vault; 0 if that is a file. */
  vaultPieces: number;
  milliseconds: number;
}

const KILLS = ["kill-before", "kill-after"] as const;
const WIRED: readonly ScenarioName[] = [
  "by-reference",
  "new-account",
  "by-itself",
  "linux-by-key",
  "linux-by-itself",
  "command-by-file",
  "command-by-itself",
  "mysql-by-reference",
  "mysql-by-itself",
];
/** A trigger changes in them, so that another cause can come first. */
const ROTATED: readonly ScenarioName[] = [
  "by-reference",
  "by-file",
  "by-itself",
  "linux-by-key",
  "linux-by-itself",
  "command-by-file",
  "command-once",
  "command-by-itself",
  "mysql-by-reference",
  "mysql-by-itself",
];

/** A set can't be repeated in them, so that a resume logs in to find out whether it happened. */
const DOUBTFUL: readonly ScenarioName[] = [
  "by-itself",
  "linux-by-itself",
  "command-once",
  "command-by-itself",
  "mysql-by-itself",
];

/** Every boundary once, the pairs that could cost an account most, and so many of what is drawn at random. */
export function allPoints(lengths: Lengths, random: Random): Point[] {
  return [
    ...boundaries(lengths),
    ...doubtful(lengths),
    ...drawn(lengths, random, { pair: 70, refresh: 40, two: 40, moment: 40, other: 6 }),
  ];
}

/** A share of each kind, `count` points together. */
export function somePoints(lengths: Lengths, random: Random, count: number): Point[] {
  const share = (part: number) => Math.max(1, Math.round(count * part));
  const few = drawn(lengths, random, {
    pair: share(0.15),
    refresh: share(0.1),
    two: share(0.1),
    moment: share(0.05),
    other: 0,
  });
  const all = boundaries(lengths);
  const of = (kind: PointKind) => all.filter((point) => point.kind === kind);
  const lost = random.spread(of("lost-reply"), share(0.12));
  const wire = random.spread([...of("wire"), ...of("vault-wire")], share(0.13));
  const rest = Math.max(1, count - few.length - lost.length - wire.length);
  return [...random.spread(of("kill"), rest), ...lost, ...wire, ...few].slice(0, count);
}

/** Single kills only, for the test double: those are where it must lose passwords. */
export function killsOnly(lengths: Lengths, random: Random, count: number): Point[] {
  const kills = boundaries(lengths).filter(({ kind, scenario }) => kind === "kill" && scenario !== "an-admin");
  return random.spread(kills, count);
}

function boundaries(lengths: Lengths): Point[] {
  return [...lengths].flatMap(([scenario, { requests, pieces, vaultPieces }]): Point[] => {
    const isWired = WIRED.includes(scenario);
    return [
      ...numbers(requests).flatMap((number) =>
        KILLS.map((how) => ({ kind: "kill" as const, scenario, cut: { number, how } })),
      ),
      ...numbers(requests).map((number) => ({
        kind: "lost-reply" as const,
        scenario,
        cut: { number, how: "lose-reply" as const },
      })),
      ...(isWired ? wireCuts(pieces) : []).map((wire) => ({ kind: "wire" as const, scenario, wire })),
      ...(isWired ? wireCuts(vaultPieces) : []).map((wire) => ({ kind: "vault-wire" as const, scenario, wire })),
    ];
  });
}

/** A set that never happened, then each boundary of a resume that logs in with what it would have set. */
function doubtful(lengths: Lengths): Point[] {
  return [...lengths]
    .filter(([scenario]) => DOUBTFUL.includes(scenario))
    .flatMap(([scenario, { set }]) =>
      numbers(10).map((number): Point => {
        const how = "kill-before";
        return { kind: "pair", scenario, cut: { number: set, how }, second: { number, how } };
      }),
    );
}

function wireCuts(pieces: number): WireCut[] {
  return numbers(pieces).flatMap((number) => ([...KILLS, "drop"] as const).map((how) => ({ number, how })));
}

interface Counts {
  pair: number;
  refresh: number;
  two: number;
  moment: number;
  other: number;
}

function drawn(lengths: Lengths, random: Random, counts: Counts): Point[] {
  const times = <T>(count: number, make: (index: number) => T) =>
    Array.from({ length: count }, (_, index) => make(index));
  const names = [...lengths.keys()];
  const lengthOf = (scenario: ScenarioName) =>
    lengths.get(scenario) ?? { requests: 1, set: 1, pieces: 1, vaultPieces: 0, milliseconds: 1 };
  const somewhere = (among = names) => {
    const scenario = random.pick(among);
    return { scenario, cut: { number: random.upTo(lengthOf(scenario).requests), how: random.pick(KILLS) } };
  };
  return [
    ...times(counts.pair, (): Point => {
      // The first kill comes before the promotion, so that there is something to resume and to kill again.
      const { scenario, cut } = somewhere();
      const number = Math.min(cut.number, lengthOf(scenario).requests - 1);
      const second = { number: random.upTo(10), how: random.pick(KILLS) };
      return { kind: "pair", scenario, cut: { ...cut, number }, second };
    }),
    ...times(counts.refresh, (): Point => ({ kind: "refresh-between", ...somewhere() })),
    ...times(counts.two, (index): Point => {
      const { scenario, cut } = somewhere();
      return { kind: "two-at-once", scenario, ...(index % 3 === 0 ? {} : { cut }) };
    }),
    ...times(counts.moment, (): Point => {
      const scenario = random.pick(names);
      return { kind: "any-moment", scenario, afterMs: random.upTo(lengthOf(scenario).milliseconds) };
    }),
    ...times(counts.other, (): Point => ({
      kind: "other-cause",
      ...somewhere(ROTATED.filter((name) => lengths.has(name))),
    })),
  ];
}

function numbers(length: number): number[] {
  return Array.from({ length }, (_, index) => index + 1);
}

/** One line that names the point, for progress and faults. */
export function describePoint(point: Point): string {
  const cut = ({ number, how }: Cut) => `${how} request ${number}`;
  switch (point.kind) {
    case "pair":
      return `${point.scenario}: ${cut(point.cut)}, then ${cut(point.second)} of the resume`;
    case "two-at-once":
      return `${point.scenario}: two at once${point.cut ? `, ${cut(point.cut)} of one` : ""}`;
    case "wire":
    case "vault-wire": {
      const traffic = point.kind === "wire" ? "the traffic" : "the vault's traffic";
      return `${point.scenario}: ${point.wire.how} piece ${point.wire.number} of ${traffic}`;
    }
    case "any-moment":
      return `${point.scenario}: killed after ${point.afterMs} ms`;
    case "kill":
    case "lost-reply":
    case "refresh-between":
    case "other-cause":
      return `${point.scenario}: ${point.kind}, ${cut(point.cut)}`;
  }
}
