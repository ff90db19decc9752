import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { killedAtRequest, killedAtStep, Scene } from "../fixtures/rotation-scene.ts";

let scene: Scene;
beforeEach(() => {
  scene = new Scene();
});
afterEach(() => scene.close());

const account = "orders@db1:1";

/** The entry with its first version in force. */
const byAdmin = () => scene.rotated({ repeatable: false });

async function byItself(): Promise<string> {
  const boot = await scene.admin({ username: "boot", password: "factory" });
  scene.target.give(account, "factory");
  const id = await scene.withTargets([{ host: "db1", initialRef: boot }], { name: "orders" });
  await scene.rotate(id, "cause:first");
  scene.target.refusedLogins.clear(); // of the proof that the first value is refused
  scene.clock.advance(2 * 60 * 60_000); // so that the budget is whole
  return id;
}

/** Killed with a set that never arrived, and again when the pending version had been refused, or before it was asked for. */
async function killedTwice(id: string, refused: number): Promise<void> {
  const first = scene.context({ around: killedAtStep("set-started", "after") });
  await expect(scene.rotate(id, "cause:2", first)).rejects.toThrow("killed");
  const second = scene.context({ around: killedAtRequest("bookLogin") });
  await expect(scene.rotate(id, "cause:2", second)).rejects.toThrow("killed");
  expect(scene.target.refusedLogins.get(account) ?? 0).toBe(refused);
}

describe.each([
  { what: "an admin that may not repeat a set", rotated: byAdmin, refused: 0 },
  { what: "an account that logs in by itself", rotated: byItself, refused: 1 },
])("a set in doubt, of $what", ({ rotated, refused }) => {
  test("costs the account one refused login, whatever is killed meanwhile", async () => {
    const id = await rotated();
    await killedTwice(id, refused);
    await expect(scene.rotate(id, "cause:2")).resolves.toMatchObject({ action: "finished", version: 2 });
    expect(scene.target.passwordOf(account)).toBe(await scene.value(id));
    expect(scene.target.refusedLogins.get(account)).toBe(1);
  });

  test("is asked for again once another set was started", async () => {
    const id = await rotated();
    await killedTwice(id, refused);
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
    const id = await byItself();
    await killedTwice(id, 1);
    scene.target.give(account, await scene.value(id, "pending"));
    await expect(scene.rotate(id, "cause:2")).rejects.toMatchObject({ code: "BUDGET_SPENT" });
    expect(await scene.versions(id)).toBe("1 current, 2 pending");
    scene.clock.advance(2 * 60 * 60_000);
    await expect(scene.rotate(id, "cause:2")).resolves.toMatchObject({ action: "finished", version: 2 });
  });

  test("is tried first once a person has said that it goes on", async () => {
    const id = await byItself();
    await killedTwice(id, 1);
    scene.target.give(account, await scene.value(id, "pending"));
    await scene.vault.resolveCredential(id, { decision: "retry" });
    await expect(scene.rotate(id, "cause:2")).resolves.toMatchObject({ action: "finished", version: 2 });
    expect(scene.target.refusedLogins.get(account)).toBe(1);
  });

  test("isn't sent a second time by an admin that may not repeat it", async () => {
    const id = await byAdmin();
    const first = scene.context({ around: killedAtStep("set-started", "after") });
    await expect(scene.rotate(id, "cause:2", first)).rejects.toThrow("killed");
    const second = scene.context({ around: killedAtStep("set-started", "before") });
    await expect(scene.rotate(id, "cause:2", second)).rejects.toThrow("killed");
    expect(scene.target.refusedLogins.get(account)).toBe(1);
    scene.target.give(account, await scene.value(id, "pending"));
    await expect(scene.rotate(id, "cause:2")).resolves.toMatchObject({ action: "finished", version: 2 });
    expect(scene.target.count("set")).toBe(0);
  });
});
