import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { Secret } from "../../provider/core/secret.js";
import type { EmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";
import type { RotationStep } from "../../provider/vault/port.js";
import { killedAtStep, noting, Scene } from "../fixtures/rotation-scene.ts";
import { FileScene } from "./vault-scene.js";

// A vault in a file writes down two steps of a rotation at once where the protocol lets them share a write.

let files: FileScene;
let vault: EmbeddedVault;
let scene: Scene;
beforeEach(async () => {
  files = await FileScene.make({ name: "scene" });
  scene = new Scene((clock) => (vault = files.open({ clock })));
});
afterEach(async () => {
  await scene.close();
  await files.dispose();
});

test("a rotation that an admin makes is three writes, and looks before the first", async () => {
  const id = await scene.orders();
  const order = scene.target.calls;
  await scene.rotate(id, "cause:1", scene.context({ around: noting(order) }));
  expect(order.filter((call) => !/^(readCredential|identity|bookLogin|settleLogin)/.test(call))).toEqual([
    "readMany", // the admin's password
    "connect dba@db1:1",
    "look orders@db1:1",
    "acquireAsSeen stage",
    "prepareSet orders@db1:1", // while the next write is made
    "recordReadBack set-started book-login",
    "set orders@db1:1",
    "verify orders@db1:1",
    "record set-confirmed settle-login verified promote release",
  ]);
  expect(scene.target.passwordOf("orders@db1:1")).toBe(await scene.value(id));
});

test("an account that logs in by itself is looked at under the lease, since that costs its budget", async () => {
  scene.target.give("orders@db1:1", "what it was before");
  const initial = { value: new Secret("what it was before"), causes: [] };
  const id = await scene.withTargets([{ host: "db1" }], { name: "orders", initial });
  const notes: string[] = [];
  await scene.rotate(id, "cause:1", scene.context({ around: noting(notes) }));
  expect(notes).toContain("acquireLease");
  expect(notes).not.toContain("acquireAsSeen stage");
});

describe("what was decided on an entry that is another by the time of the lease is decided anew", () => {
  test("another run has answered the same cause meanwhile", async () => {
    const id = await scene.rotated();
    scene.target.next("look", async (act) => {
      await scene.rotate(id, "cause:2");
      return act();
    });
    await expect(scene.rotate(id, "cause:2")).resolves.toMatchObject({ action: "none", version: 2 });
    expect(await scene.versions(id)).toBe("1 previous, 2 current");
  });

  test("another run was killed in the middle of it", async () => {
    const id = await scene.rotated();
    scene.target.next("look", async (act) => {
      const killed = scene.context({ around: killedAtStep("promote", "before") });
      await expect(scene.rotate(id, "cause:other", killed)).rejects.toThrow();
      return act();
    });
    await expect(scene.rotate(id, "cause:2")).resolves.toMatchObject({ action: "rotated" });
    expect(await scene.versions(id)).toBe("1 previous, 2 previous, 3 current");
    expect(scene.target.passwordOf("orders@db1:1")).toBe(await scene.value(id));
  });

  test("a person has moved the entry", async () => {
    const id = await scene.rotated();
    const { id: categoryId } = await vault.createCategory({ name: "Databases", parentId: null });
    const notes: string[] = [];
    scene.target.next("look", async (act) => {
      await vault.updateCredential(id, { categoryId });
      return act();
    });
    await scene.rotate(id, "cause:2", scene.context({ around: noting(notes) }));
    expect(scene.target.count("look")).toBe(2);
    expect(notes.filter((note) => note.includes("stage"))).toEqual(["acquireAsSeen stage", "record stage"]);
    expect(await scene.versions(id)).toBe("1 previous, 2 current");
  });
});

test.each(["before", "after"] as const)("killed %s lease and stage, the next run ends it", async (when) => {
  const id = await scene.rotated();
  const killed = scene.context({ around: killedAtStep("stage", when) });
  await expect(scene.rotate(id, "cause:2", killed)).rejects.toThrow();
  expect(scene.target.count("set")).toBe(0);
  await scene.rotate(id, "cause:2", scene.context({ leaseWaitMs: 600_000 }));
  expect(await scene.versions(id)).toBe("1 previous, 2 current");
  expect(scene.target.passwordOf("orders@db1:1")).toBe(await scene.value(id));
});

test("a value that reads back otherwise is not set, and nothing is recorded", async () => {
  const id = await scene.rotated();
  const seen = await vault.readCredential(id);
  const account = seen.targets[0]?.account ?? "";
  const stage: RotationStep = { step: "stage", value: new Secret("one"), causes: ["cause:2"], accounts: [account] };
  const { lease } = await vault.acquireAsSeen(seen, { holder: "a test", ttlSeconds: 60 }, [stage]);
  const started: RotationStep = { step: "set-started", version: 2, account };
  const other = { version: 2, value: new Secret("another") };
  await expect(vault.recordReadBack(lease, other, [started])).rejects.toMatchObject({ code: "BAD_RESPONSE" });
  expect((await vault.readCredential(id)).journal.pending?.targets).toMatchObject([{ setStarted: false }]);
  await vault.recordReadBack(lease, { version: 2, value: new Secret("one") }, [started]);
  expect((await vault.readCredential(id)).journal.pending?.targets).toMatchObject([{ setStarted: true }]);
});
