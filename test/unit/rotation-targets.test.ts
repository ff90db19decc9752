import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { retireAccounts } from "../../provider/rotation/accounts.js";
import { reachCauses } from "../../provider/rotation/rotate.js";
import { prepareTargets } from "../../provider/rotation/targets.js";
import { Slots } from "../../provider/rotation/turns.js";
import { verifyCredential } from "../../provider/rotation/verify.js";
import { killedAtStep, Scene } from "../fixtures/rotation-scene.ts";

let scene: Scene;
beforeEach(() => {
  scene = new Scene();
});
afterEach(() => scene.close());

const [one, two] = ["orders@db1:1", "orders@db2:1"] as const;

/** `orders` on two machines, with one admin for both. */
async function onBoth(): Promise<string> {
  const adminRef = await scene.admin();
  scene.target.give("dba@db2:1", "the admin's password");
  for (const account of [one, two]) scene.target.give(account, "before");
  const targets = ["db1", "db2"].map((host) => ({ host, adminRef }));
  const id = await scene.withTargets(targets, { name: "orders" });
  await scene.rotate(id, "cause:first");
  scene.target.calls.length = 0;
  return id;
}

async function bothHave(id: string): Promise<void> {
  const value = await scene.value(id);
  expect([scene.target.passwordOf(one), scene.target.passwordOf(two)]).toEqual([value, value]);
}

describe("a credential with several targets", () => {
  test("has one version for all, promoted when the last has verified", async () => {
    const id = await onBoth();
    await scene.rotate(id, "cause:2");
    await bothHave(id);
    expect(await scene.versions(id)).toBe("1 previous, 2 current");
    const changes = (await scene.events(id)).filter((action) => action.startsWith("rotation."));
    expect(changes.slice(-7)).toEqual([
      "rotation.set-started",
      "rotation.set",
      "rotation.verified",
      "rotation.set-started",
      "rotation.set",
      "rotation.verified",
      "rotation.promoted",
    ]);
  });

  test("stays pending when the second fails, and sets only the second when it goes on", async () => {
    const id = await onBoth();
    scene.target.next("set", (act) => act());
    scene.target.next("set", () => ({ result: "refused", reason: "disk full" }));
    await expect(scene.rotate(id, "cause:2")).rejects.toMatchObject({ code: "TARGET_NOT_READY" });
    expect(await scene.versions(id)).toBe("1 current, 2 pending");
    expect(scene.target.passwordOf(one)).toBe(await scene.value(id, "pending"));
    expect(scene.target.passwordOf(two)).toBe(await scene.value(id, "current"));

    scene.target.calls.length = 0;
    await scene.rotate(id, "cause:2");
    expect(scene.target.calls.filter((call) => call.startsWith("set"))).toEqual([`set ${two}`]);
    await bothHave(id);
  });

  test("needs attention when the second refuses the value that the first has: it is never discarded", async () => {
    const id = await onBoth();
    scene.target.next("set", (act) => act());
    scene.target.next("set", () => ({ result: "value-refused", reason: "seen before" }));
    await expect(scene.rotate(id, "cause:2")).rejects.toMatchObject({ code: "NEEDS_ATTENTION" });
    expect(await scene.versions(id)).toBe("1 current, 2 pending");
    expect((await scene.vault.readCredential(id)).journal.attention).toMatchObject({
      reason: "value-refused",
      account: `fake://${two}`,
    });
  });

  test("draws anew when the first refuses the value, before any other has it", async () => {
    const id = await onBoth();
    scene.target.next("set", () => ({ result: "value-refused", reason: "seen before" }));
    await scene.rotate(id, "cause:2");
    expect(await scene.versions(id)).toBe("1 previous, 2 discarded, 3 current");
    await bothHave(id);
  });

  test("killed between the two goes on at the second", async () => {
    const id = await onBoth();
    const first = scene.context({ around: killedAtStep("set-started", "before", 2) });
    await expect(scene.rotate(id, "cause:2", first)).rejects.toThrow("killed");
    scene.target.calls.length = 0;
    await scene.rotate(id, "cause:2");
    expect(scene.target.count("set")).toBe(1);
    await bothHave(id);
  });
});

describe("targets that change", () => {
  const declare = async (id: string, hosts: string[]) => {
    const { targets, username } = await scene.vault.readCredential(id);
    const adminRef = targets[0]?.description["adminRef"];
    return prepareTargets(scene.context(), {
      targets: hosts.map((host) => ({ kind: "fake", host, adminRef })),
      username,
      credentialId: id,
      before: targets,
    });
  };

  test("by one more: all have a new version, since the old value may stay with the machines it was for", async () => {
    const id = await scene.rotated();
    scene.target.give("dba@db2:1", "the admin's password");
    scene.target.give(two, "before");
    const targets = await declare(id, ["db1", "db2"]);
    await reachCauses(scene.context(), id, ["targets:2"], { change: { targets } });
    await bothHave(id);
  });

  test("to another machine while a version is pending: the pending one is set there", async () => {
    const id = await scene.rotated();
    const first = scene.context({ around: killedAtStep("stage", "after") });
    await expect(scene.rotate(id, "cause:2", first)).rejects.toThrow("killed");
    scene.target.give("dba@db2:1", "the admin's password");
    scene.target.give(two, "before");
    const targets = await declare(id, ["db2"]);
    await reachCauses(scene.context(), id, ["targets:2"], { change: { targets } });
    expect(scene.target.passwordOf(two)).toBe(await scene.value(id));
    expect(scene.target.passwordOf(one)).toBe(await scene.value(id, 1));
    expect(await scene.versions(id)).toBe("1 previous, 2 current");
  });

  test("to none while a version is pending: it becomes current, unverified", async () => {
    const id = await scene.rotated();
    const first = scene.context({ around: killedAtStep("set-confirmed", "before") });
    await expect(scene.rotate(id, "cause:2", first)).rejects.toThrow("killed");
    await reachCauses(scene.context(), id, [], { change: { targets: [] } });
    const { versions } = await scene.vault.readCredential(id);
    expect(versions.at(-1)).toMatchObject({ number: 2, state: "current", verified: false });
  });

  test("away and back while a set of its own password is in doubt: what may be there is tried first", async () => {
    const boot = await scene.admin({ username: "boot", password: "factory" });
    scene.target.give(one, "factory");
    const id = await scene.withTargets([{ host: "db1", initialRef: boot }], { name: "orders" });
    await scene.rotate(id);
    scene.target.refusedLogins.clear();
    scene.target.next("set", (act) => {
      act();
      return { result: "in-doubt", reason: "no answer" };
    });
    await expect(scene.rotate(id, "cause:2")).rejects.toMatchObject({ code: "UNREACHABLE" });
    const pending = await scene.value(id, "pending");
    const move = async (host: string) => {
      const { targets: before } = await scene.vault.readCredential(id);
      const targets = [{ kind: "fake", host, initialRef: boot }];
      const about = { targets, username: "orders", credentialId: id, before };
      const change = { targets: await prepareTargets(scene.context(), about) };
      return reachCauses(scene.context(), id, ["cause:2"], { change });
    };
    await expect(move("db2")).rejects.toThrow(); // nobody is there
    await move("db1");
    expect(await scene.value(id)).toBe(pending);
    expect(scene.target.passwordOf(one)).toBe(pending);
    expect(scene.target.refusedLogins.get(one) ?? 0).toBe(0);
  });

  test("while a set is in doubt: what another machine refuses stays among the versions that may be in force", async () => {
    const id = await scene.rotated();
    for (const _try of [1, 2]) {
      scene.target.next("set", (act) => {
        act();
        return { result: "in-doubt", reason: "no answer", keepsConnection: true };
      });
    }
    await expect(scene.rotate(id, "cause:2")).rejects.toMatchObject({ code: "UNREACHABLE" });
    scene.target.give("dba@db2:1", "the admin's password");
    scene.target.give(two, "before");
    scene.target.next("set", () => ({ result: "value-refused", reason: "too short" }));
    await reachCauses(scene.context(), id, ["targets:2"], { change: { targets: await declare(id, ["db2"]) } });
    expect(await scene.versions(id)).toBe("1 previous, 2 previous, 3 current");
    expect(scene.target.passwordOf(one)).toBe(await scene.value(id, 2));
    expect(scene.target.passwordOf(two)).toBe(await scene.value(id));
  });

  test("keep the memory of who made the account", async () => {
    const adminRef = await scene.admin();
    const id = await scene.withTargets([{ host: "db1", adminRef, create: true }], { name: "orders" });
    await scene.rotate(id);
    expect(await declare(id, ["db1", "db2"])).toMatchObject([{ accountMade: true }, { accountMade: false }]);
  });
});

describe("verify", () => {
  test("says that target and vault agree", async () => {
    const id = await scene.rotated();
    expect(await verifyCredential(scene.context(), id)).toMatchObject([
      { account: `fake://${one}`, address: "db1:1", verdict: "agrees", version: 1 },
    ]);
  });

  test("asks each verify host, and tells them apart", async () => {
    const id = await scene.rotated({ verifyHosts: ["replica"] });
    const first = await scene.value(id);
    await scene.rotate(id, "cause:2");
    scene.target.give("orders@replica:1", first);
    expect(await verifyCredential(scene.context(), id)).toMatchObject([
      { address: "db1:1", verdict: "agrees", version: 2 },
      { address: "replica:1", verdict: "earlier-version", version: 1 },
    ]);
    expect(scene.target.refusedLogins).toEqual(new Map([["orders@replica:1", 1]]));
  });

  test("tries at a verify host first what the server has", async () => {
    const id = await scene.rotated({ verifyHosts: ["replica"] });
    const first = await scene.value(id);
    await scene.rotate(id, "cause:2");
    scene.target.give(one, first); // and so has the replica, which follows it
    expect(await verifyCredential(scene.context(), id)).toMatchObject([
      { address: "db1:1", verdict: "earlier-version", version: 1 },
      { address: "replica:1", verdict: "earlier-version", version: 1 },
    ]);
    expect(scene.target.refusedLogins).toEqual(new Map([[one, 1]]));
  });

  test("of several accounts of one host at once stops at the host's budget", async () => {
    const adminRef = await scene.admin();
    const names = ["a", "b", "c", "d"];
    const ids: string[] = [];
    for (const username of names) {
      scene.target.give(`${username}@db1:1`, "before");
      ids.push(await scene.withTargets([{ host: "db1", adminRef }], { name: username }));
      await scene.rotate(ids.at(-1) ?? "", "cause:1");
      scene.target.give(`${username}@db1:1`, "somebody changed it");
    }
    const context = scene.context();
    const verdicts = await Promise.all(ids.map((id) => verifyCredential(context, id)));
    expect(
      verdicts
        .flat()
        .map(({ verdict }) => verdict)
        .sort(),
    ).toEqual(["differs", "differs", "not-tried", "not-tried"]);
    expect([...scene.target.refusedLogins.values()].reduce((sum, count) => sum + count, 0)).toBe(2);
  });

  test("of several accounts of one host at once tries them all where their passwords work", async () => {
    const adminRef = await scene.admin();
    const ids: string[] = [];
    for (const username of ["a", "b", "c", "d"]) {
      scene.target.give(`${username}@db1:1`, "before");
      ids.push(await scene.withTargets([{ host: "db1", adminRef }], { name: username }));
      await scene.rotate(ids.at(-1) ?? "", "cause:1");
    }
    const context = scene.context();
    const verdicts = await Promise.all(ids.map((id) => verifyCredential(context, id)));
    expect(verdicts.flat().map(({ verdict }) => verdict)).toEqual(["agrees", "agrees", "agrees", "agrees"]);
  });

  test("finds an earlier version in force, at the cost of one refused login", async () => {
    const id = await scene.rotated();
    const first = await scene.value(id);
    await scene.rotate(id, "cause:2");
    scene.target.give(one, first);
    expect(await verifyCredential(scene.context(), id)).toMatchObject([{ verdict: "earlier-version", version: 1 }]);
    expect(scene.target.refusedLogins.get(one)).toBe(1);
  });

  test("finds a pending version in force", async () => {
    const id = await scene.rotated();
    const first = scene.context({ around: killedAtStep("set-confirmed", "before") });
    await expect(scene.rotate(id, "cause:2", first)).rejects.toThrow("killed");
    expect(await verifyCredential(scene.context(), id)).toMatchObject([{ verdict: "pending-version", version: 2 }]);
  });

  test("doesn't try a pending version that was never sent", async () => {
    const id = await scene.rotated();
    const first = scene.context({ around: killedAtStep("stage", "after") });
    await expect(scene.rotate(id, "cause:2", first)).rejects.toThrow("killed");
    expect(await verifyCredential(scene.context(), id)).toMatchObject([{ verdict: "agrees", version: 1 }]);
    expect(scene.target.refusedLogins.size).toBe(0);
  });

  test("finds the version in force that was given up for another, while its set was in doubt", async () => {
    const id = await scene.rotated();
    scene.target.next("set", (act) => {
      act();
      return { result: "in-doubt", reason: "no answer" };
    });
    await expect(scene.rotate(id, "cause:2")).rejects.toMatchObject({ code: "UNREACHABLE" });
    await scene.vault.resolveCredential(id, { decision: "accept", version: 1, verified: false });
    expect(await verifyCredential(scene.context(), id)).toMatchObject([{ verdict: "earlier-version", version: 2 }]);
    expect(scene.target.refusedLogins.get(one)).toBe(1);
    await scene.rotate(id, "cause:2"); // which has no version by that
    expect(await scene.versions(id)).toBe("1 previous, 2 previous, 3 current");
  });

  test("stops when the budget is spent, before the account is locked", async () => {
    const id = await scene.rotated();
    await scene.rotate(id, "cause:2");
    await scene.rotate(id, "cause:3");
    scene.target.give(one, "somebody changed it");
    const spent = [{ verdict: "differs", refused: [3, 2], untried: [1] }];
    expect(await verifyCredential(scene.context(), id)).toMatchObject(spent);
    expect(await verifyCredential(scene.context(), id)).toMatchObject([{ verdict: "not-tried", untried: [3, 2, 1] }]);
    expect(scene.target.refusedLogins.get(one)).toBe(2);
    scene.clock.advance(61 * 60_000);
    expect(await verifyCredential(scene.context(), id)).toMatchObject([{ verdict: "differs" }]);
  });

  test("tries again at once after a person has cleared what was booked", async () => {
    const id = await scene.rotated();
    await scene.rotate(id, "cause:2");
    scene.target.give(one, "somebody changed it");
    await verifyCredential(scene.context(), id);
    await scene.vault.clearLogins(`fake://${one}`);
    scene.target.give(one, await scene.value(id));
    expect(await verifyCredential(scene.context(), id)).toMatchObject([{ verdict: "agrees" }]);
  });

  test("marks an adopted entry's version as verified", async () => {
    const id = await scene.orders({ verify: "none" });
    await scene.rotate(id);
    const [target] = (await scene.vault.readCredential(id)).targets;
    const { verify: _verify, ...description } = target!.description;
    await scene.vault.updateCredential(id, { targets: [{ ...target!, description }] });
    await verifyCredential(scene.context(), id);
    expect((await scene.vault.readCredential(id)).versions).toMatchObject([{ state: "current", verified: true }]);
  });

  test("reports a machine that doesn't answer, and one that proves nothing", async () => {
    const id = await scene.rotated();
    scene.target.next("verify", () => ({ proof: "unreachable", reason: "no route" }));
    expect(await verifyCredential(scene.context(), id)).toMatchObject([{ verdict: "unreachable", reason: "no route" }]);
    scene.target.next("verify", () => ({ proof: "not-verifiable", reason: "trust" }));
    expect(await verifyCredential(scene.context(), id)).toMatchObject([{ verdict: "not-verifiable", reason: "trust" }]);
  });
});

describe("the account of a credential that is deleted", () => {
  const retire = async (id: string) => retireAccounts(scene.context(), await scene.vault.readCredential(id));

  test("is disabled if Coffre made it", async () => {
    const adminRef = await scene.admin();
    const id = await scene.withTargets([{ host: "db1", adminRef, create: true }], { name: "orders" });
    await scene.rotate(id);
    expect(await retire(id)).toEqual([`fake://${one} was disabled`]);
    expect(scene.target.calls).toContain(`remove ${one} disable`);
  });

  test("is kept if it was there before", async () => {
    const id = await scene.rotated();
    expect(await retire(id)).toEqual([]);
    expect(scene.target.count("remove")).toBe(0);
  });

  test.each([
    ["drop", "dropped"],
    ["disable", "disabled"],
  ] as const)("has what `onDelete: %s` says", async (onDelete, done) => {
    const id = await scene.rotated({ onDelete });
    expect(await retire(id)).toEqual([`fake://${one} was ${done}`]);
  });

  test("that logs in by itself is kept, and that is said", async () => {
    const boot = await scene.admin({ username: "boot", password: "factory" });
    scene.target.give(one, "factory");
    const id = await scene.withTargets([{ host: "db1", initialRef: boot, onDelete: "drop" }], { name: "orders" });
    await scene.rotate(id);
    expect(await retire(id)).toEqual([`fake://${one} was kept: without an admin nobody could drop it`]);
  });
});

describe("a run that changes one target at a time", () => {
  test("looks at the next ones and stages their values meanwhile, and sets none before the proof of the one before", async () => {
    const adminRef = await scene.admin();
    const names = ["orders", "billing", "stock"];
    const ids = await Promise.all(
      names.map((name) => {
        scene.target.give(`${name}@db1:1`, "before");
        return scene.withTargets([{ host: "db1", adminRef }], { name });
      }),
    );
    const context = { ...scene.context(), changes: new Slots(1) };
    const held = Promise.withResolvers<void>();
    scene.target.next("set", async (act) => {
      await held.promise;
      return act();
    });
    const runs = Promise.all(ids.map((id) => scene.rotate(id, "cause:1", context)));
    const staged = async () => (await versionsOf(ids)).every((versions) => versions === "1 pending");
    for (let turn = 0; turn < 1_000 && !(await staged()); turn += 1) await nextTurn();
    expect(await staged()).toBe(true);
    expect(scene.target.calls.filter((call) => call.startsWith("set "))).toHaveLength(1);
    held.resolve();
    await runs;
    const order = scene.target.calls.filter((call) => /^(set|verify) /.test(call)).map((call) => call.split(" ")[0]);
    expect(order).toEqual(["set", "verify", "set", "verify", "set", "verify"]);
    expect(await versionsOf(ids)).toEqual(ids.map(() => "1 current"));
  });

  const versionsOf = (ids: string[]) => Promise.all(ids.map((id) => scene.versions(id)));
});
