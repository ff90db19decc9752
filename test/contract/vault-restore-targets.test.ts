import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { EmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";
import type { FakeDescription } from "../fixtures/fake-target.ts";
import { Scene } from "../fixtures/rotation-scene.ts";
import { BackupScene } from "./vault-backup-scene.js";
import { failure, hold, stage } from "./vault-cases/setup.js";

/** A vault in a file, its backups, and machines whose passwords a test can ask for. */
let files: BackupScene;
let vault: EmbeddedVault;
let scene: Scene;
beforeEach(async () => {
  files = await BackupScene.make();
  scene = new Scene((clock) => (vault = files.open({ clock })));
});
afterEach(async () => {
  await scene.close();
  await files.dispose();
});

const BY_ADMIN: Partial<FakeDescription> = { admin: { username: "dba", passwordEnv: "DBA" } };

/** An entry with one target on each host, set by an admin whose password the environment has. */
async function byAdmin(name: string, ...hosts: string[]): Promise<string> {
  for (const host of hosts) {
    scene.target.give(`dba@${host}:1`, "the admin's");
    scene.target.give(`${name}@${host}:1`, "what it was before");
  }
  return scene.withTargets(
    hosts.map((host) => ({ host, ...BY_ADMIN })),
    { name },
  );
}

function rotate(id: string, cause: string) {
  return scene.rotate(id, cause, scene.context({ environment: { DBA: "the admin's" } }));
}

async function restoreInPlace(file: string) {
  return vault.restore(files.source(file));
}

describe("a version that was pending in the backup", () => {
  test("is set and proven anew on every target: what the backup says of them is of then", async () => {
    const id = await byAdmin("app", "one", "two");
    await rotate(id, "first");
    scene.target.next("set", (act) => act());
    scene.target.next("set", () => ({ result: "refused", reason: "the disk is full" }));
    await expect(rotate(id, "second")).rejects.toThrow("the disk is full");
    expect(await scene.versions(id)).toBe("1 current, 2 pending");
    const { file } = await files.backUp(vault);
    await rotate(id, "second");
    await rotate(id, "third");

    await restoreInPlace(file);
    const { pending } = (await vault.readCredential(id)).journal;
    expect(pending?.targets).toEqual(
      ["fake://app@one:1", "fake://app@two:1"].map((account) => {
        return { account, setStarted: true, setTries: 1, setConfirmed: false, verified: false };
      }),
    );
    await vault.resolveCredential(id, { decision: "accept-rollback" });
    expect(await rotate(id, "second")).toMatchObject({ action: "finished", version: 2 });
    const value = await scene.value(id);
    for (const host of ["one", "two"]) expect(scene.target.passwordOf(`app@${host}:1`)).toBe(value);
  });

  test("is not given up because a target refuses it now: it may have been in force since", async () => {
    const id = await byAdmin("app", "one");
    await rotate(id, "first");
    const { lease } = await hold(vault, id, [stage("a value of then", "fake://app@one:1")]);
    await vault.record(lease, [{ step: "release" }]);
    const { file } = await files.backUp(vault);
    await restoreInPlace(file);
    await vault.resolveCredential(id, { decision: "accept-rollback" });
    scene.target.next("set", () => ({ result: "value-refused", reason: "used before" }));
    await expect(rotate(id, "second")).rejects.toThrow("used before");
    expect(await scene.versions(id)).toBe("1 current, 2 pending");
  });
});

describe("the decision about a restored vault", () => {
  test("is no retry, which would set what is pending, whatever needed attention before", async () => {
    const id = await byAdmin("app", "one");
    const attention = { reason: "no-way-in", message: "Nobody gets in.", version: 1 };
    const { lease } = await hold(vault, id, [stage("x", "fake://app@one:1"), { step: "attention", attention }]);
    await vault.record(lease, [{ step: "release" }]);
    const { file } = await files.backUp(vault);
    await restoreInPlace(file);
    await restoreInPlace(file); // twice: what was there before is not hidden by the first
    const restored = (await vault.readCredential(id)).journal.attention;
    expect(restored).toMatchObject({ reason: "rolled-back", message: expect.stringContaining("(no-way-in)") });
    const error = await failure(vault.resolveCredential(id, { decision: "retry" }), "CONFLICT");
    expect(error.hint).toContain("--accept-rollback");
    const accepted = await vault.resolveCredential(id, { decision: "accept-rollback" });
    expect(accepted).toMatchObject({ status: "needs-attention", journal: { attention } });
    expect(accepted.journal.attention?.earlier).toBeUndefined();
  });

  test("is an accepted version too, which states and other machines take for one", async () => {
    const id = await byAdmin("app", "one");
    await rotate(id, "first");
    const { file } = await files.backUp(vault);
    await restoreInPlace(file);
    const accepted = await vault.resolveCredential(id, { decision: "accept", version: 1, verified: false });
    expect(accepted).toMatchObject({ status: "current", resolution: expect.any(String) });
    expect(accepted.resolvedAt).toBe(scene.clock.now().toISOString());
    const again = await vault.resolveCredential(id, { decision: "accept", version: 1, verified: false });
    expect(again.resolution).toBe(accepted.resolution); // no rollback was open
  });
});
