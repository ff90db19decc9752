import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { Secret } from "../../provider/core/secret.js";
import { reachCauses, resume } from "../../provider/rotation/rotate.js";
import { verifyCredential } from "../../provider/rotation/verify.js";
import type { Credential } from "../../provider/vault/port.js";
import { intercept } from "../fixtures/intercept.ts";
import { killedAt, Scene } from "../fixtures/rotation-scene.ts";

let scene: Scene;
beforeEach(() => {
  scene = new Scene();
});
afterEach(() => scene.close());

const account = "orders@db1:1";
const elsewhere = "somebody changed it";

/** An entry at version 2 whose account somebody has given another password. */
async function drifted(password: string | 1 = elsewhere): Promise<string> {
  const id = await scene.rotated();
  const first = await scene.value(id);
  await scene.rotate(id, "cause:2");
  scene.target.give(account, password === 1 ? first : password);
  scene.target.calls.length = 0;
  return id;
}

const verify = (id: string, sparing = true) => verifyCredential(scene.context(), id, { sparing });
const attentionOf = async (id: string) => (await scene.vault.readCredential(id)).journal.attention;
const refused = () => [...scene.target.refusedLogins.values()].reduce((sum, count) => sum + count, 0);

describe("a password that was changed behind Coffre's back", () => {
  test("is found at the cost of one refused login, and noted", async () => {
    const id = await drifted();
    expect(await verify(id)).toMatchObject([{ verdict: "differs", refused: [2], untried: [1] }]);
    expect(await attentionOf(id)).toMatchObject({ reason: "drifted", version: 2, account: `fake://${account}` });
    expect(refused()).toBe(1);
    expect(scene.target.count("set")).toBe(0);
  });

  test("is looked for only among versions whose value the vault still has", async () => {
    const id = await drifted();
    const context = scene.context();
    const vault = intercept(context.vault, async ({ method }, proceed) => {
      const answer = await proceed();
      if (method !== "readCredential") return answer;
      const credential = answer as Credential; // what that method answers
      const removed = { valueRemovedAt: "2026-01-01T00:00:00.000Z" };
      const versions = credential.versions.map((one) => (one.number === 1 ? { ...one, ...removed } : one));
      return { ...credential, versions };
    });
    expect(await verifyCredential({ ...context, vault }, id, { sparing: true })).toMatchObject([
      { verdict: "differs", refused: [2], untried: [] },
    ]);
  });

  test("isn't claimed where nothing was ever set: an entry without a version was not tried", async () => {
    const id = await scene.orders();
    expect(await verify(id)).toMatchObject([
      { verdict: "not-tried", reason: "there is no version to try", refused: [], untried: [] },
    ]);
    expect(await attentionOf(id)).toBeUndefined();
    expect(refused()).toBe(0);
  });

  test("is mended by the admin with the value that the vault has: no other is drawn", async () => {
    const id = await drifted();
    const value = await scene.value(id);
    await verify(id);
    expect(await reachCauses(scene.context(), id, ["cause:2"])).toMatchObject({ action: "mended", version: 2 });
    expect(scene.target.passwordOf(account)).toBe(value);
    expect(await scene.versions(id)).toBe("1 previous, 2 current");
    expect(await scene.vault.readCredential(id)).toMatchObject({
      status: "current",
      versions: [{}, { verified: true }],
    });
    expect(await reachCauses(scene.context(), id, ["cause:2"])).toMatchObject({ action: "none" });
    expect([refused(), scene.target.count("set")]).toEqual([1, 1]);
  });

  test("is left alone where it is only to be reported, and stays noted", async () => {
    const id = await drifted();
    await verify(id);
    const outcome = await reachCauses(scene.context(), id, [], { onDrift: "report" });
    expect(outcome).toMatchObject({ action: "none", credential: { status: "needs-attention" } });
    expect(scene.target.passwordOf(account)).toBe(elsewhere);
  });

  test("is mended by a resume, and by any rotation, which the note doesn't keep back", async () => {
    const id = await drifted();
    await verify(id);
    expect(await resume(scene.context(), id)).toMatchObject({ action: "mended", version: 2 });
    scene.target.give(account, elsewhere);
    await verify(id);
    expect(await scene.rotate(id, "cause:3")).toMatchObject({ action: "rotated", version: 3 });
    expect(scene.target.passwordOf(account)).toBe(await scene.value(id));
    expect(await attentionOf(id)).toBeUndefined();
  });

  test("that is an earlier version is told by its number, within the whole budget", async () => {
    const id = await drifted(1);
    expect(await verify(id, false)).toMatchObject([{ verdict: "earlier-version", version: 1, refused: [2] }]);
    expect((await attentionOf(id))?.message).toContain("it has version 1");
    expect(await resume(scene.context(), id)).toMatchObject({ action: "mended", version: 2 });
  });

  test("and changed back is taken for what it is: nothing to mend", async () => {
    const id = await drifted();
    await verify(id);
    scene.target.give(account, await scene.value(id));
    scene.clock.advance(61 * 60_000);
    expect(await verify(id)).toMatchObject([{ verdict: "agrees" }]);
    expect(await attentionOf(id)).toBeUndefined();
  });

  test("of an account that changes itself needs a person, and no further login is tried", async () => {
    const own = await ownAccount();
    await verify(own);
    expect(await attentionOf(own)).toMatchObject({ reason: "no-way-in" });
    await expect(scene.rotate(own, "cause:9")).rejects.toMatchObject({ code: "NEEDS_ATTENTION" });
    expect(scene.target.refusedLogins.get("app@db2:1")).toBe(1);
  });

  test("that the target won't have again is reported, and a new one heals it", async () => {
    const id = await drifted();
    await verify(id);
    scene.target.next("set", () => ({ result: "value-refused", reason: "used before" }));
    const error = { code: "TARGET_NOT_READY", hint: expect.stringContaining("coffre rotate") as unknown };
    await expect(resume(scene.context(), id)).rejects.toMatchObject(error);
    expect(await scene.rotate(id, "cause:3")).toMatchObject({ action: "rotated", version: 3 });
  });
});

async function ownAccount(): Promise<string> {
  scene.target.give("app@db2:1", "the first");
  const id = await scene.withTargets([{ host: "db2" }], {
    name: "app",
    initial: { value: new Secret("the first"), causes: [] },
  });
  scene.target.give("app@db2:1", elsewhere);
  return id;
}

test.each(Array.from({ length: 8 }, (_, index) => index + 1))(
  "a mend that is killed before request %i is done by the next run",
  async (point) => {
    const id = await drifted();
    await verify(id);
    await resume(scene.context({ around: killedAt(point, "before") }), id).catch(() => undefined);
    const outcome = await resume(scene.context(), id);
    expect(["mended", "none"]).toContain(outcome.action);
    expect(scene.target.passwordOf(account)).toBe(await scene.value(id));
    expect(await attentionOf(id)).toBeUndefined();
    expect(await scene.versions(id)).toBe("1 previous, 2 current");
    expect(refused()).toBe(1);
  },
);

test("that is none, since a rotation ended between a look at the vault and the login, is not noted", async () => {
  const boot = await scene.admin({ username: "boot", password: "factory" });
  scene.target.give("stock@db2:1", "factory");
  const own = await scene.withTargets([{ host: "db2", initialRef: boot }], { name: "stock" });
  await scene.rotate(own);
  for (const id of [await scene.rotated(), own]) {
    let hasRotated = false;
    const overtaken = scene.context({
      around: async ({ method }, proceed) => {
        const answer = await proceed();
        if (method !== "readCredential" || hasRotated) return answer;
        hasRotated = true;
        await scene.rotate(id, "cause:meanwhile");
        return answer;
      },
    });
    await verifyCredential(overtaken, id);
    expect((await scene.vault.readCredential(id)).journal.attention).toBeUndefined();
  }
});

test("of several accounts of one host one is found at a time, so that there is a login left to mend it", async () => {
  const adminRef = await scene.admin();
  const ids: string[] = [];
  for (const username of ["a", "b", "c"]) {
    scene.target.give(`${username}@db1:1`, "before");
    const id = await scene.withTargets([{ host: "db1", adminRef }], { name: username });
    await scene.rotate(id, "cause:1");
    ids.push(id);
    if (username !== "b") scene.target.give(`${username}@db1:1`, elsewhere);
  }
  const rounds: string[][] = [];
  for (let round = 0; round < 3; round += 1) {
    const context = scene.context();
    const verdicts = await Promise.all(ids.map((id) => verifyCredential(context, id, { sparing: true })));
    rounds.push(verdicts.flat().map(({ verdict }) => verdict));
    for (const id of ids) await resume(context, id);
  }
  expect(rounds).toEqual([
    ["differs", "not-tried", "not-tried"],
    ["agrees", "agrees", "differs"],
    ["agrees", "agrees", "agrees"],
  ]);
  expect(refused()).toBe(2);
});
