import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { killedAtRequest, killedAtStep, Scene } from "../fixtures/rotation-scene.ts";

let scene: Scene;
beforeEach(() => {
  scene = new Scene();
});
afterEach(() => scene.close());

const account = "orders@db1:1";

/** With its first version in force, where a set in doubt can't be repeated at once. */
const ACCOUNTS = {
  "an admin that may not repeat a set": () => scene.rotated({ repeatable: false }),
  "an account that logs in by itself": async () => {
    const boot = await scene.admin({ username: "boot", password: "factory" });
    scene.target.give(account, "factory");
    const id = await scene.withTargets([{ host: "db1", initialRef: boot }], { name: "orders" });
    await scene.rotate(id, "cause:first");
    scene.target.refusedLogins.clear(); // of the proof that the first value is refused
    scene.clock.advance(2 * 60 * 60_000); // so that the budget is whole
    return id;
  },
};

/** Killed with a set that never arrived, and again when the pending version had been refused. */
async function killedTwice(id: string): Promise<void> {
  const first = scene.context({ around: killedAtStep("set-started", "after") });
  await expect(scene.rotate(id, "cause:2", first)).rejects.toThrow("killed");
  const second = scene.context({ around: killedAtRequest("bookLogin") });
  await expect(scene.rotate(id, "cause:2", second)).rejects.toThrow("killed");
  expect(scene.target.refusedLogins.get(account)).toBe(1);
}

describe.each(Object.entries(ACCOUNTS))("a set in doubt, of %s", (_what, rotated) => {
  test("that the account has refused a login with is not asked for again", async () => {
    const id = await rotated();
    await killedTwice(id);
    await expect(scene.rotate(id, "cause:2")).resolves.toMatchObject({ action: "finished", version: 2 });
    expect(scene.target.passwordOf(account)).toBe(await scene.value(id));
    expect(scene.target.refusedLogins.get(account)).toBe(1);
  });

  test("is asked for again once another set was started", async () => {
    const id = await rotated();
    await killedTwice(id);
    const third = scene.context({ around: killedAtStep("set-confirmed", "before") });
    await expect(scene.rotate(id, "cause:2", third)).rejects.toThrow("killed");
    const sets = scene.target.count("set");
    await expect(scene.rotate(id, "cause:2")).resolves.toMatchObject({ action: "finished", version: 2 });
    expect(scene.target.count("set")).toBe(sets);
    expect(scene.target.refusedLogins.get(account)).toBe(1);
  });
});

describe("a set of a dead process that arrives after the account has refused its value", () => {
  test("is found by an account that logs in by itself, when its current value is refused", async () => {
    const id = await ACCOUNTS["an account that logs in by itself"]();
    await killedTwice(id);
    scene.target.give(account, await scene.value(id, "pending"));
    await expect(scene.rotate(id, "cause:2")).rejects.toMatchObject({ code: "BUDGET_SPENT" });
    expect(await scene.versions(id)).toBe("1 current, 2 pending");
    scene.clock.advance(2 * 60 * 60_000);
    await expect(scene.rotate(id, "cause:2")).resolves.toMatchObject({ action: "finished", version: 2 });
  });

  test("is found where an admin's second one is refused as used before", async () => {
    const id = await scene.rotated({ repeatable: false });
    await killedTwice(id);
    scene.target.give(account, await scene.value(id, "pending"));
    scene.target.next("set", () => ({ result: "value-refused", reason: "used before" }));
    await expect(scene.rotate(id, "cause:2")).resolves.toMatchObject({ action: "finished", version: 2 });
  });
});
