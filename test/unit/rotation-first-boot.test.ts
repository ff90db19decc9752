import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { CoffreError } from "../../provider/core/errors.js";
import type { Around } from "../fixtures/intercept.js";
import { killedAtStep, Scene } from "../fixtures/rotation-scene.js";

let scene: Scene;
let boot: string;
const account = "orders@db1:1";

beforeEach(async () => {
  scene = new Scene();
  boot = await scene.admin({ username: "boot", password: "factory" });
});
afterEach(() => scene.close());

/** An account with the first password that its machine came with, and no version of its own. */
function machine(host = "db1", name = "orders"): Promise<string> {
  scene.target.give(`${name}@${host}:1`, "factory");
  return scene.withTargets([{ host, initialRef: boot }], { name });
}

const bootEntry = () => scene.vault.readCredential(boot.replace("coffre://scene/id/", ""));

describe("the first password of a machine", () => {
  test("is used once, replaced, proven to be refused, and archived as superseded", async () => {
    const id = await machine();
    await scene.rotate(id);
    expect(scene.target.passwordOf(account)).toBe(await scene.value(id));
    expect(scene.target.calls).toEqual([
      `connect ${account}`,
      `look ${account}`,
      `prepareSet ${account}`,
      `set ${account}`,
      `verify ${account}`, // the new one: works
      `verify ${account}`, // the first password: refused
      `verify ${account}`, // the new one again, so that the refusal is forgotten
      `close ${account}`,
    ]);
    expect(scene.target.refusedLogins).toEqual(new Map([[account, 1]]));
    expect(await bootEntry()).toMatchObject({ status: "archived", supersededBy: id });
    expect(await scene.events(id)).toContain("rotation.initial-refused");
    await expect(scene.value(boot.replace("coffre://scene/id/", ""))).resolves.toBe("factory");
  });

  test("is refused at the cost of one login, which the new one's success takes back", async () => {
    const id = await machine();
    await scene.rotate(id);
    for (const cause of ["cause:2", "cause:3", "cause:4"]) await scene.rotate(id, cause);
    expect(scene.target.refusedLogins.get(account)).toBe(1);
  });

  test("ends its rotation well, though the login that only forgets its refusal can't be made", async () => {
    const id = await machine();
    const around: Around = async ({ method }, proceed) => {
      if (method === "bookLogin" && scene.target.count("verify") === 2) {
        scene.target.next("verify", () => {
          throw new CoffreError("CONFIGURATION", "known_hosts is gone");
        });
      }
      return proceed();
    };
    await expect(scene.rotate(id, "cause:1", scene.context({ around }))).resolves.toMatchObject({ version: 1 });
    expect(scene.target.count("verify")).toBe(3);
  });

  test("that still works after the set needs attention, and nothing is promoted or archived", async () => {
    const id = await machine();
    for (let login = 1; login <= 2; login++) scene.target.next("verify", () => ({ proof: "works" }));
    await expect(scene.rotate(id)).rejects.toMatchObject({ code: "NEEDS_ATTENTION" });
    expect((await scene.vault.readCredential(id)).journal.attention).toMatchObject({ reason: "initial-still-works" });
    expect(await scene.versions(id)).toBe("1 pending");
    expect((await bootEntry()).archivedAt).toBeUndefined();
  });

  test("is not asked for again once its refusal is written down", async () => {
    const id = await machine();
    const killed = scene.context({ around: killedAtStep("initial-refused", "after") });
    await expect(scene.rotate(id, "cause:1", killed)).rejects.toThrow("killed");
    await expect(scene.rotate(id)).resolves.toMatchObject({ action: "finished", version: 1 });
    expect(scene.target.refusedLogins.get(account)).toBe(1);
    expect((await bootEntry()).supersededBy).toBe(id);
  });

  test.each(["stage", "set-started", "set-confirmed", "initial-refused", "verified"] as const)(
    "is settled by the next run after a kill at %s, within the budget",
    async (step) => {
      for (const when of ["before", "after"] as const) {
        await scene.close();
        scene = new Scene();
        boot = await scene.admin({ username: "boot", password: "factory" });
        const id = await machine();
        await expect(scene.rotate(id, "cause:1", scene.context({ around: killedAtStep(step, when) }))).rejects.toThrow(
          "killed",
        );
        await scene.rotate(id);
        expect(scene.target.passwordOf(account)).toBe(await scene.value(id));
        expect(scene.target.refusedLogins.get(account) ?? 0).toBeLessThanOrEqual(2);
        expect((await bootEntry()).supersededBy).toBe(id);
      }
    },
  );

  test("that several machines have is archived with the last of them", async () => {
    const first = await machine();
    const second = await machine("db2", "stock");
    await scene.rotate(first);
    expect((await bootEntry()).archivedAt).toBeUndefined();
    await scene.rotate(second);
    expect(await bootEntry()).toMatchObject({ supersededBy: second });
  });

  test("of each of several machines is told from the others' once they are archived", async () => {
    const hosts = ["db1", "db2"];
    const targets = hosts.map((host) => ({ host, initialRef: `coffre://scene/boot-${host}` }));
    for (const host of hosts) {
      await scene.admin({ username: `boot-${host}`, password: `factory of ${host}` });
      scene.target.give(`orders@${host}:1`, `factory of ${host}`);
    }
    const id = await scene.withTargets(targets, { name: "orders" });
    await scene.rotate(id);
    for (const host of hosts) {
      scene.target.give(`orders@${host}:1`, `factory of ${host}`);
      await scene.rotate(id, `targets:anew ${host}`);
      expect(scene.target.passwordOf(`orders@${host}:1`)).toBe(await scene.value(id));
    }
  });

  test("works again on a machine that was made anew, and is proven to be refused once more", async () => {
    const id = await machine();
    await scene.rotate(id);
    scene.target.refusedLogins.clear();
    scene.target.give(account, "factory");
    await scene.rotate(id, "targets:anew");
    expect(scene.target.passwordOf(account)).toBe(await scene.value(id));
    expect(scene.target.refusedLogins.get(account)).toBe(2); // the present password before, the first one after
  });
});
