import { cpSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import type { EmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";
import { BackupScene, furnish } from "./vault-backup-scene.js";
import { drillOf } from "./vault-drill-case.js";
import { createOne, failure, rotate, withValue } from "./vault-cases/setup.js";

jest.setTimeout(120_000);

let scene: BackupScene;
let vault: EmbeddedVault;
beforeEach(async () => {
  scene = await BackupScene.make();
  vault = scene.open();
});
afterEach(() => scene.dispose());

const drillFolders = () => readdirSync(tmpdir()).filter((name) => name.startsWith("coffre-drill-"));

test("a backup of 200 credentials is restored into a fresh vault, where every field and every value is the same", () =>
  drillOf(scene, vault, 200));

test("without a file it makes a backup for itself, compares, and leaves nothing", async () => {
  await furnish(vault);
  const before = drillFolders();
  const report = await vault.drill();
  expect(report).toMatchObject({ ok: true, differences: [], changedSince: 0, signedByThisVault: true });
  expect(drillFolders().filter((name) => !before.includes(name))).toEqual([]);
});

test("what was changed, made or removed since is counted, and is no difference", async () => {
  const { orders, admin } = await furnish(vault);
  const { file } = await scene.backUp(vault);
  await rotate(vault, orders, "third"); // the entry, and a value
  await createOne(vault, { name: "new", ...withValue("x") }); // an entry and a value
  await vault.updateCredential(admin.id, { description: "changed" });
  expect(await vault.drill(scene.source(file))).toMatchObject({ ok: true, changedSince: 5, differences: [] });
});

test("a row that differs though nobody changed it is named", async () => {
  const { admin } = await furnish(vault);
  await vault.close();
  const twin = new BackupScene(scene.keyText);
  Object.assign(twin, { identity: scene.identity, recipient: scene.recipient });
  cpSync(scene.path, twin.path);
  // Two vaults of one past, each with a change of its own at the same revision.
  const [left, right] = [scene.open(), twin.open()];
  await left.updateCredential(admin.id, { description: "left" });
  await right.updateCredential(admin.id, { description: "right" });
  const { file } = await twin.backUp(right);
  const report = await left.drill(scene.source(file));
  expect(report.ok).toBe(false);
  expect(report.differences).toEqual(
    expect.arrayContaining([
      { table: "credential", id: admin.id, problem: "description differs" },
      expect.objectContaining({ table: "log" }),
    ]),
  );
  await twin.dispose();
});

test("another vault's backup, and one that is cut, are errors as in a restore", async () => {
  const other = await BackupScene.make();
  Object.assign(other, { identity: scene.identity, recipient: scene.recipient });
  const { file } = await other.backUp(other.open());
  await failure(vault.drill(scene.source(file)), "WRONG_VAULT");
  await failure(vault.drill(scene.source("/nowhere/x.age")), "NOT_FOUND");
  await other.dispose();
});
