import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { CoffreError } from "../../provider/core/errors.js";
import { targetsCause, triggerCause } from "../../provider/rotation/causes.js";
import { reachCauses, resume } from "../../provider/rotation/rotate.js";
import { killedAt, killedAtRequest, killedAtStep, Scene } from "../fixtures/rotation-scene.ts";

let scene: Scene;
beforeEach(() => {
  scene = new Scene();
});
afterEach(() => scene.close());

const account = "orders@db1:1";
const lostReply = { result: "in-doubt", reason: "the connection broke" } as const;

/** What must hold at every instant, whatever was cut off. */
async function workingVersionIsKept(id: string): Promise<void> {
  const working = scene.target.passwordOf(account);
  const { versions } = await scene.vault.readCredential(id);
  const alive = versions.filter(({ state }) => state === "pending" || state === "current");
  expect(await Promise.all(alive.map(({ number }) => scene.value(id, number)))).toContain(working);
}

describe("killed at any request to the vault, the next run finishes the same rotation", () => {
  const points = Array.from({ length: 11 }, (_, index) => index + 1);
  const killed = points.flatMap((point) => (["before", "after"] as const).map((when) => ({ when, point })));

  test.each(killed)("$when request $point", async ({ when, point }) => {
    const id = await scene.rotated();
    const first = scene.context({ around: killedAt(point, when) });
    await scene.rotate(id, "cause:2", first).catch(() => undefined);
    await workingVersionIsKept(id);

    await scene.rotate(id, "cause:2");
    expect(await scene.versions(id)).toBe("1 previous, 2 current");
    expect(scene.target.passwordOf(account)).toBe(await scene.value(id));
    expect(scene.target.refusedLogins.size).toBe(0);
  });

  test("and there are no more requests than that, so that every boundary was met", async () => {
    const id = await scene.rotated();
    const count = { requests: 0 };
    await scene.rotate(id, "cause:2", scene.context({ around: killedAt(Infinity, "before", count) }));
    expect(count.requests).toBe(points.length);
  });

  test.each(killed)("killed again in the resume, $when request $point", async ({ when, point }) => {
    const id = await scene.rotated();
    const first = scene.context({ around: killedAtStep("set-confirmed", "before") });
    await expect(scene.rotate(id, "cause:2", first)).rejects.toThrow("killed");
    await scene.rotate(id, "cause:2", scene.context({ around: killedAt(point, when) })).catch(() => undefined);
    await workingVersionIsKept(id);

    await scene.rotate(id, "cause:2");
    expect(await scene.versions(id)).toBe("1 previous, 2 current");
    expect(scene.target.passwordOf(account)).toBe(await scene.value(id));
    expect(scene.target.refusedLogins.size).toBe(0);
  });
});

describe("a pending version", () => {
  /** Leaves version 2 pending, its set in doubt. */
  async function leftInDoubt(id: string, wasSet: boolean): Promise<void> {
    scene.target.next("set", (act) => {
      if (wasSet) act();
      return lostReply;
    });
    await expect(scene.rotate(id, "cause:2")).rejects.toMatchObject({ code: "UNREACHABLE" });
    expect(await scene.versions(id)).toBe("1 current, 2 pending");
  }

  test.each([true, false])(
    "in doubt (really set: %s) is never discarded, and goes on with the same value",
    async (wasSet) => {
      const id = await scene.rotated();
      await leftInDoubt(id, wasSet);
      const pending = await scene.value(id, "pending");
      await workingVersionIsKept(id);
      await expect(scene.rotate(id, "cause:2")).resolves.toMatchObject({ action: "finished", version: 2 });
      expect(await scene.value(id)).toBe(pending);
      expect(scene.target.passwordOf(account)).toBe(pending);
    },
  );

  test("in doubt whose value is refused at the next try needs attention instead of being drawn anew", async () => {
    const id = await scene.rotated();
    await leftInDoubt(id, false);
    scene.target.next("set", () => ({ result: "value-refused", reason: "too short" }));
    await expect(scene.rotate(id, "cause:2")).rejects.toMatchObject({ code: "NEEDS_ATTENTION" });
    expect(await scene.versions(id)).toBe("1 current, 2 pending");
    await workingVersionIsKept(id);
  });

  test("that somebody else left is finished before another cause is reached, in one run", async () => {
    const id = await scene.rotated();
    await leftInDoubt(id, true);
    await expect(scene.rotate(id, "cause:3")).resolves.toMatchObject({ action: "rotated", version: 3 });
    expect(await scene.versions(id)).toBe("1 previous, 2 previous, 3 current");
    expect(scene.target.passwordOf(account)).toBe(await scene.value(id));
  });

  test("is finished by `resume`, which draws nothing", async () => {
    const id = await scene.rotated();
    await leftInDoubt(id, true);
    await expect(resume(scene.context(), id)).resolves.toMatchObject({ action: "finished", version: 2 });
    await expect(resume(scene.context(), id)).resolves.toMatchObject({ action: "none", version: 2 });
    expect(await scene.versions(id)).toBe("1 previous, 2 current");
  });

  test("that could not be proven stays pending, and resumes with the same value", async () => {
    const id = await scene.rotated();
    for (const _try of [1, 2, 3]) scene.target.next("verify", () => ({ proof: "unreachable", reason: "no route" }));
    await expect(scene.rotate(id, "cause:2")).rejects.toMatchObject({ code: "UNREACHABLE" });
    const pending = await scene.value(id, "pending");
    expect(scene.target.passwordOf(account)).toBe(pending);
    expect((await scene.vault.readCredential(id)).journal.pending?.targets).toMatchObject([{ setConfirmed: true }]);

    await expect(scene.rotate(id, "cause:2")).resolves.toMatchObject({ action: "finished", version: 2 });
    expect(await scene.value(id)).toBe(pending);
  });

  test("that a short fault kept from being proven is proven in the same run", async () => {
    const id = await scene.rotated();
    scene.target.next("verify", () => ({ proof: "unreachable", reason: "connection reset" }));
    await expect(scene.rotate(id, "cause:2")).resolves.toMatchObject({ action: "rotated", version: 2 });
  });

  test("keeps its causes answered, so that nobody draws another for them", async () => {
    const id = await scene.rotated();
    await leftInDoubt(id, true);
    await scene.rotate(id, "cause:2");
    await expect(scene.rotate(id, "cause:2")).resolves.toMatchObject({ action: "none" });
    expect(scene.target.setPasswords.get(account)?.length).toBe(3); // the first, in doubt, once more
  });
});

describe("a value that the target refuses", () => {
  const refuse = () => ({ result: "value-refused", reason: "seen before" }) as const;

  test("at its first set is discarded and another is drawn, with the same causes", async () => {
    const id = await scene.rotated();
    scene.target.next("set", refuse);
    await expect(scene.rotate(id, "cause:2")).resolves.toMatchObject({ action: "rotated", version: 3 });
    expect(await scene.versions(id)).toBe("1 previous, 2 discarded, 3 current");
    expect((await scene.vault.readCredential(id)).versions.at(-1)?.causes).toEqual(["cause:2"]);
  });

  test("keeps the discarded value readable", async () => {
    const id = await scene.rotated();
    scene.target.next("set", refuse);
    await scene.rotate(id, "cause:2");
    expect(await scene.value(id, 2)).toMatch(/^[a-z0-9]{24}$/);
  });

  test("three times in a row needs attention; the current version still works", async () => {
    const id = await scene.rotated();
    for (const _draw of [1, 2, 3]) scene.target.next("set", refuse);
    await expect(scene.rotate(id, "cause:2")).rejects.toMatchObject({ code: "NEEDS_ATTENTION" });
    expect(await scene.versions(id)).toBe("1 current, 2 discarded, 3 discarded, 4 discarded");
    expect((await scene.vault.readCredential(id)).journal.attention?.reason).toBe("draws-exhausted");
    expect(scene.target.passwordOf(account)).toBe(await scene.value(id));
  });

  test("is counted over runs: a kill between the draws gives no fourth", async () => {
    const id = await scene.rotated();
    for (const _draw of [1, 2, 3, 4, 5]) scene.target.next("set", refuse);
    const first = scene.context({ around: killedAtStep("discard", "after", 2) });
    await expect(scene.rotate(id, "cause:2", first)).rejects.toThrow("killed");
    await expect(scene.rotate(id, "cause:2")).rejects.toMatchObject({ code: "NEEDS_ATTENTION" });
    expect((await scene.versions(id)).match(/discarded/g)).toHaveLength(3);
  });

  test("a person's word gives three more draws", async () => {
    const id = await scene.rotated();
    for (const _draw of [1, 2, 3]) scene.target.next("set", refuse);
    await expect(scene.rotate(id, "cause:2")).rejects.toMatchObject({ code: "NEEDS_ATTENTION" });
    await scene.vault.resolveCredential(id, { decision: "retry" });
    await expect(scene.rotate(id, "cause:2")).resolves.toMatchObject({ action: "rotated", version: 5 });
  });

  test("when a kept version is finished, is discarded too, since no set was ever started with it", async () => {
    const id = await scene.rotated();
    const first = scene.context({ around: killedAtStep("stage", "after") });
    await expect(scene.rotate(id, "cause:2", first)).rejects.toThrow("killed");
    expect(await scene.versions(id)).toBe("1 current, 2 pending");
    scene.target.next("set", refuse);
    await scene.rotate(id, "cause:2");
    expect(await scene.versions(id)).toBe("1 previous, 2 discarded, 3 current");
  });

  test("while another cause waits is drawn anew once for both", async () => {
    const id = await scene.rotated();
    const first = scene.context({ around: killedAtStep("stage", "after") });
    await expect(scene.rotate(id, "cause:2", first)).rejects.toThrow("killed");
    scene.target.next("set", refuse);
    await reachCauses(scene.context(), id, ["cause:3"]);
    const { versions } = await scene.vault.readCredential(id);
    expect(versions.at(-1)).toMatchObject({ number: 3, state: "current", causes: ["cause:2", "cause:3"] });
  });
});

describe("a set that fails for another reason", () => {
  test("draws nothing: the version stays, and goes on when the reason is gone", async () => {
    const id = await scene.rotated();
    scene.target.next("set", () => ({ result: "refused", reason: "permission denied" }));
    await expect(scene.rotate(id, "cause:2")).rejects.toMatchObject({ code: "TARGET_NOT_READY" });
    const pending = await scene.value(id, "pending");
    await scene.rotate(id, "cause:2");
    expect(await scene.value(id)).toBe(pending);
    expect(await scene.versions(id)).toBe("1 previous, 2 current");
  });

  test("is tried again once in the same run where an admin can repeat it", async () => {
    const id = await scene.rotated();
    scene.target.next("set", () => ({ result: "in-doubt", reason: "no answer in time", keepsConnection: true }));
    await expect(scene.rotate(id, "cause:2")).resolves.toMatchObject({ action: "rotated", version: 2 });
    expect(scene.target.count("set")).toBe(2);
  });
});

describe("a login that is refused after a confirmed set", () => {
  async function refused(): Promise<string> {
    const id = await scene.rotated();
    scene.target.next("verify", () => ({ proof: "refused", reason: "wrong password" }));
    await expect(scene.rotate(id, "cause:2")).rejects.toMatchObject({ code: "NEEDS_ATTENTION" });
    return id;
  }

  test("needs attention, names the reason, and is never set again by itself", async () => {
    const id = await refused();
    const { journal, status } = await scene.vault.readCredential(id);
    expect(status).toBe("needs-attention");
    expect(journal.attention).toMatchObject({ reason: "set-but-refused", version: 2 });
    await expect(resume(scene.context(), id)).rejects.toMatchObject({ code: "NEEDS_ATTENTION" });
    expect(scene.target.count("set")).toBe(1);
  });

  test("keeps both values readable", async () => {
    const id = await refused();
    expect(await scene.versions(id)).toBe("1 current, 2 pending");
    expect(await scene.value(id, "pending")).toBe(scene.target.passwordOf(account));
  });

  test("goes on with the same value when a person says so", async () => {
    const id = await refused();
    const pending = await scene.value(id, "pending");
    await scene.vault.resolveCredential(id, { decision: "retry" });
    await expect(scene.rotate(id, "cause:2")).resolves.toMatchObject({ action: "finished", version: 2 });
    expect(await scene.value(id)).toBe(pending);
  });

  test("of an unprovable target says so instead", async () => {
    const id = await scene.rotated();
    scene.target.next("verify", () => ({ proof: "not-verifiable", reason: "trust" }));
    await expect(scene.rotate(id, "cause:2")).rejects.toMatchObject({ code: "NEEDS_ATTENTION" });
    expect((await scene.vault.readCredential(id)).journal.attention?.reason).toBe("not-verifiable");
    await workingVersionIsKept(id);
  });
});

describe("an account that logs in by itself", () => {
  /** `orders` with its first version in force, by the value that a machine came with. */
  async function selfMade(): Promise<string> {
    const boot = await scene.admin({ username: "boot", password: "factory" });
    scene.target.give(account, "factory");
    const id = await scene.withTargets([{ host: "db1", initialRef: boot }], { name: "orders" });
    await scene.rotate(id, "cause:first");
    scene.target.refusedLogins.clear(); // of the proof that the first value is refused: see rotation-first-boot.test.ts
    return id;
  }

  test("is set the first time with the value that it came with, then with its own", async () => {
    const id = await selfMade();
    expect(scene.target.passwordOf(account)).toBe(await scene.value(id));
    await scene.rotate(id, "cause:2");
    expect(scene.target.passwordOf(account)).toBe(await scene.value(id));
    expect(scene.target.refusedLogins.size).toBe(0);
  });

  test("without any known password stops before a version is drawn", async () => {
    scene.target.give(account, "?");
    const id = await scene.withTargets([{ host: "db1" }], { name: "orders" });
    await expect(scene.rotate(id)).rejects.toMatchObject({ code: "TARGET_NOT_READY" });
    expect(await scene.versions(id)).toBe("");
  });

  test.each([
    { wasSet: true, refusals: 0 },
    { wasSet: false, refusals: 1 },
  ])(
    "that nobody verifies finds its way in after a set in doubt (really set: $wasSet)",
    async ({ wasSet, refusals }) => {
      const boot = await scene.admin({ username: "boot", password: "factory" });
      scene.target.give(account, "factory");
      const id = await scene.withTargets([{ host: "db1", initialRef: boot, verify: "none" }], { name: "orders" });
      await scene.rotate(id, "cause:first");
      scene.target.next("set", (act) => {
        if (wasSet) act();
        return lostReply;
      });
      await expect(scene.rotate(id, "cause:2")).rejects.toMatchObject({ code: "UNREACHABLE" });
      const pending = await scene.value(id, "pending");
      await expect(scene.rotate(id, "cause:2")).resolves.toMatchObject({ action: "finished", version: 2 });
      expect(scene.target.passwordOf(account)).toBe(pending);
      expect(scene.target.refusedLogins.get(account) ?? 0).toBe(refusals);
    },
  );

  test.each([
    { wasSet: true, refusals: 0, logins: "the pending value" },
    { wasSet: false, refusals: 1, logins: "the pending value, then the current one" },
  ])("whose set is in doubt (really set: $wasSet) is tried with $logins", async ({ wasSet, refusals }) => {
    const id = await selfMade();
    scene.target.next("set", (act) => {
      if (wasSet) act();
      return lostReply;
    });
    await expect(scene.rotate(id, "cause:2")).rejects.toMatchObject({ code: "UNREACHABLE" });
    const pending = await scene.value(id, "pending");
    await expect(scene.rotate(id, "cause:2")).resolves.toMatchObject({ action: "finished", version: 2 });
    expect(await scene.value(id)).toBe(pending);
    expect(scene.target.passwordOf(account)).toBe(pending);
    expect(scene.target.refusedLogins.get(account) ?? 0).toBe(refusals);
  });

  test("that takes neither value needs attention, after two refused logins and no more", async () => {
    const id = await selfMade();
    scene.target.next("set", () => lostReply);
    await expect(scene.rotate(id, "cause:2")).rejects.toMatchObject({ code: "UNREACHABLE" });
    scene.target.give(account, "somebody changed it");
    for (const _run of [1, 2]) {
      await expect(scene.rotate(id, "cause:2")).rejects.toMatchObject({ code: "NEEDS_ATTENTION" });
    }
    expect((await scene.vault.readCredential(id)).journal.attention).toMatchObject({ reason: "no-way-in" });
    expect(scene.target.refusedLogins.get(account)).toBe(2);
    expect(await scene.versions(id)).toBe("1 current, 2 pending");
  });

  test("that was killed twice while it logged in goes on: a value known to be right counts once", async () => {
    const id = await selfMade();
    for (const _kill of [1, 2]) {
      const killed = scene.context({ around: killedAtRequest("settleLogin") });
      await expect(scene.rotate(id, "cause:2", killed)).rejects.toThrow("killed");
    }
    await expect(scene.rotate(id, "cause:2")).resolves.toMatchObject({ action: "rotated", version: 2 });
  });

  test("that was killed while it was set goes on, though neither login of the kill's outcome is known", async () => {
    const id = await selfMade();
    scene.target.next("set", () => {
      throw new Error("killed");
    });
    await expect(scene.rotate(id, "cause:2")).rejects.toThrow("killed");
    await expect(scene.rotate(id, "cause:2")).resolves.toMatchObject({ action: "finished", version: 2 });
    expect(scene.target.refusedLogins.get(account)).toBe(1);
  });

  test("that no longer takes its current value stops before a version is drawn", async () => {
    const id = await selfMade();
    scene.target.give(account, "somebody changed it");
    await expect(scene.rotate(id, "cause:2")).rejects.toMatchObject({ code: "LOGIN_REFUSED" });
    expect(await scene.versions(id)).toBe("1 current");
  });
});

describe("targets that are declared anew while a version is pending", () => {
  test("have the pending version too, which answers for them", async () => {
    const id = await scene.rotated();
    const first = scene.context({ around: killedAtStep("set-confirmed", "before") });
    await expect(scene.rotate(id, "cause:2", first)).rejects.toThrow("killed");
    const adminRef = (await scene.vault.readCredential(id)).targets[0]?.description["adminRef"] as string;
    scene.target.give("dba@db2:1", "the admin's password");
    scene.target.give("orders@db2:1", "before");
    const targets = ["db1", "db2"].map((host) => ({
      kind: "fake",
      account: `fake://orders@${host}:1`,
      description: { host, adminRef },
      accountMade: false,
    }));
    await reachCauses(scene.context(), id, ["targets:2"], { change: { targets } });
    expect(await scene.versions(id)).toBe("1 previous, 2 current");
    expect(scene.target.passwordOf("orders@db2:1")).toBe(await scene.value(id));
    expect(scene.target.passwordOf(account)).toBe(await scene.value(id));
    expect((await scene.vault.readCredential(id)).versions.at(-1)?.causes).toEqual(["cause:2", "targets:2"]);
  });
});

describe("an entry whose first look failed, so that nothing was drawn", () => {
  const notReady = () => {
    throw new CoffreError("TARGET_NOT_READY", "the role has expired");
  };

  test("awaits its rotation, and a resume goes on once the target is ready", async () => {
    const id = await scene.orders();
    scene.target.next("look", notReady);
    await expect(scene.rotate(id, "cause:1")).rejects.toMatchObject({ code: "TARGET_NOT_READY" });
    expect(await scene.vault.readCredential(id)).toMatchObject({ status: "awaiting-rotation", versions: [] });

    scene.target.next("look", notReady);
    await expect(resume(scene.context(), id)).rejects.toMatchObject({ code: "TARGET_NOT_READY" });
    await expect(resume(scene.context(), id)).resolves.toMatchObject({ action: "rotated", version: 1 });
    expect(scene.target.passwordOf(account)).toBe(await scene.value(id));
    await expect(resume(scene.context(), id)).resolves.toMatchObject({ action: "none", version: 1 });
  });

  test("is set once: its causes are those that the program names", async () => {
    const id = await scene.orders();
    const { targets } = await scene.vault.readCredential(id);
    await resume(scene.context(), id);
    const named = [await triggerCause(scene.vault, {}), await targetsCause(scene.vault, targets)];
    const again = await reachCauses(scene.context(), id, named);
    expect(again).toMatchObject({ action: "none", version: 1 });
  });

  test("an entry whose value people bring awaits that, and a resume draws nothing", async () => {
    const { id } = await scene.add({ name: "typed", valueManagedBy: "external" });
    await expect(resume(scene.context(), id)).resolves.toMatchObject({ action: "none", version: undefined });
    expect(await scene.vault.readCredential(id)).toMatchObject({ status: "awaiting-value" });
  });
});
