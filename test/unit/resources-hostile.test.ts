import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { Secret } from "../../provider/core/secret.js";
import type { Around } from "../fixtures/intercept.ts";
import { ResourceScene } from "../fixtures/resource-scene.ts";
import { killedAtRequest, killedAtStep } from "../fixtures/rotation-scene.ts";

let scene: ResourceScene;
beforeEach(() => {
  scene = new ResourceScene();
});
afterEach(() => scene.close());

const orders = async (host = "db1") => ({
  name: "orders",
  username: "orders",
  targets: [await scene.declaredTarget({ host })],
});

/** As the engine dies: what an update answered is lost, and the state stays what it was. */
const lost = () => undefined;

describe("a change of targets whose state was lost", () => {
  test("rotates once, with a refresh before the next up", async () => {
    const made = await scene.up(await orders());
    scene.target.give("dba@db2:1", "the admin's password");
    const moved = await orders("db2");
    await scene.up(moved, made).then(lost);
    const refreshed = await scene.refresh(made);
    expect(refreshed?.outputs).toMatchObject({ currentVersion: 2 });

    const after = await scene.up(moved, refreshed);
    expect(after.outputs).toMatchObject({ status: "done", currentVersion: 2 });
    expect(await scene.versions(made.id)).toBe("1 previous, 2 current");
  });

  test("rotates once though the command line rotated since", async () => {
    const made = await scene.up(await orders());
    scene.target.give("dba@db2:1", "the admin's password");
    const moved = await orders("db2");
    const rotation = scene.context({ around: killedAtStep("set-started", "after") });
    await scene.up(moved, made, { rotation }).then(lost);
    await scene.rotate(made.id, "command:1");
    const refreshed = await scene.refresh(made);
    const after = await scene.up(moved, refreshed);
    expect(after.outputs).toMatchObject({ status: "done", currentVersion: 3 });
  });
});

test.each([true, false])(
  "an account that was left is ended though the update first stopped (killed: %s)",
  async (killed) => {
    const made = await scene.up(await orders());
    scene.target.give("dba@db2:1", "the admin's password");
    const moved = await orders("db2");
    const around = killed ? killedAtStep("promote", "after") : killedAtStep("stage", "before");
    const stopped = await scene.up(moved, made, { rotation: scene.context({ around }) }).catch(lost);
    await scene.up(moved, killed ? made : stopped);
    expect(scene.target.passwordOf("orders@db1:1")).toBeUndefined();
    expect(scene.target.passwordOf("orders@db2:1")).toBe(await scene.value(made.id));
  },
);

describe("an adoption whose state was lost", () => {
  test("draws nothing again on its target", async () => {
    const id = await scene.orders();
    await scene.rotate(id);
    const targets = [{ kind: "fake", ...(await scene.vault.readCredential(id)).targets[0]?.description }];
    const adopting = { name: "orders", username: "orders", targets, adopt: id };
    await scene.up(adopting).then(lost);
    const again = await scene.up(adopting);
    expect(again.outputs).toMatchObject({ status: "done", currentVersion: 2 });
    expect(await scene.versions(id)).toBe("1 previous, 2 current");
  });

  test("keeps a value that somebody uses", async () => {
    const { id } = await scene.add({ name: "smtp", initial: { value: new Secret("in use"), causes: [] } });
    await scene.up({ name: "smtp", adopt: id }).then(lost);
    await scene.up({ name: "smtp", adopt: id });
    expect(await scene.value(id)).toBe("in use");
  });
});

test("targets that come back are set again, though the run that had left them was undone", async () => {
  const made = await scene.up(await orders());
  scene.target.give("dba@db2:1", "the admin's password");
  const moved = await orders("db2");
  // A run to db2 dies before its set; the program goes back to db1, and a later one to db2 again.
  const rotation = scene.context({ around: killedAtStep("set-started", "before") });
  await scene.up(moved, made, { rotation }).then(lost);
  const back = await scene.up(await orders(), made);
  expect(back.outputs).toMatchObject({ status: "done", currentVersion: 2 });
  const again = await scene.up(moved, back);
  expect(again.outputs).toMatchObject({ status: "done", currentVersion: 3 });
  expect(scene.target.passwordOf("orders@db2:1")).toBe(await scene.value(made.id));
});

test("an account that was left and is another credential's by now is not ended", async () => {
  const made = await scene.up(await orders());
  scene.target.give("dba@db2:1", "the admin's password");
  const taking = { name: "billing", username: "orders", targets: (await orders()).targets };
  // Between the write of the new target and the end of the old account another resource of the same run claims it.
  let claimed = false;
  const around: Around = async ({ method, args }, proceed) => {
    const answer = await proceed();
    if (!claimed && method === "record" && JSON.stringify(args[1]).includes('"promote"')) {
      claimed = true;
      await scene.up(taking);
    }
    return answer;
  };
  await scene.up(await orders("db2"), made, { rotation: scene.context({ around }) });
  expect(claimed).toBe(true);
  expect(scene.target.passwordOf("orders@db1:1")).toBeDefined();
});

describe("a destroy while another process rotates", () => {
  test("is refused and ends nothing, since the rotation would bring the account to life again", async () => {
    const made = await scene.up(await orders());
    let refused = "";
    const around: Around = async ({ method, args }, proceed) => {
      const answer = await proceed();
      if (refused === "" && method === "record" && JSON.stringify(args[1]).includes('"set-started"')) {
        const rotation = scene.context({ leaseWaitMs: 1_000 });
        await scene.destroy(made, { rotation }).catch((error: Error) => (refused = error.message));
      }
      return answer;
    };
    await scene.rotate(made.id, "command:1", scene.context({ around }));
    expect(refused).toContain("LOCKED");
    expect(scene.target.count("remove")).toBe(0);
    expect(scene.target.passwordOf("orders@db1:1")).toBe(await scene.value(made.id));
    await scene.destroy(made);
    expect(scene.target.passwordOf("orders@db1:1")).toBeUndefined();
  });

  test("waits for it, and ends the account after it", async () => {
    const made = await scene.up(await orders());
    const [, destroyed] = await Promise.all([scene.rotate(made.id, "command:1"), scene.destroy(made)]);
    expect(destroyed).toBeUndefined();
    expect(scene.target.passwordOf("orders@db1:1")).toBeUndefined();
    expect((await scene.vault.readCredential(made.id)).archivedAt).toBeDefined();
  });

  test("by another destroy is a success of both", async () => {
    const made = await scene.up(await orders());
    await Promise.all([scene.destroy(made), scene.destroy(made)]);
    expect(scene.target.count("remove")).toBe(1);
  });
});

test("a copy in which the state's current version is only pending is an older one, however many events it has", async () => {
  const made = await scene.up(await orders());
  await scene
    .rotate(made.id, "command:1", scene.context({ around: killedAtStep("set-started", "before") }))
    .catch(lost);
  const ahead = { id: made.id, outputs: { ...made.outputs, currentVersion: 2 } };
  expect(await scene.versions(made.id)).toBe("1 current, 2 pending");
  await expect(scene.up(await orders(), ahead)).rejects.toThrow("ROLLED_BACK");
  await expect(scene.destroy(ahead)).rejects.toThrow("ROLLED_BACK");
});

test("a machine made anew is set too, though the pending version had reached the one before and others change with it", async () => {
  const adminRef = await scene.admin();
  for (const host of ["db2", "db3"]) scene.target.give(`dba@${host}:1`, "the admin's password");
  const target = (host: string, more = {}) => ({ kind: "fake", host, adminRef, create: true, ...more });
  const inputs = (...targets: unknown[]) => ({ name: "orders", username: "orders", targets });
  const made = await scene.up(inputs(target("db2", { identity: "vm-1" }), target("db1")));
  const killed = scene.context({ around: killedAtStep("verified", "after") });
  await scene.rotate(made.id, "command:1", killed).catch(lost);
  scene.target.forget("orders@db2:1");

  await scene.up(inputs(target("db2", { identity: "vm-2" }), target("db3")), made);
  const value = await scene.value(made.id);
  expect(scene.target.passwordOf("orders@db2:1")).toBe(value);
  expect(scene.target.passwordOf("orders@db3:1")).toBe(value);
});

test("an adoption for an account that somebody else has leaves the entry with its owner", async () => {
  const made = await scene.up({ name: "smtp" });
  await scene.up({ ...(await orders()), ownerKey: "a third stack's" });
  const adopting = { ...(await orders()), name: "smtp", adopt: made.id, ownerKey: "another stack's" };
  await expect(scene.up(adopting)).rejects.toThrow(
    /CONFLICT: The account fake:\/\/orders@db1:1 belongs to credential orders/,
  );
  expect(await scene.changes({ name: "smtp", description: "still mine" }, made)).toBe(true);
  expect((await scene.up({ name: "smtp", description: "still mine" }, made)).outputs).toMatchObject({ status: "done" });
});

test("adoptions of two entries that were both killed are in nobody's way", async () => {
  const ids: string[] = [];
  for (const name of ["first", "second"]) ids.push((await scene.up({ name, ownerKey: `theirs/${name}` })).id);
  const adopting = async (adopt: string | undefined) => ({
    ...(await orders()),
    name: `by ${adopt}`,
    ownerKey: "mine",
    adopt,
  });
  for (const adopt of ids) {
    const rotation = scene.context({ around: killedAtRequest("acquireLease") });
    await scene.up(await adopting(adopt), undefined, { rotation }).catch(() => undefined);
  }
  const done = await scene.up(await adopting(ids[1]));
  expect(done).toMatchObject({ id: ids[1], outputs: { status: "done" } });
});

test("an adoption under a name that is taken leaves the entry with its owner", async () => {
  const made = await scene.up(await orders());
  await scene.up({ name: "other" });
  const adopting = { ...(await orders()), name: "other", adopt: made.id, ownerKey: "another stack's" };
  await expect(scene.up(adopting)).rejects.toThrow("CONFLICT");
  const again = await scene.up({ ...(await orders()), tags: ["still ours"] }, made);
  expect(again.outputs).toMatchObject({ status: "done", tags: ["still ours"] });
});

test("the account of an admin that others still name is kept when its entry goes", async () => {
  const chief = await scene.up({ ...(await orders()), name: "chief" });
  const adminRef = `coffre://scene/id/${chief.id}`;
  const dependant = await scene.up({
    name: "billing",
    username: "billing",
    targets: [await scene.declaredTarget({ adminRef })],
  });
  await scene.destroy(chief);
  expect(scene.notes.join()).toContain("its account was kept");
  await expect(scene.rotate(dependant.id, "command:1")).resolves.toMatchObject({ action: "rotated" });
});
