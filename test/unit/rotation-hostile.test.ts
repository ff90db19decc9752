import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { CoffreError } from "../../provider/core/errors.js";
import { verifyCredential } from "../../provider/rotation/verify.js";
import { killedAtStep, referenceTo, Scene } from "../fixtures/rotation-scene.ts";
import { Secret } from "../../provider/core/secret.js";

let scene: Scene;
beforeEach(() => {
  scene = new Scene();
});
afterEach(() => scene.close());

const account = "orders@db1:1";

test("killed between the last refused draw and the call for a person, the next run calls", async () => {
  const id = await scene.rotated();
  for (let draw = 0; draw < 3; draw++) scene.target.next("set", () => ({ result: "value-refused", reason: "no" }));
  const killed = scene.context({ around: killedAtStep("attention", "before") });
  await expect(scene.rotate(id, "cause:2", killed)).rejects.toThrow("killed");
  await expect(scene.rotate(id, "cause:2")).rejects.toMatchObject({ code: "NEEDS_ATTENTION" });
  expect((await scene.vault.readCredential(id)).journal.attention?.reason).toBe("draws-exhausted");
});

test("a replica that refuses costs one booked login for each one that it refused", async () => {
  const id = await scene.rotated({ verifyHosts: ["replica"] });
  scene.target.give("orders@replica:1", "something else");
  await expect(scene.rotate(id, "cause:2")).rejects.toMatchObject({ code: "NEEDS_ATTENTION" });
  expect(scene.target.refusedLogins.get("orders@replica:1")).toBe(2);
  const more = { id: "one more", account: "fake://orders@db1:1", host: "elsewhere:1", kind: "probe" } as const;
  await expect(scene.vault.bookLogin(more)).rejects.toMatchObject({ code: "BUDGET_SPENT" });
});

test("after a refused proof a look at the target finds the current version, within the budget", async () => {
  const id = await scene.rotated();
  scene.target.next("set", () => ({ result: "set", accountMade: false }));
  await expect(scene.rotate(id, "cause:2")).rejects.toMatchObject({ code: "NEEDS_ATTENTION" });
  const [verdict] = await verifyCredential(scene.context(), id);
  expect(verdict).toMatchObject({ verdict: "agrees", version: 1 });
});

describe("a login that is sent and not answered", () => {
  const unanswered = () => ({ proof: "unanswered", reason: "the time was over" }) as const;
  const lostLogin = () => {
    throw new CoffreError("UNREACHABLE", "no answer", { details: { unanswered: true } });
  };

  test("as an admin's is counted as a refused one, and is neither waited for nor repeated by the accounts behind it", async () => {
    const environment = { DBA: "stale" };
    const target = { host: "db1", admin: { username: "dba", passwordEnv: "DBA" }, waitForSeconds: 60 };
    scene.target.give(account, "before");
    const id = await scene.withTargets([target], { name: "orders" });
    for (const _login of [1, 2, 3]) scene.target.next("connect", lostLogin);
    const first = scene.context({ environment });
    for (const _time of [1, 2]) {
      const lost = { code: "UNREACHABLE", details: { unanswered: true } };
      await expect(scene.rotate(id, "cause:1", first)).rejects.toMatchObject(lost);
    }
    expect(scene.target.count("connect")).toBe(1);
    await expect(scene.rotate(id, "cause:1", scene.context({ environment }))).rejects.toThrow();
    const third = scene.rotate(id, "cause:1", scene.context({ environment }));
    await expect(third).rejects.toMatchObject({ code: "BUDGET_SPENT" });
    expect(scene.target.count("connect")).toBe(2);
  });

  test("as a proof isn't repeated in the same run; the next one finishes", async () => {
    const id = await scene.rotated();
    const before = scene.target.count("verify");
    scene.target.next("verify", unanswered);
    await expect(scene.rotate(id, "cause:2")).rejects.toMatchObject({ code: "UNREACHABLE" });
    expect(scene.target.count("verify")).toBe(before + 1);
    await expect(scene.rotate(id, "cause:2")).resolves.toMatchObject({ action: "finished", version: 2 });
  });

  test("as a check for drift uses up the budget", async () => {
    const id = await scene.rotated();
    for (const _time of [1, 2, 3]) scene.target.next("verify", unanswered);
    const verdicts = new Array<unknown>();
    for (const _time of [1, 2, 3]) verdicts.push((await verifyCredential(scene.context(), id))[0]?.verdict);
    expect(verdicts).toEqual(["unreachable", "unreachable", "not-tried"]);
  });
});

test.each(["id", "path"])(
  "a machine that was made anew is entered by its first password again, named by %s",
  async (by) => {
    const boot = await scene.add({
      name: "boot",
      username: "orders",
      initial: { value: new Secret("boot1"), causes: [] },
    });
    scene.target.give(account, "boot1");
    const id = await scene.withTargets(
      [{ host: "db1", initialRef: by === "id" ? referenceTo(boot) : "coffre://scene/boot" }],
      { name: "orders" },
    );
    await scene.rotate(id, "cause:1");
    scene.target.give(account, "boot1"); // the machine was made anew
    await scene.rotate(id, "cause:2");
    expect(scene.target.passwordOf(account)).toBe(await scene.value(id));
  },
);
