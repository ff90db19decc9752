import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Proxy } from "./proxy.ts";
import { Random } from "./random.ts";
import { SCENARIOS, type ScenarioName } from "./scenarios.ts";
import { through } from "./vaults.ts";
import { Watch } from "./watch.ts";
import { Workers } from "./workers.ts";
import { World } from "./world.ts";

// The proof kills who rotates; here the vault's server dies, which belongs to this world alone, and who rotates lives on.
let world: World;
let workers: Workers;
beforeAll(async () => {
  world = await World.create("served");
  workers = new Workers();
}, 60_000);
afterAll(async () => {
  await workers.close();
  await world.close();
}, 60_000);

/** `at once`: within what a client waits, so that it may go on. `later`: only when the run has given up. */
type Restart = "at once" | "later";

interface ServerKill {
  scenario: ScenarioName;
  /** The piece of the traffic with the vault after which the server is killed; endless for a run that isn't cut off. */
  piece: number;
  restart: Restart;
}

/** Kills the server there, lets the ordinary next run follow, and looks at what is left. */
async function rotate(name: string, { scenario, piece, restart }: ServerKill) {
  const { vault, vaultAddress: address, vaultServer: server, opening } = world;
  if (!address || !server) throw new Error("a served vault has a server");
  const system = await SCENARIOS[scenario].open(world);
  const proxy = await Proxy.start(address);
  try {
    const subject = await SCENARIOS[scenario].prepare(world, system, name, system.address);
    const watch = new Watch(vault, system, subject.watched);
    const job = { vault: opening, work: "rotate" as const, target: "postgres" as const, ...subject.first };
    let killed: Promise<void> | undefined;
    let restarted: Promise<void> | undefined;
    proxy.watcher = {
      after({ number }) {
        if (number !== piece) return;
        killed = server.kill();
        if (restart === "at once") restarted = killed.then(() => server.restart());
      },
    };
    const run = await workers.run({ ...job, vault: through(opening, proxy.port) });
    const { pieces } = proxy;
    proxy.watcher = {};
    await killed;
    await (restarted ?? (killed && server.restart()));
    await watch.invariant("after the kill");
    for (const part of subject.next) {
      const next = await workers.run({ ...job, ...part });
      if (next.killed || !next.result.ok) {
        const why = next.killed ? "killed" : `${String(next.result.code)}: ${String(next.result.message)}`;
        watch.faults.push({ what: "unfinished", detail: `the next run failed: ${why}` });
      }
    }
    const counts = await Promise.all(subject.watched.map(({ user }) => system.refusedLogins(user)));
    await watch.end({});
    return {
      faults: watch.faults,
      refused: Math.max(...counts),
      pieces,
      wasKilled: killed !== undefined,
      wentOn: !run.killed && run.result.ok,
    };
  } finally {
    await proxy.close();
    await system.close();
  }
}

test("a rotation whose server is killed anywhere is finished by itself or by the next run: nothing lost, nothing doubled", async () => {
  const random = new Random(new Date().getUTCDate());
  const found: Record<string, unknown>[] = [];
  let [killed, wentOn] = [0, 0];
  for (const scenario of ["by-reference", "new-account"] as const) {
    const whole = await rotate(`whole_${scenario}`, { scenario, piece: Infinity, restart: "later" });
    expect(whole).toMatchObject({ faults: [], wentOn: true });
    for (let index = 0; index < 9; index++) {
      const restart: Restart = index % 2 === 0 ? "at once" : "later";
      const point = { scenario, piece: random.upTo(whole.pieces), restart };
      const outcome = await rotate(`killed_${scenario}_${String(index)}`, point);
      if (outcome.faults.length > 0 || outcome.refused > 1) found.push({ ...point, ...outcome });
      killed += Number(outcome.wasKilled);
      wentOn += Number(outcome.wentOn && outcome.wasKilled);
    }
  }
  expect(found).toEqual([]);
  expect(killed).toBeGreaterThan(14);
  expect(wentOn).toBeLessThan(killed); // some were really cut off
}, 600_000); // a server starts twenty times, on a busy machine
