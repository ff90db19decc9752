import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { commandCause, missingCauses, targetsCause, triggerCause } from "../../provider/rotation/causes.js";
import { dueAt, dueCause, isDue } from "../../provider/rotation/due.js";
import { Scene } from "../fixtures/rotation-scene.ts";

let scene: Scene;
beforeEach(() => {
  scene = new Scene();
});
afterEach(() => scene.close());

describe("a cause", () => {
  test("of a trigger is the same for the same values in another order, and another for others", async () => {
    const { vault } = scene;
    const cause = await triggerCause(vault, { revision: "1", reason: "leak" });
    expect(await triggerCause(vault, { reason: "leak", revision: "1" })).toBe(cause);
    for (const other of [{}, { revision: "1" }, { revision: "2", reason: "leak" }, { revision: "leak", reason: "1" }]) {
      expect(await triggerCause(vault, other)).not.toBe(cause);
    }
  });

  test("of a trigger doesn't show its values, and is another in another vault", async () => {
    const cause = await triggerCause(scene.vault, { token: "hunter2" });
    expect(cause).toMatch(/^trigger:[0-9a-f]{32}$/);
    expect(await triggerCause(new Scene().vault, { token: "hunter2" })).not.toBe(cause);
  });

  test("of targets follows accounts and identities, and no other part of a description", async () => {
    const target = (account: string, description: Record<string, unknown>) => ({
      kind: "fake",
      account,
      description,
      accountMade: false,
    });
    const of = (...targets: ReturnType<typeof target>[]) => targetsCause(scene.vault, targets);
    const a = target("fake://a@x:1", { identity: "vm-1" });
    const b = target("fake://b@x:1", {});
    const cause = await of(a, b);
    expect(await of(b, a)).toBe(cause);
    expect(await of(target("fake://a@x:1", { identity: "vm-1", limits: {} }), b)).toBe(cause);
    expect(await of(target("fake://a@x:1", { identity: "vm-2" }), b)).not.toBe(cause);
    expect(await of(a)).not.toBe(cause);
  });

  test("of a command is another each time", () => {
    expect(commandCause()).not.toBe(commandCause());
  });

  test("is missing while no version but a discarded one has it", async () => {
    const id = await scene.rotated();
    scene.target.next("set", () => ({ result: "value-refused", reason: "no" }));
    scene.target.next("set", () => ({ result: "refused", reason: "not now" }));
    await expect(scene.rotate(id, "cause:2")).rejects.toMatchObject({ code: "TARGET_NOT_READY" });
    const credential = await scene.vault.readCredential(id);
    expect(await scene.versions(id)).toBe("1 current, 2 discarded, 3 pending");
    expect(missingCauses(credential, ["cause:first", "cause:2", "cause:3"])).toEqual(["cause:3"]);
    credential.versions = credential.versions.filter(({ number }) => number !== 3);
    expect(missingCauses(credential, ["cause:2"])).toEqual(["cause:2"]);
  });
});

describe("a rhythm", () => {
  test("counts from the promotion that the vault knows", async () => {
    const id = await scene.rotated({}, { rotation: { everyDays: 90, when: "scheduled" } });
    const credential = await scene.vault.readCredential(id);
    expect(dueAt(credential)).toEqual(new Date("2031-08-04T07:08:09.000Z"));
    expect(isDue(credential, new Date("2031-08-04T07:08:08.999Z"))).toBe(false);
    expect(isDue(credential, new Date("2031-08-04T07:08:09.000Z"))).toBe(true);
  });

  test("is one rotation for two jobs that find it due", async () => {
    const id = await scene.rotated({}, { rotation: { everyDays: 90, when: "scheduled" } });
    scene.clock.advance(91 * 86_400_000);
    const seen = await scene.vault.readCredential(id);
    const outcomes = [await scene.rotate(id, dueCause(seen)), await scene.rotate(id, dueCause(seen))];
    expect(outcomes.map(({ action }) => action)).toEqual(["rotated", "none"]);
    expect(isDue(await scene.vault.readCredential(id), scene.clock.now())).toBe(false);
  });

  test("that isn't set is never due", async () => {
    const credential = await scene.vault.readCredential(await scene.rotated());
    expect(dueAt(credential)).toBeUndefined();
    expect(isDue(credential, new Date("9999-01-01"))).toBe(false);
  });

  test("of an entry without a current version is not due: it is unfinished", async () => {
    const id = await scene.orders({}, { rotation: { everyDays: 1, when: "up" } });
    expect(isDue(await scene.vault.readCredential(id), new Date("9999-01-01"))).toBe(false);
  });
});
