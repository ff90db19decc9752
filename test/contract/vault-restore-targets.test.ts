import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { verifyCredential } from "../../provider/rotation/verify.js";
import type { EmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";
import type { RotationStep } from "../../provider/vault/port.js";
import type { FakeDescription } from "../fixtures/fake-target.ts";
import { Scene } from "../fixtures/rotation-scene.ts";
import { BackupScene } from "./vault-backup-scene.js";
import { createOne, failure, finish, hold, stage, target, withValue } from "./vault-cases/setup.js";

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

test("a login that drained when the backup was made is ended by nobody: it may have a newer version since", async () => {
  const [first, second] = ["app_a", "app_b"].map((username) => ({ username, account: target(username).account }));
  if (!first || !second) throw new Error("two take turns");
  const targets = [target("app", { logins: [first, second] })];
  const { id } = await createOne(vault, { name: "app", username: "app", targets });
  const staged = (value: string, { username, account }: typeof first): RotationStep =>
    Object.assign(stage(value, account), { username });
  const { lease } = await hold(vault, id, [staged("one", first)]);
  await vault.record(lease, finish(1, first.account));
  const drain = [{ ...first, version: 1, seconds: 3_600 }];
  const promote: RotationStep = { step: "promote", version: 2, verified: true, drain };
  const proven = finish(2, second.account).slice(0, -1);
  await vault.record(lease, [staged("two", second), ...proven, promote, { step: "release" }]);
  expect((await vault.readCredential(id)).journal.draining).toHaveLength(1);
  const { file } = await files.backUp(vault);
  await restoreInPlace(file);
  const restored = await vault.readCredential(id);
  expect(restored.journal.draining).toBeUndefined();
  expect(restored.versions).toMatchObject([{ username: "app_a" }, { username: "app_b", state: "current" }]);
});

test("what was looked at and drawn before the restore is not staged after it", async () => {
  const id = await byAdmin("app", "one");
  await rotate(id, "first");
  const { file } = await files.backUp(vault);
  scene.target.calls.length = 0;
  scene.target.next("look", async (act) => {
    await restoreInPlace(file);
    return act();
  });
  await expect(rotate(id, "second")).rejects.toMatchObject({ code: "NEEDS_ATTENTION" });
  expect(await scene.versions(id)).toBe("1 current");
  expect(scene.target.count("set")).toBe(0);
  expect((await vault.readCredential(id)).journal.lease).toBeUndefined();
});

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

describe("a password that a target has, and the backup doesn't know", () => {
  test("stays as an earlier version, which verify finds and a person can accept", async () => {
    scene.target.give("app@one:1", "the first");
    const id = await scene.withTargets([{ host: "one" }], { name: "app", ...withValue("the first") });
    await scene.rotate(id, "second");
    const { file } = await files.backUp(vault);
    await scene.rotate(id, "third");
    const inForce = scene.target.passwordOf("app@one:1");

    const report = await restoreInPlace(file);
    expect(report.carriedOver).toEqual([{ id, path: ["app"], versions: [3] }]);
    expect(await scene.versions(id)).toBe("1 previous, 2 current, 3 previous");
    expect(await scene.value(id, 3)).toBe(inForce);
    const [verdict] = await verifyCredential(scene.context(), id);
    expect(verdict).toMatchObject({ verdict: "earlier-version", version: 3 });
    await vault.resolveCredential(id, { decision: "accept", version: 3, verified: false });
    expect(await scene.rotate(id, "fourth")).toMatchObject({ action: "rotated", version: 4 });
    expect(scene.target.passwordOf("app@one:1")).toBe(await scene.value(id));
    expect(await vault.check()).toMatchObject({ ok: true, damage: [] });
  });

  test("is found though it isn't the newest, within the budget, and by its number after that", async () => {
    const id = await byAdmin("app", "one");
    await rotate(id, "first");
    const { file } = await files.backUp(vault);
    for (const cause of ["second", "third", "fourth"]) await rotate(id, cause);
    scene.target.give("app@one:1", await scene.value(id, 3)); // somebody put a machine's backup back
    await restoreInPlace(file);
    expect(await scene.versions(id)).toBe("1 current, 2 previous, 3 previous, 4 previous");
    const [found] = await verifyCredential(scene.context(), id);
    expect(found).toMatchObject({ verdict: "earlier-version", version: 3, refused: [4], untried: [] });

    scene.target.give("app@one:1", await scene.value(id, 2));
    const [stopped] = await verifyCredential(scene.context(), id);
    expect(stopped).toMatchObject({ verdict: "not-tried", refused: [4, 3], untried: [2, 1] });
    expect(stopped?.reason).toContain("free again at");
    scene.clock.advance(61 * 60_000);
    const [named] = await verifyCredential(scene.context(), id, { version: 2 });
    expect(named).toMatchObject({ verdict: "earlier-version", version: 2, refused: [] });
    await failure(verifyCredential(scene.context(), id, { version: 9 }), "NOT_FOUND");
  });

  test("stays through a second restore, and keeps its cause answered", async () => {
    const id = await byAdmin("app", "one");
    await rotate(id, "first");
    const { file } = await files.backUp(vault);
    await rotate(id, "second");
    const inForce = await scene.value(id);
    await restoreInPlace(file);
    expect((await restoreInPlace(file)).carriedOver).toMatchObject([{ versions: [2] }]);
    expect(await scene.value(id, 2)).toBe(inForce);
    await vault.resolveCredential(id, { decision: "accept", version: 2, verified: false });
    expect(await rotate(id, "second")).toMatchObject({ action: "none", version: 2 });
  });

  test("stays if it was pending: as an earlier version once a set was started, else as a discarded one", async () => {
    const started = await byAdmin("started", "one");
    const staged = await byAdmin("staged", "two");
    const { file } = await files.backUp(vault);
    await hold(vault, staged, [stage("staged only", "fake://staged@two:1"), { step: "release" }]);
    const set: RotationStep = { step: "set-started", version: 1, account: "fake://started@one:1" };
    await hold(vault, started, [stage("perhaps set", "fake://started@one:1"), set, { step: "release" }]);
    await restoreInPlace(file);
    expect(await scene.versions(started)).toBe("1 previous");
    expect(await scene.value(started, 1)).toBe("perhaps set");
    expect(await scene.versions(staged)).toBe("1 discarded");
    expect(await scene.value(staged, 1)).toBe("staged only");
    await vault.resolveCredential(started, { decision: "accept-rollback" });
    expect(await rotate(started, "first")).toMatchObject({ action: "rotated", version: 2 });
  });

  test("gets a number of its own where the backup has another value under its number", async () => {
    const id = await byAdmin("app", "one");
    await rotate(id, "first");
    const { file: first } = await files.backUp(vault);
    // A second future of the same vault: in a copy that was restored elsewhere.
    const { path } = await files.intoNew(first, { name: "other.db" });
    const other = new Scene((clock) => files.open({ path, clock }));
    await other.vault.resolveCredential(id, { decision: "accept-rollback" });
    other.target.give("dba@one:1", "the admin's");
    other.target.give("app@one:1", "x");
    await other.rotate(id, "other", other.context({ environment: { DBA: "the admin's" } }));
    const theirs = await other.value(id, 2);
    other.clock.advance(1_000);
    const backup = await files.backUp(files.open({ path, clock: other.clock }));
    await rotate(id, "second");
    const ours = await scene.value(id, 2);

    await vault.restore({ ...files.source(backup.file), signedBy: backup.signer });
    expect(await scene.versions(id)).toBe("1 previous, 2 current, 3 previous");
    expect(await scene.value(id, 2)).toBe(theirs);
    expect(await scene.value(id, 3)).toBe(ours);
    expect(await vault.check()).toMatchObject({ ok: true, damage: [] });
    await other.close();
  });

  test("of an admin that has no target of its own stays as well", async () => {
    const admin = await scene.add({ name: "dba", username: "dba", ...withValue("the admin's") });
    const adminRef = `coffre://test/id/${admin.id}`;
    scene.target.give("app@one:1", "before");
    await scene.withTargets([{ host: "one", adminRef }], { name: "app" });
    const { file } = await files.backUp(vault);
    await hold(vault, admin.id, [stage("the admin's new one"), { step: "promote", version: 2, verified: false }]);
    scene.clock.advance(3_600_000);
    await restoreInPlace(file);
    expect(await scene.versions(admin.id)).toBe("1 current, 2 previous");
    expect(await scene.value(admin.id, 2)).toBe("the admin's new one");
  });

  test("of an entry that the backup lacks stays in the archive, its name and account are free", async () => {
    const { file } = await files.backUp(vault);
    const { id: categoryId } = await vault.createCategory({ name: "Databases", parentId: null });
    const id = await byAdmin("app", "one");
    await vault.updateCredential(id, { categoryId });
    await rotate(id, "first");
    const inForce = await scene.value(id);
    const typed = await scene.add({ name: "typed", ...withValue("no target has it") });

    const report = await restoreInPlace(file);
    expect(report).toMatchObject({ setAside: [{ id, path: ["Databases", "app"], versions: [1] }], carriedOver: [] });
    expect(await vault.readCredential(id)).toMatchObject({ status: "archived", path: ["Databases", "app"] });
    expect(await scene.value(id, 1)).toBe(inForce);
    await failure(vault.readCredential(typed.id), "NOT_FOUND");
    expect(await vault.check()).toMatchObject({ ok: true, damage: [] });
    await byAdmin("app", "one"); // the same name and account
    expect((await restoreInPlace(file)).setAside).toHaveLength(1); // what was archived before stays, and is no news
    expect(await scene.value(id, 1)).toBe(inForce);
  });
});

test("what was learned of a machine since, and that Coffre made an account there, is not forgotten", async () => {
  const id = await byAdmin("app", "one", "two");
  const { file } = await files.backUp(vault);
  const account = "fake://app@one:1";
  const learned: RotationStep[] = [
    { step: "pinned", account, pin: "SHA256:seen" },
    { step: "account-made", account },
    { step: "release" },
  ];
  await hold(vault, id, learned);
  await restoreInPlace(file);
  expect((await vault.readCredential(id)).targets).toMatchObject([
    { account, pin: "SHA256:seen", accountMade: true },
    { account: "fake://app@two:1", accountMade: false },
  ]);
  expect(await vault.check()).toMatchObject({ ok: true, damage: [] });
});

test("a key that was learned of a machine made anew since is not taken for the older one's", async () => {
  const id = await scene.withTargets([{ host: "one", ...BY_ADMIN, identity: "vm-1" }], { name: "app" });
  const { file } = await files.backUp(vault);
  const [target] = (await vault.readCredential(id)).targets;
  if (!target) throw new Error("it has no target");
  await vault.updateCredential(id, {
    targets: [{ ...target, description: { ...target.description, identity: "vm-2" } }],
  });
  await hold(vault, id, [{ step: "pinned", account: target.account, pin: "SHA256:seen" }, { step: "release" }]);
  await restoreInPlace(file);
  const [after] = (await vault.readCredential(id)).targets;
  expect(after).toMatchObject({ description: { identity: "vm-1" } });
  expect(after?.pin).toBeUndefined();
});

test("refused logins of after the backup still count: the target remembers them", async () => {
  await byAdmin("app", "one");
  const account = "fake://app@one:1";
  const { file } = await files.backUp(vault);
  for (const number of ["1", "2"]) {
    await vault.bookLogin({ id: number, account, host: "one:1", kind: "probe" });
    await vault.settleLogin(number, "refused");
  }
  await restoreInPlace(file);
  await failure(vault.bookLogin({ id: "3", account, host: "one:1", kind: "probe" }), "BUDGET_SPENT");
  expect(await vault.check()).toMatchObject({ ok: true, damage: [] });
});

test("the report counts rights that hold again", async () => {
  const ana = await vault.people.createPrincipal({ kind: "user", name: "ana" });
  const dba = await vault.people.createPrincipal({ kind: "group", name: "DBA" });
  await vault.people.createMembership({ groupId: dba.id, memberId: ana.id });
  const grant = await vault.people.createGrant({ principalId: dba.id, categoryId: null, role: "manager" });
  const { file } = await files.backUp(vault);
  expect(await restoreInPlace(file)).toMatchObject({ rightsBack: 0 });
  await vault.people.deleteGrant(grant.id, {});
  expect(await restoreInPlace(file)).toMatchObject({ rightsBack: 1 });
  expect(await files.intoNew(file)).toMatchObject({ rightsBack: 2 });
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
