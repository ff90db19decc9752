import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { throwAwayIdentity } from "../../provider/vault/embedded/backup/age.js";
import type { EmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";
import { BackupScene, furnish, tell } from "./vault-backup-scene.js";
import { collect, createOne, failure, hold, readValue, rotate, stage, withValue } from "./vault-cases/setup.js";

let scene: BackupScene;
let vault: EmbeddedVault;
beforeEach(async () => {
  scene = await BackupScene.make();
  vault = scene.open();
});
afterEach(() => scene.dispose());

/** What a restore changes besides what it restores. */
function withoutDecisions(told: Record<string, unknown>): string {
  const text = JSON.stringify(told);
  return text
    .replaceAll(/,?"attention":\{[^}]*\}/g, "")
    .replaceAll(/"status":"(needs-attention|current|rotating)"/g, '"status":"?"');
}

describe("into a new file", () => {
  test("everything is there again: tree, policies, entries, values, people, owners, digests, accounts, events", async () => {
    const { orders } = await furnish(vault);
    const { file } = await scene.backUp(vault);
    const before = await tell(vault);
    const digest = await vault.digest("a trigger");
    const { path, undecided } = await scene.intoNew(file);
    const restored = scene.open({ path });
    expect(withoutDecisions(await tell(restored))).toBe(withoutDecisions(before));
    expect(undecided).toBe(2);
    expect(await restored.digest("a trigger")).toBe(digest);
    expect(await (await restored.readCredential(orders.id)).hasToken("token-of-orders")).toBe(true);
    expect(await restored.findOwned("credential", "shop/prod/Credential/orders")).toBe(orders.id);
    await failure(createOne(restored, { name: "x", targets: orders.targets }), "CONFLICT");
    expect(await restored.check()).toMatchObject({ ok: true, damage: [] });
  });

  test("it is the same vault, restored: the id stays, the restore counter is new, old heads are in its log", async () => {
    await furnish(vault);
    const { head: seen } = await vault.check();
    const { file } = await scene.backUp(vault);
    const before = await vault.identity();
    const { path, identity } = await scene.intoNew(file);
    expect(identity).toMatchObject({ id: before.id, name: "test" });
    expect(identity.restoreCounter).toBeGreaterThan(1_700_000_000); // the time of the restore
    const restored = scene.open({ path });
    expect(await restored.identity()).toMatchObject(identity);
    expect(await restored.check({ head: seen })).toMatchObject({ ok: true, headFound: true });
    const events = await collect(restored.listEvents());
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.filter(({ action }) => action === "vault.restored")).toHaveLength(1);
  });

  test("only the new key opens it, and nothing that opened the vault before", async () => {
    const old = scene.open({ key: { keyText: scene.keyText } });
    const { file } = await scene.backUp(old);
    const path = join(scene.folder, "restored.db");
    const { restoreNew } = await import("../../provider/vault/embedded/backup/restore.js");
    const { newKeyText } = await import("../../provider/vault/embedded/key-file.js");
    const key = { keyText: newKeyText() };
    const { actor, clock } = scene.options();
    await restoreNew({ ...scene.source(file), actor, clock }, { path, key, label: "new" });
    expect((await scene.open({ path, key }).listSlots()).map(({ label }) => label)).toEqual(["new"]);
    await failure(scene.open({ path }).identity(), "WRONG_KEY");
  });

  test("a file that is there already is left alone", async () => {
    const { file } = await scene.backUp(vault);
    writeFileSync(join(scene.folder, "restored.db"), "somebody's");
    await failure(scene.intoNew(file), "CONFLICT");
    expect(readFileSync(join(scene.folder, "restored.db"), "utf8")).toBe("somebody's");
  });
});

describe("into the vault itself", () => {
  test("what was there comes back, what came since is gone, and the log goes on", async () => {
    const { orders, admin } = await furnish(vault);
    const { file } = await scene.backUp(vault);
    const before = await tell(vault);
    const { head: seen } = await vault.check();
    await vault.updateCredential(orders.id, { username: "renamed" });
    await createOne(vault, { name: "new", ...withValue("since") });
    await vault.updateCredential(admin.id, { name: "renamed" });
    await createOne(vault, { name: "admin", categoryId: admin.categoryId, ...withValue("another admin") });
    const { head } = await vault.identity();

    const report = await vault.restore(scene.source(file));
    expect(report).toMatchObject({ undecided: 2, rows: { credential: 3 } });
    expect(withoutDecisions(await tell(vault))).toBe(withoutDecisions(before));
    expect((await vault.identity()).head).toBeGreaterThan(head);
    expect(await vault.check({ head: seen })).toMatchObject({ ok: true, damage: [], headFound: true });
    const again = scene.open();
    expect(await again.check()).toMatchObject({ ok: true, damage: [] });
    expect(await readValue(again, orders.id)).toBe("orders, second value");
    expect((await again.listSlots()).map(({ label }) => label)).toEqual(["first"]);
  });

  test("another process that has it open is refused until it opens it again", async () => {
    const { orders } = await furnish(vault);
    const other = scene.open();
    await other.readCredential(orders.id);
    const { file } = await scene.backUp(vault);
    await vault.restore(scene.source(file));
    await failure(other.readCredential(orders.id), "ROLLED_BACK");
    await failure(rotate(other, orders, "x"), "ROLLED_BACK");
  });

  test("while a lease is held it is refused, before anything is changed", async () => {
    const { orders } = await furnish(vault);
    const { file } = await scene.backUp(vault);
    const { lease } = await hold(vault, orders.id);
    const before = await vault.identity();
    const error = await failure(vault.restore(scene.source(file)), "LOCKED");
    expect(error.problem).toContain("is being rotated by runner-1/100");
    expect(await vault.identity()).toEqual(before);
    await vault.record(lease, [{ step: "release" }]);
    await vault.restore(scene.source(file));
  });

  test("another vault's backup is refused, before anything is changed", async () => {
    const other = await BackupScene.make();
    other.identity = scene.identity;
    other.recipient = scene.recipient;
    const { file } = await other.backUp(other.open());
    const before = await vault.identity();
    const error = await failure(vault.restore(scene.source(file)), "WRONG_VAULT");
    expect(error.problem).toMatch(/^The backup is of the vault "test" \(.*\), and this is "test" \(.*\)$/);
    expect(await vault.identity()).toEqual(before);
    await other.dispose();
  });

  test("two restores of one backup have two counters", async () => {
    await furnish(vault);
    const { file } = await scene.backUp(vault);
    const first = await vault.restore(scene.source(file));
    const second = await vault.restore(scene.source(file));
    expect(second.identity.restoreCounter).toBeGreaterThan(first.identity.restoreCounter);
  });
});

describe("after a restore", () => {
  test("nothing rotates, and nothing pending is finished, until somebody has decided", async () => {
    const { orders, admin } = await furnish(vault);
    const { lease } = await hold(vault, orders.id, [stage("a pending value", orders.targets[0]?.account ?? "")]);
    await vault.record(lease, [{ step: "release" }]);
    const { file } = await scene.backUp(vault);
    await vault.restore(scene.source(file));
    for (const id of [orders.id, admin.id]) {
      const credential = await vault.readCredential(id);
      expect(credential).toMatchObject({
        status: "needs-attention",
        journal: { attention: { reason: "rolled-back" } },
      });
      expect(credential.resolution).toBeUndefined();
    }
    await failure(rotate(vault, orders, "a new value"), "CONFLICT"); // the journal stages nothing
    const resolved = await vault.resolveCredential(orders.id, { decision: "accept-rollback" });
    expect(resolved.resolution).toBeDefined();
    expect(resolved).toMatchObject({ status: "rotating", journal: { pending: { version: 3 } } });
    await failure(rotate(scene.open(), admin, "a new value"), "CONFLICT");
  });
});

describe("a backup that can't be restored says why, and nothing is changed", () => {
  async function refused(file: string, code: Parameters<typeof failure>[1], identities = [scene.identity]) {
    const before = { identity: await vault.identity(), files: readdirSync(scene.folder).sort() };
    const error = await failure(vault.restore(scene.source(file, identities)), code);
    await failure(scene.intoNew(file, { identities }), code);
    expect({ identity: await vault.identity(), files: readdirSync(scene.folder).sort() }).toEqual(before);
    return error;
  }

  test("for another recipient", async () => {
    const { file } = await scene.backUp(vault);
    const { identity } = await throwAwayIdentity();
    const error = await refused(file, "WRONG_KEY", [identity]);
    expect(error.problem).toContain("was made for another recipient");
  });

  test("cut short, anywhere", async () => {
    await furnish(vault);
    const { file } = await scene.backUp(vault);
    const whole = readFileSync(file);
    const cut = join(scene.to, "cut");
    for (const length of [0, 1, 20, 100, 200, 400, Math.floor(whole.length / 2), whole.length - 1]) {
      writeFileSync(cut, whole.subarray(0, length));
      expect((await refused(cut, "CORRUPT")).problem).toMatch(/is empty|is no age file|is cut short/);
    }
  });

  test("another file, a folder, no file", async () => {
    writeFileSync(join(scene.to, "text"), "a letter to somebody");
    expect((await refused(join(scene.to, "text"), "CORRUPT")).problem).toContain("is no age file");
    expect((await refused(scene.to, "CORRUPT")).problem).toContain("is a folder");
    await refused(join(scene.to, "nothing"), "NOT_FOUND");
  });
});
