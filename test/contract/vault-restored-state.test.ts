import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { reachCauses, resume } from "../../provider/rotation/rotate.js";
import { verifyCredential } from "../../provider/rotation/verify.js";
import { type EmbeddedVault, openEmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";
import type { Vault } from "../../provider/vault/port.js";
import { ResourceScene } from "../fixtures/resource-scene.ts";
import { killedAtStep } from "../fixtures/rotation-scene.ts";
import { BackupScene } from "./vault-backup-scene.js";
import { failure } from "./vault-cases/setup.js";

/** A stack's resources over a real file that was restored, with machines in memory. */
class RestoredScene extends ResourceScene {
  override readonly vault: EmbeddedVault;

  constructor(path: string) {
    super();
    this.vault = openEmbeddedVault({ ...files.options(), path, clock: this.clock, actor: "test", source: "test" });
  }
}

let files: BackupScene;
let scene: RestoredScene;
let vault: EmbeddedVault;
beforeEach(async () => {
  files = await BackupScene.make({ name: "scene" });
  scene = new RestoredScene(files.path);
  vault = scene.vault;
});
afterEach(async () => {
  await scene.close();
  await vault.close();
  await files.dispose();
});

async function orders(revision: string) {
  const target = await scene.declaredTarget({ host: "db1" });
  return { name: "orders", username: "orders", targets: [target], rotateWhenChanged: { revision } };
}

/** As `coffre resolve --accept-rollback --all`: of the admin too. */
async function decide(on: Vault): Promise<void> {
  for await (const { id } of on.listCredentials()) await on.resolveCredential(id, { decision: "accept-rollback" });
}

const password = () => scene.target.passwordOf("orders@db1:1");

describe("a backup from before a rotation", () => {
  test("nothing is set or rotated, by state or by command, until somebody has decided", async () => {
    const made = await scene.up(await orders("1"));
    const { file } = await files.backUp(vault);
    const rotated = await scene.up(await orders("2"), made);
    const newest = password();
    await vault.restore(files.source(file));

    await failure(scene.up(await orders("2"), rotated), "ROLLED_BACK");
    await failure(scene.up(await orders("3"), rotated), "ROLLED_BACK");
    await failure(reachCauses(scene.context(), made.id, ["command:1"]), "NEEDS_ATTENTION");
    await failure(resume(scene.context(), made.id), "NEEDS_ATTENTION");
    expect(await verifyCredential(scene.context(), made.id)).toMatchObject([
      { verdict: "earlier-version", version: 2 }, // earlier by its state: kept by the restore
    ]);
    await failure(scene.up(await orders("2"), rotated), "ROLLED_BACK");
    expect(password()).toBe(newest);

    await decide(vault);
    const after = await scene.up(await orders("2"), rotated);
    expect(after.outputs).toMatchObject({ status: "done", currentVersion: 1 }); // as the person said
    await reachCauses(scene.context(), made.id, ["command:2"]);
    expect(password()).toBe(await scene.value(made.id));
    expect(await vault.check()).toMatchObject({ ok: true });
  });

  test("with a stale pending version, nothing sets that one either", async () => {
    const made = await scene.up(await orders("1"));
    const killed = scene.context({ around: killedAtStep("set-started", "after") });
    await reachCauses(killed, made.id, ["command:1"]).catch(() => undefined);
    scene.clock.advance(3_600_000); // its lease has run out
    const { file } = await files.backUp(vault);
    await resume(scene.context(), made.id);
    await reachCauses(scene.context(), made.id, ["command:2"]);
    const newest = password();
    await vault.restore(files.source(file));
    expect((await vault.readCredential(made.id)).journal.pending).toBeDefined();
    await failure(resume(scene.context(), made.id), "NEEDS_ATTENTION");
    await failure(scene.up(await orders("1"), made), "ROLLED_BACK");
    expect(password()).toBe(newest);
  });
});

test("a backup that the target still agrees with is settled by verify, for commands and for the state", async () => {
  const made = await scene.up(await orders("1"));
  const { file } = await files.backUp(vault);
  await vault.restore(files.source(file));
  await failure(scene.up(await orders("1"), made), "ROLLED_BACK");
  expect(await verifyCredential(scene.context(), made.id)).toMatchObject([{ verdict: "agrees", version: 1 }]);
  const settled = await vault.readCredential(made.id);
  expect(settled).toMatchObject({ status: "current", resolution: expect.any(String) });
  const after = await scene.up(await orders("1"), made);
  expect(after.outputs).toMatchObject({ status: "done", currentVersion: 1 });
  expect(await scene.changes(await orders("1"), after)).toBe(false);
  await decide(vault); // the admin has no target that could say anything
  await scene.up(await orders("2"), after);
  expect(await scene.versions(made.id)).toBe("1 previous, 2 current");
});

test("a file from before a restore, put back into its place, is older for a state that knows the restore", async () => {
  const made = await scene.up(await orders("1"));
  const { file } = await files.backUp(vault);
  const { path } = await files.intoNew(file);
  const later = new RestoredScene(path);
  Object.assign(later, { target: scene.target });
  await decide(later.vault);
  const known = await later.up(await orders("1"), made);
  await failure(scene.up(await orders("1"), known), "ROLLED_BACK");
  await later.close();
  await later.vault.close();
});

test("a re-key changes nothing for a state: no decision, no rotation, no difference", async () => {
  const made = await scene.up(await orders("1"));
  await vault.rekey();
  expect(await scene.changes(await orders("1"), made)).toBe(false);
  const rotated = await scene.up(await orders("2"), made);
  expect(rotated.outputs).toMatchObject({ status: "done", currentVersion: 2 });
});
