import { setTimeout as delay } from "node:timers/promises";
import { accountsOf } from "../../provider/vault/port.js";
import type { Job } from "./job.ts";
import { type Point, type WireCut } from "./points.ts";
import { Proxy } from "./proxy.ts";
import { SCENARIOS, type Subject } from "./scenarios.ts";
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
  const watched = { wire: system.address, "vault-wire": world.vaultAddress };
  const address = point.kind === "wire" || point.kind === "vault-wire" ? watched[point.kind] : undefined;
  const proxy = address && (await Proxy.start(address));
  try {
    const place = proxy && point.kind === "wire" ? { host: "127.0.0.1", port: proxy.port } : system.address;
    const subject = await scenario.prepare(world, system, name, place);
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
    await proxy?.close();
    await system.close();
  }
}

interface Running {
  point: Point;
  subject: Subject;
  proxy?: Proxy | undefined;
}

/** @returns whether the run was really cut off */
async function cutOff(stage: Stage, { point, subject, proxy }: Running): Promise<boolean> {
  const first = job(stage, subject.first);
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
      const vault = proxy ? through(first.vault, proxy.port) : first.vault;
      return cutWire(stage, { ...first, vault }, point.wire, proxy);
    }
    case "any-moment": {
      const ended = await stage.workers.run(first, (worker) => void delay(point.afterMs).then(() => worker.kill()));
      return ended.killed;
    }
  }
}

async function cutWire(stage: Stage, first: Job, cut: WireCut, proxy: Proxy | undefined): Promise<boolean> {
  if (!proxy) throw new Error("a wire point has a proxy");
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
  let ended = await stage.workers.run(job(stage, next));
  if (!ended.killed && ended.result.code === "BUDGET_SPENT" && isTwice(point)) {
    // Two cuts may leave two logins of unknown outcome: then it stops, as it should, until a person says so.
    for (const { id } of subject.watched) await allowLogins(stage, id);
    ended = await stage.workers.run(job(stage, next));
  }
  // Cuts of several points at once have used up the budget of the admin that they share: a person says so here too.
  for (let shared = sharedAdmin(ended), times = 1; shared && times <= AT_MOST; shared = sharedAdmin(ended), times++) {
    await stage.world.vault.clearLogins(shared);
    ended = await stage.workers.run(job(stage, next));
  }
  // So does the budget of a host that they share; but the others' own next runs give it free again, which nothing that
  // this point left behind would do.
  for (let times = 1; isSharedHost(ended) && times <= HOST_AT_MOST; times++) {
    await delay(HOST_WAIT_MS);
    ended = await stage.workers.run(job(stage, next));
  }
  if (ended.killed) return "it was killed";
  return ended.result.ok ? undefined : `${ended.result.code}: ${ended.result.message}`;
}

/** Two cuts, or two processes: two logins may be refused or of unknown outcome. */
export function isTwice({ kind }: Point): boolean {
  return kind === "pair" || kind === "two-at-once";
}

/** Other points go on meanwhile, and use it up again. */
const AT_MOST = 5;

/** The account of the admin that all points on its server share, if its budget is what stopped the run. */
function sharedAdmin(ended: Ended): string | undefined {
  if (ended.killed || ended.result.code !== "BUDGET_SPENT") return undefined;
  return /on account (postgres:\/\/crash_admin@\S+|mysql:\/\/crash_keeper@\S+)/.exec(ended.result.message ?? "")?.[1];
}

const HOST_AT_MOST = 20;
const HOST_WAIT_MS = 500;

function isSharedHost(ended: Ended): boolean {
  return !ended.killed && ended.result.code === "BUDGET_SPENT" && / on host /.test(ended.result.message ?? "");
}

/** What `coffre resolve` does. */
async function allowLogins({ world }: Stage, id: string): Promise<void> {
  const { targets } = await world.vault.readCredential(id);
  for (const account of targets.flatMap(accountsOf)) await world.vault.clearLogins(account);
}

async function between(stage: Stage, { point, subject, watch }: Running & { watch: Watch }): Promise<void> {
  if (point.kind === "pair") {
    await stage.workers.run({ ...job(stage, subject.first), cut: point.second });
    await watch.invariant("after the second cut");
  }
  if (point.kind === "refresh-between") {
    const read: Ended = await stage.workers.run({ ...job(stage, subject.first), work: "read" });
    // An entry without any version has none to read: that is an answer too.
    if (read.killed) throw new Error("a read was killed");
    await watch.invariant("after the refresh");
  }
}

function job({ world, withoutJournal }: Stage, { credentialId, causes }: Subject["first"]): Job {
  return {
    vault: world.opening,
    work: "rotate",
    credentialId,
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
