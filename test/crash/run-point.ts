import { setTimeout as delay } from "node:timers/promises";
import { accountsOf } from "../../provider/vault/port.js";
import type { Job } from "./job.ts";
import { type Point, type WireCut } from "./points.ts";
import { Proxy } from "./proxy.ts";
import { SCENARIOS, type Subject, targetOf } from "./scenarios.ts";
import type { System } from "./system.ts";
import { type Fault, loginsOf, Watch } from "./watch.ts";
import { through } from "./vaults.ts";
import type { Ended, Worker, Workers } from "./workers.ts";
import type { World } from "./world.ts";

/** What came of one point. */
export interface Outcome {
  faults: Fault[];
  /** Logins of its accounts that the system refused, before the proof's own, beyond those that belong to it. */
  refused: number;
  /** False if the run was over before the planned moment. */
  wasCut: boolean;
}

export interface Stage {
  world: World;
  workers: Workers;
  withoutJournal?: true;
}

/** Cuts a rotation off as the point says, lets the ordinary next run follow, and looks at what is left. */
export async function runPoint(stage: Stage, point: Point, name: string): Promise<Outcome> {
  const { world } = stage;
  const scenario = SCENARIOS[point.scenario];
  const system = await scenario.open(world);
  // An address of the point's own: the budget of logins of a host that points share would be one point's to spend and
  // another's to wait for.
  const front = await Proxy.start(system.address);
  const vaultProxy =
    point.kind === "vault-wire" && world.vaultAddress ? await Proxy.start(world.vaultAddress) : undefined;
  const proxy = vaultProxy ?? front;
  try {
    const subject = await scenario.prepare(world, system, name, { host: "127.0.0.1", port: front.port });
    const watch = new Watch(world.vault, system, subject.watched);
    await watch.invariant("before the run");
    const wasCut = await cutOff(stage, { point, subject, proxy });
    await watch.invariant("after the cut");
    await between(stage, { point, subject, watch });
    for (const part of subject.next) {
      const next = point.kind === "other-cause" ? { ...part, causes: ["cause:other"] } : part;
      const failure = await runNext(stage, point, next, subject);
      if (failure) watch.faults.push({ what: "unfinished", detail: `the next run failed: ${failure}` });
    }
    const refused = await refusedLogins(system, subject);
    await watch.end(point.kind === "other-cause" ? await withOther(world, subject) : {});
    return { faults: watch.faults, refused, wasCut };
  } finally {
    await front.close();
    await vaultProxy?.close();
    await system.close();
  }
}

interface Running {
  point: Point;
  subject: Subject;
  /** Where the traffic is cut: before the vault or before the system. */
  proxy: Proxy;
}

/** @returns whether the run was really cut off */
async function cutOff(stage: Stage, { point, subject, proxy }: Running): Promise<boolean> {
  const first = job(stage, point, subject.first);
  const run = (cut?: Job["cut"]) => stage.workers.run({ ...first, ...(cut ? { cut } : {}) });
  switch (point.kind) {
    case "kill":
    case "pair":
    case "refresh-between":
    case "other-cause":
      return (await run(point.cut)).killed;
    case "lost-reply": {
      const ended = await run(point.cut);
      return !ended.killed && ended.result.requests.length >= point.cut.number;
    }
    case "two-at-once": {
      const both = await Promise.all([run(point.cut), run()]);
      return point.cut === undefined || both.some(({ killed }) => killed);
    }
    case "wire":
      return cutWire(stage, first, point.wire, proxy);
    case "vault-wire": {
      const vault = through(first.vault, proxy.port);
      return cutWire(stage, { ...first, vault }, point.wire, proxy);
    }
    case "any-moment": {
      const ended = await stage.workers.run(first, (worker) => void delay(point.afterMs).then(() => worker.kill()));
      return ended.killed;
    }
  }
}

async function cutWire(stage: Stage, first: Job, cut: WireCut, proxy: Proxy): Promise<boolean> {
  let wasCut = false;
  const cutOff = (worker: Worker) => {
    wasCut = true;
    if (cut.how !== "drop") worker.kill();
  };
  const ended = await stage.workers.run(first, (worker) => {
    proxy.watcher = {
      before: ({ number }) => {
        if (number !== cut.number || cut.how === "kill-after") return "pass";
        cutOff(worker);
        return "drop";
      },
      after: ({ number }) => {
        if (number === cut.number && cut.how === "kill-after") cutOff(worker);
      },
    };
  });
  proxy.watcher = {};
  return wasCut && (cut.how === "drop" || ended.killed);
}

/** @returns why it failed, if it did */
async function runNext(
  stage: Stage,
  point: Point,
  next: Subject["first"],
  subject: Subject,
): Promise<string | undefined> {
  let ended = await stage.workers.run(job(stage, point, next));
  // Two cuts may leave two logins of unknown outcome: then it stops, as it should, until a person says so.
  for (let times = 1; isTwice(point) && isBudgetSpent(ended) && times <= AT_MOST; times++) {
    await allowLogins(stage, subject, ended);
    ended = await stage.workers.run(job(stage, point, next));
  }
  if (ended.killed) return "it was killed";
  return ended.result.ok ? undefined : `${ended.result.code}: ${ended.result.message}`;
}

/** Two cuts, or two processes: two logins may be refused or of unknown outcome. */
export function isTwice({ kind }: Point): boolean {
  return kind === "pair" || kind === "two-at-once";
}

/** The account's, its admin's, and their host's. */
const AT_MOST = 3;

function isBudgetSpent(ended: Ended): boolean {
  return !ended.killed && ended.result.code === "BUDGET_SPENT";
}

/** What `coffre resolve` does, for the accounts of the point and for the admin that stopped the run. */
async function allowLogins({ world }: Stage, { watched }: Subject, ended: Ended): Promise<void> {
  const credentials = await Promise.all(watched.map(({ id }) => world.vault.readCredential(id)));
  const accounts = credentials.flatMap(({ targets }) => targets.flatMap(accountsOf));
  const message = ended.killed ? undefined : ended.result.message;
  const admin = /on account (postgres:\/\/crash_admin@\S+|mysql:\/\/crash_keeper@\S+)/.exec(message ?? "")?.[1];
  for (const account of [...accounts, ...(admin === undefined ? [] : [admin])]) await world.vault.clearLogins(account);
}

async function between(
  stage: Stage,
  { point, subject, watch }: Omit<Running, "proxy"> & { watch: Watch },
): Promise<void> {
  if (point.kind === "pair") {
    await stage.workers.run({ ...job(stage, point, subject.first), cut: point.second });
    await watch.invariant("after the second cut");
  }
  if (point.kind === "refresh-between") {
    const read: Ended = await stage.workers.run({ ...job(stage, point, subject.first), work: "read" });
    // An entry without any version has none to read: that is an answer too.
    if (read.killed) throw new Error("a read was killed");
    await watch.invariant("after the refresh");
  }
}

function job({ world, withoutJournal }: Stage, { scenario }: Point, { credentialId, causes }: Subject["first"]): Job {
  return {
    vault: world.opening,
    work: "rotate",
    credentialId,
    target: targetOf(scenario),
    causes,
    ...(withoutJournal ? { withoutJournal } : {}),
  };
}

async function refusedLogins(system: System, { watched, expectedRefusals = 0 }: Subject): Promise<number> {
  const counts = await Promise.all(watched.flatMap(loginsOf).map((user) => system.refusedLogins(user)));
  return Math.max(0, counts.reduce((sum, count) => sum + count, 0) - expectedRefusals);
}

/** Another cause than the cut run's: one version more, unless the cut came before its first write. */
async function withOther(world: World, { watched }: Subject) {
  const [one] = watched;
  if (!one) throw new Error("a point watches something");
  const { versions } = await world.vault.readCredential(one.id);
  const begun = versions.some(({ causes }) => one.causes.some((cause) => causes.includes(cause)));
  const causes = ["cause:other", ...(begun ? one.causes : [])];
  return { causes, versions: begun ? one.versions + 1 : one.versions };
}
