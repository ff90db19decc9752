import { afterAll, afterEach, expect, jest, test } from "@jest/globals";
import { systemClock } from "../../provider/core/clock.js";
import { type HashicorpVault, openHashicorpVault } from "../../provider/vault/hashicorp/hashicorp-vault.js";
import { createMemoryVault } from "../../provider/vault/memory/memory-vault.js";
import type { Vault } from "../../provider/vault/port.js";
import { between } from "../fixtures/between.js";
import { newVault, sharedServer } from "../fixtures/openbao.js";
import { counts, makeEntry, newValue, syncInto } from "../fixtures/sync-scene.js";

jest.setTimeout(180_000);
afterAll(async () => (await sharedServer()).stop());

type Robots = Awaited<ReturnType<typeof newVault>>;
let prod: Vault;
let robots: Robots;
const opened: HashicorpVault[] = [];
afterEach(() => Promise.all(opened.splice(0).map((vault) => vault.close())));

/** As a process of its own has it: nothing is remembered. */
function open(place = robots.place): HashicorpVault {
  const vault = openHashicorpVault({ ...place, clock: systemClock, actor: "a test" });
  opened.push(vault);
  return vault;
}

/** The names in the mount's root at which something can be read, each with its password. */
async function readable(): Promise<Record<string, unknown>> {
  const { server, place } = robots;
  const { body } = await server.api("GET", `${place.mount}/metadata/?list=true`);
  const names = ((body.data?.["keys"] ?? []) as string[]).filter((name) => !name.endsWith("/"));
  const found: Record<string, unknown> = {};
  for (const name of names) {
    const answer = await server.api("GET", `${place.mount}/data/${name}`);
    if (answer.status === 200) found[name] = (answer.body.data as { data: { password: string } }).data.password;
  }
  return found;
}

test("cut before or after any of its writes, no copy is left behind at the place that it was leaving, and none is lost", async () => {
  const later = { ...systemClock, now: () => new Date(Date.now() + 180_000) }; // the lease of the run that was cut is over
  let cuts = 0;
  for (let at = 1, isDone = false; !isDone; at++) {
    for (const lose of [false, true]) {
      prod = createMemoryVault({ name: "prod" });
      robots = await newVault({ name: "robots" });
      const [moves, changes, goes] = [
        await makeEntry(prod, "moves"),
        await makeEntry(prod, "changes"),
        await makeEntry(prod, "goes"),
      ];
      await syncInto(prod, open());
      await prod.updateCredential(moves, { name: "moved" });
      await newValue(prod, changes, "second");
      await prod.archiveCredential(goes, {});
      await makeEntry(prod, "new");
      let writes = 0;
      const proxy = await between(robots.server, (method) => {
        if (method !== "GET") writes += 1;
        if (writes < at) return undefined;
        // The write itself may have come through, of which the process learns nothing; nothing after it does.
        return lose && writes === at && method !== "GET"
          ? { status: 0, lose: true }
          : { status: 400, body: { errors: ["cut"] } };
      });
      await syncInto(prod, open({ ...robots.place, server: { origin: proxy.origin } })).catch(() => undefined);
      proxy.close();
      isDone = writes < at;
      if (!isDone) cuts += 1;
      const report = await syncInto(prod, open(), { clock: later, verify: true });
      expect([at, lose, report.failures, report.differences]).toEqual([at, lose, [], []]);
      const whole = { changes: "second", moved: "value of moves", new: "value of new" };
      expect([at, lose, await readable()]).toEqual([at, lose, whole]);
      expect(counts(await syncInto(prod, open(), { clock: later }))).toBe("unchanged 3");
    }
  }
  expect(cuts).toBeGreaterThan(12);
});
