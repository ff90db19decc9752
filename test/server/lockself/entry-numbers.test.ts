import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import { systemClock } from "../../../provider/core/clock.js";
import { EntryNumbers } from "../../../provider/server/lockself/entry-numbers.js";
import { createEmbeddedVault } from "../../../provider/vault/embedded/create.js";
import { openEmbeddedVault } from "../../../provider/vault/embedded/embedded-vault.js";
import { newKeyText } from "../../../provider/vault/embedded/key-file.js";
import type { VaultEvent } from "../../../provider/vault/port.js";
import { event, IndexScene, LogOf } from "../../fixtures/event-log.js";
import { LockselfScene } from "../../fixtures/lockself-scene.js";

test("ids are the same after a restart, and another process sees what the front wrote, and the front what that one wrote", async () => {
  const folder = mkdtempSync(join(tmpdir(), "coffre-numbers-"));
  const path = join(folder, "coffre.db");
  const key = { keyText: newKeyText() };
  await createEmbeddedVault({ path, name: "test", key, actor: "test", clock: systemClock });
  const open = () => openEmbeddedVault({ path, key, actor: "test", clock: systemClock });
  const statePath = join(folder, "serve.db");
  const list = async (scene: LockselfScene) =>
    (await scene.ask("GET /api-key/credentials")).body.items.map(({ id, name }) => [id, name]);
  try {
    const first = await LockselfScene.start({ vault: open(), statePath });
    const categoryId = await first.category("Partners");
    const policy = (await first.ask("POST /api-key/password-policies", { name: "strict", minLength: 4 })).body.id;
    await first.ask(`PUT /api-key/categories/${categoryId}`, { passwordPolicyId: policy });
    for (const name of ["b", "a"]) await first.ask("POST /api-key/credentials", { categoryId, name, password: "word" });
    const before = await list(first);

    const beside = open();
    const entry = await beside.findCredential(["Partners", "a"]);
    const [value] = await beside.readMany([{ id: entry?.id ?? "" }]);
    expect(value instanceof Error ? value : value?.value.reveal()).toBe("word");
    await beside.createCredentials([{ name: "c", categoryId: entry?.categoryId ?? null }]);
    await beside.close();
    const together = await list(first);
    expect(together.slice(0, 2)).toEqual(before);
    expect(together.map(([, name]) => name)).toEqual(["b", "a", "c"]);
    await first.close();

    const second = await LockselfScene.start({ vault: open(), statePath });
    expect(await list(second)).toEqual(together);
    expect((await second.ask(`GET /api-key/categories/${categoryId}`)).body).toMatchObject({
      passwordPolicyId: policy,
    });
    await second.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe("the numbers of entries", () => {
  const files: IndexScene[] = [];
  afterEach(() => files.splice(0).forEach((file) => file.close()));
  const numbersOf = (events: VaultEvent[]) => {
    const vault = new LogOf(events);
    const file = new IndexScene();
    files.push(file);
    return { numbers: new EntryNumbers(vault, file.index()), vault };
  };

  test("are those of the events that created them, once each, and of the kind that is asked for", async () => {
    const events = [event(1, "vault.created", []), event(2, "category.created", ["ct_a"])];
    const { numbers, vault } = numbersOf(events);
    expect(await numbers.numberOf("ct_a")).toBe(2);
    expect(await numbers.idOf("ct_", 2)).toBe("ct_a");
    expect(await numbers.idOf("cr_", 2)).toBeUndefined();
    expect(vault.asked).toEqual([0]);
    events.push(event(3, "credential.read", ["cr_b"]), event(4, "credential.created", ["cr_b"]));
    events.push(event(5, "membership.created", ["mb_c", "gp_c", "us_c"]));
    expect(await numbers.idOf("cr_", 4)).toBe("cr_b");
    expect(await numbers.idOf("gp_", 5)).toBeUndefined();
    expect(vault.asked).toEqual([0, 2, 5]);
  });

  test("never come again after a restore, whose log is shorter", async () => {
    const restored = "2030-06-01T00:00:00.000Z";
    const seconds = Date.parse(restored) / 1_000;
    const { numbers } = numbersOf([
      event(1, "credential.created", ["cr_old"]),
      event(2, "vault.restored", ["cr_newer", "cr_old"], restored),
      event(3, "credential.created", ["cr_b"], restored),
    ]);
    await numbers.catchUp();
    expect(["cr_old", "cr_newer", "cr_b"].map((id) => numbers.known(id))).toEqual([1, seconds - 1, seconds + 3]);
  });

  test("are there for everybody who asks at the same time, also for what was written while one scan ran", async () => {
    const events = [event(1, "credential.created", ["cr_a"])];
    const { numbers } = numbersOf(events);
    const first = numbers.catchUp();
    await Promise.resolve();
    events.push(event(2, "credential.created", ["cr_b"]));
    await Promise.all([first, numbers.catchUp(), numbers.catchUp()]);
    expect([numbers.known("cr_a"), numbers.known("cr_b")]).toEqual([1, 2]);
  });

  test("are asked for again after a scan that failed", async () => {
    const { numbers, vault } = numbersOf([event(1, "credential.created", ["cr_a"])]);
    vault.failing = new Error("the disk");
    await expect(numbers.numberOf("cr_a")).rejects.toThrow("the disk");
    vault.failing = undefined;
    expect(await numbers.numberOf("cr_a")).toBe(1);
  });
});
