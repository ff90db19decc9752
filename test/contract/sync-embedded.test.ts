import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { systemClock } from "../../provider/core/clock.js";
import { Secret } from "../../provider/core/secret.js";
import { createEmbeddedVault } from "../../provider/vault/embedded/create.js";
import { openEmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";
import { newKeyText } from "../../provider/vault/embedded/key-file.js";
import type { Vault } from "../../provider/vault/port.js";
import { counts, everything, makeCategory, makeEntry, newValue, syncInto } from "../fixtures/sync-scene.js";
import { killSync } from "./sync-kill.js";
import { failure } from "./vault-cases/setup.js";

let folder: string;
const keyText = newKeyText();
const opened: Vault[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "coffre-sync-"));
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((vault) => vault.close()));
  await rm(folder, { recursive: true });
});

const pathOf = (name: string) => join(folder, `${name}.db`);

async function make(name: string): Promise<Vault> {
  await createEmbeddedVault({ path: pathOf(name), name, key: { keyText }, actor: "a test", clock: systemClock });
  return open(name);
}

function open(name: string): Vault {
  const vault = openEmbeddedVault({ path: pathOf(name), key: { keyText }, actor: "a test", clock: systemClock });
  opened.push(vault);
  return vault;
}

test("one file follows another, field by field, and nothing is read or written when nothing changed", async () => {
  const [prod, robots] = [await make("prod"), await make("robots")];
  const shop = await makeCategory(prod, "Shop");
  const ids = [];
  for (let index = 0; index < 20; index++) ids.push(await makeEntry(prod, `entry-${index}`, { categoryId: shop }));
  expect(counts(await syncInto(prod, robots, { verify: true }))).toBe("created 20");
  await newValue(prod, ids[3] ?? "", "second");
  await prod.updateCategory(shop, { name: "Store" });
  expect(counts(await syncInto(prod, robots, { verify: true }))).toBe("updated 1, moved 19");
  expect(await everything(robots)).toEqual(await everything(prod));
  const heads = async () => [(await prod.identity()).head, (await robots.identity()).head];
  const before = await heads();
  expect(counts(await syncInto(prod, robots))).toBe("unchanged 20");
  expect(await heads()).toEqual(before);
});

test("an earlier copy of the source's file is refused, until a person says that it holds", async () => {
  const [prod, robots] = [await make("prod"), await make("robots")];
  const id = await makeEntry(prod, "db");
  await prod.close();
  await copyFile(pathOf("prod"), join(folder, "earlier.db"));
  const later = open("prod");
  await newValue(later, id, "second");
  await syncInto(later, robots);
  await later.close();
  await copyFile(join(folder, "earlier.db"), pathOf("prod"));

  const back = open("prod");
  await newValue(back, id, "another second"); // the same number again, which was given out already
  await failure(syncInto(back, robots), "ROLLED_BACK");
  await failure(syncInto(back, robots, { dryRun: true }), "ROLLED_BACK");
  await pause(2); // so that its version isn't made in the same millisecond
  expect(counts(await syncInto(back, robots, { acceptRollback: true, verify: true }))).toBe("updated 1");
  expect(counts(await syncInto(back, robots, { verify: true }))).toBe("unchanged 1");
  expect(await everything(robots)).toEqual(await everything(back));
});

test("killed at any instant, the next run takes it up: the destination is the source's equal, and nothing is doubled", async () => {
  const [prod, robots] = [await make("prod"), await make("robots")];
  const categories = [await makeCategory(prod, "A"), await makeCategory(prod, "B")];
  const inputs = Array.from({ length: 200 }, (_, index) => ({
    name: `entry-${index}`,
    categoryId: categories[index % 2] ?? null,
    initial: { value: new Secret(`value ${index}`), causes: [] },
  }));
  const ids = (await prod.createCredentials(inputs)).map(({ id }) => id);
  let killed = 0;
  for (const [turn, delay] of [2, 30, 80, 3, 60].entries()) {
    // Between the kills the source goes on: new values, names and places.
    for (const id of ids.slice(turn * 10, turn * 10 + 10)) await newValue(prod, id, `turn ${turn}`);
    await prod.updateCategory(categories[0] ?? "", { name: `A${turn}` });
    await prod.archiveCredential(ids[199 - turn] ?? "", {});
    if (await killSync(delay, { from: pathOf("prod"), to: [pathOf("robots")], secrets: [keyText] })) killed += 1;
  }
  expect(killed).toBeGreaterThan(2);
  const report = await syncInto(prod, robots, { job: { prefix: ["Mirror"] }, verify: true });
  expect(report.failures).toEqual([]);
  expect(report.differences).toEqual([]);
  const wanted = Object.entries(await everything(prod)).map(([path, content]) => [`Mirror/${path}`, content]);
  expect(await everything(robots)).toEqual(Object.fromEntries(wanted));
  expect(counts(await syncInto(prod, robots, { job: { prefix: ["Mirror"] } }))).toBe("unchanged 195");
}, 60_000);
