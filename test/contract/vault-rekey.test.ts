import { cpSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { Secret } from "../../provider/core/secret.js";
import { newKeyText } from "../../provider/vault/embedded/key-file.js";
import type { EmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";
import { BackupScene, furnish, tell } from "./vault-backup-scene.js";
import { kill, said, startProgram } from "./vault-child.js";
import { createOne, failure, hold, readValue, rotate, withValue } from "./vault-cases/setup.js";

jest.setTimeout(60_000);

let scene: BackupScene;
let vault: EmbeddedVault;
beforeEach(async () => {
  scene = await BackupScene.make();
  vault = scene.open();
});
afterEach(() => scene.dispose());

const passphrase = new Secret("five random words are good");

test("everything is there under another data key: rows, digests, owners, heads, and the key number is raised", async () => {
  const { orders } = await furnish(vault);
  const before = await tell(vault);
  const [digest, { head: seen }] = [await vault.digest("a trigger"), await vault.check()];
  const report = await vault.rekey();
  expect(report).toMatchObject({ keyNumber: 2, slots: [{ label: "first" }], dropped: [] });
  for (const each of [vault, scene.open()]) {
    expect(await tell(each)).toEqual(before);
    expect(await each.digest("a trigger")).toBe(digest);
    expect(await (await each.readCredential(orders.id)).hasToken("token-of-orders")).toBe(true);
    expect(await each.check({ head: seen })).toMatchObject({ ok: true, damage: [], headFound: true });
  }
  await rotate(vault, orders, "after it");
  await failure(createOne(vault, { name: "x", targets: orders.targets }), "CONFLICT");
  expect((await vault.identity()).restoreCounter).toBe(0);
});

test("slots of people who aren't there stay, without their secrets", async () => {
  await vault.addSlot({ label: "ana", key: { passphrase } });
  await vault.addSlot({ label: "runner", key: { keyText: newKeyText() } });
  await vault.rekey();
  await vault.rekey();
  expect((await scene.open({ key: { passphrase } }).identity()).name).toBe("test");
  expect((await scene.open().listSlots()).map(({ label }) => label)).toEqual(["first", "ana", "runner"]);
});

test("what was dropped or removed opens nothing any more, with an older copy of the file at hand either", async () => {
  const lost = newKeyText();
  await vault.addSlot({ label: "lost", key: { keyText: lost } });
  await furnish(vault);
  await vault.close();
  const copy = join(scene.folder, "copy.db");
  cpSync(scene.path, copy);
  const again = scene.open();
  const { dropped } = await again.rekey({ drop: ["lost"] });
  expect(dropped).toMatchObject([{ label: "lost" }]);
  const created = await createOne(again, { name: "later", ...withValue("a later value") });
  await failure(scene.open({ key: { keyText: lost } }).identity(), "WRONG_KEY");
  await again.close();

  // The thief has the key, and the file from before: its slots, put into the new file, open nothing there.
  expect((await scene.open({ path: copy, key: { keyText: lost } }).identity()).name).toBe("test");
  scene.sql((db) => {
    db.exec(`ATTACH '${copy}' AS old; DELETE FROM slot; INSERT INTO slot SELECT * FROM old.slot`);
  });
  await failure(scene.open({ key: { keyText: lost } }).identity(), "CORRUPT");
  expect(created.name).toBe("later");
});

test("the signer changes: an older backup is restored only where its own signer is named", async () => {
  await furnish(vault);
  const { file, signer } = await scene.backUp(vault);
  const report = await vault.rekey();
  expect(report.signer).not.toBe(signer);
  const error = await failure(vault.restore(scene.source(file)), "FORBIDDEN");
  expect(error.details["signer"]).toBe(signer);
  await vault.restore({ ...scene.source(file), signedBy: signer });
  expect(await vault.check()).toMatchObject({ ok: true });
});

describe("is refused, and changes nothing", () => {
  test("while a lease is held", async () => {
    const { orders } = await furnish(vault);
    await hold(vault, orders.id);
    await failure(vault.rekey(), "LOCKED");
    expect((await scene.open().identity()).name).toBe("test");
  });

  test("if no slot would be left, or there is none of that name", async () => {
    await failure(vault.rekey({ drop: ["first"] }), "CONFLICT");
    await failure(vault.rekey({ drop: ["nobody"] }), "NOT_FOUND");
    expect((await vault.listSlots()).map(({ label }) => label)).toEqual(["first"]);
  });

  test("if the vault is damaged", async () => {
    await furnish(vault);
    await vault.close();
    scene.sql((db) => db.exec("DELETE FROM value WHERE version = 1"));
    await failure(scene.open().rekey(), "CORRUPT");
  });
});

test("another process that has it open is refused until it opens it again", async () => {
  const { orders } = await furnish(vault);
  const other = scene.open();
  await other.readCredential(orders.id);
  await vault.rekey();
  for (const work of [other.identity(), other.readMany([{ id: orders.id }]), rotate(other, orders, "x"), other.rekey()])
    await failure(work, "ROLLED_BACK");
  expect(await readValue(scene.open(), orders.id)).toBe("orders, second value");
});

test("a process that is killed anywhere in it leaves the vault under one of the two keys, whole", async () => {
  const inputs = Array.from({ length: 1_500 }, (_, index) => ({
    categoryId: null,
    name: `n${index}`,
    ...withValue("v"),
  }));
  const made = await vault.createCredentials(inputs);
  await vault.close();
  const keys = new Set<number>();
  for (let round = 0; round < 6; round += 1) {
    const child = startProgram("vault-rekeyer.ts", { args: [scene.path], lines: [scene.keyText.reveal()] });
    await said(child, "ready");
    child.stdin?.write("go\n");
    if (round > 0) await said(child, "rekeyed"); // then it is somewhere in the next
    await pause(round * 30);
    await kill(child);
    const after = scene.open();
    expect(await after.check()).toMatchObject({ ok: true, damage: [] });
    expect(await readValue(after, made[700]?.id ?? "")).toBe("v");
    keys.add(scene.sql((db) => Number(db.prepare("SELECT key_number FROM meta").get()?.["key_number"])));
    await scene.closeAll();
  }
  expect(keys.size).toBeGreaterThan(4);
});
