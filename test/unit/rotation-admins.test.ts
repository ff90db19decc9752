import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CoffreError } from "../../provider/core/errors.js";
import { prepareTargets } from "../../provider/rotation/targets.js";
import { killedAtStep, referenceTo, Scene } from "../fixtures/rotation-scene.ts";

let scene: Scene;
beforeEach(() => {
  scene = new Scene();
});
afterEach(() => scene.close());

/** An admin `dba` on `db1` that is itself rotated, by `root`; with its first version in force. */
async function rotatedAdmin(): Promise<{ id: string; ref: string }> {
  const root = await scene.admin({ username: "root", password: "the root's password" });
  scene.target.give("dba@db1:1", "before");
  const id = await scene.withTargets([{ host: "db1", adminRef: root }], { name: "dba" });
  await scene.rotate(id, "cause:first");
  return { id, ref: referenceTo({ id }) };
}

describe("an admin by reference", () => {
  test("has its own pending rotation finished first, so that what is read is what works", async () => {
    const admin = await rotatedAdmin();
    const id = await scene.orders({ adminRef: admin.ref });
    const first = scene.context({ around: killedAtStep("set-confirmed", "before") });
    await expect(scene.rotate(admin.id, "cause:2", first)).rejects.toThrow("killed");

    await scene.rotate(id);
    expect(await scene.versions(admin.id)).toBe("1 previous, 2 current");
    expect(scene.target.passwordOf("orders@db1:1")).toBe(await scene.value(id));
    expect(scene.target.refusedLogins.size).toBe(0);
  });

  test("is waited for while another process rotates it", async () => {
    const admin = await rotatedAdmin();
    const id = await scene.orders({ adminRef: admin.ref });
    scene.target.next("verify", async (act) => {
      await scene.clock.sleep(1_000);
      return act();
    });
    const rotation = scene.rotate(admin.id, "cause:2");
    await scene.clock.sleep(100);
    await Promise.all([rotation, scene.rotate(id)]);
    expect(await scene.versions(admin.id)).toBe("1 previous, 2 current");
    expect(scene.target.refusedLogins.size).toBe(0);
  });

  test("opens one connection for all accounts of a server", async () => {
    const adminRef = await scene.admin();
    const ids: string[] = [];
    for (const name of ["orders", "stock", "reports"]) {
      scene.target.give(`${name}@db1:1`, "before");
      ids.push(await scene.withTargets([{ host: "db1", adminRef }], { name }));
    }
    const context = scene.context();
    await Promise.all(ids.map((id) => scene.rotate(id, "cause:1", context)));
    expect(scene.target.count("connect")).toBe(1);
  });

  test("opens another connection when the first one broke", async () => {
    const id = await scene.rotated();
    const context = scene.context();
    scene.target.next("set", () => ({ result: "in-doubt", reason: "connection reset" }));
    await expect(scene.rotate(id, "cause:2", context)).rejects.toMatchObject({ code: "UNREACHABLE" });
    await expect(scene.rotate(id, "cause:2", context)).resolves.toMatchObject({ action: "finished" });
    expect(scene.target.count("connect")).toBe(2);
  });

  describe("whose connection many wait for", () => {
    const accounts = ["orders", "stock", "reports", "billing"];

    /** Rotates the accounts one after another in one run. */
    async function rotateInTurn(adminConnections?: number): Promise<void> {
      const adminRef = await scene.admin();
      scene.target.waiting = 2;
      const context = { ...scene.context(), ...(adminConnections === undefined ? {} : { adminConnections }) };
      for (const name of accounts) {
        scene.target.give(`${name}@db1:1`, "before");
        const id = await scene.withTargets([{ host: "db1", adminRef }], { name });
        await scene.rotate(id, "cause:1", context);
        expect(scene.target.passwordOf(`${name}@db1:1`)).toBe(await scene.value(id));
      }
    }

    test("gets more of them, up to what the run allows", async () => {
      await rotateInTurn(3);
      expect(scene.target.count("connect")).toBe(3);
      expect(scene.target.refusedLogins.size).toBe(0);
    });

    test("keeps one where nothing else is said", async () => {
      await rotateInTurn();
      expect(scene.target.count("connect")).toBe(1);
    });

    test("goes on with one where another can't be opened, and doesn't try again", async () => {
      scene.target.next("connect", (act) => act());
      scene.target.next("connect", () => {
        throw new CoffreError("UNREACHABLE", "too many connections");
      });
      await rotateInTurn(3);
      expect(scene.target.count("connect")).toBe(2);
    });

    test("works on with the others when the first broke", async () => {
      const adminRef = await scene.admin();
      const context = { ...scene.context(), adminConnections: 2 };
      const rotate = async (name: string) => {
        scene.target.give(`${name}@db1:1`, "before");
        const id = await scene.withTargets([{ host: "db1", adminRef }], { name });
        return scene.rotate(id, "cause:1", context);
      };
      scene.target.waiting = 2;
      await rotate("orders"); // the first connection, while the second is opened
      await rotate("stock"); // the second
      scene.target.waiting = 0;
      scene.target.next("set", () => ({ result: "in-doubt", reason: "connection reset" }));
      await expect(rotate("reports")).rejects.toMatchObject({ code: "UNREACHABLE" }); // the first
      await expect(rotate("billing")).resolves.toMatchObject({ action: "rotated" });
      expect(scene.target.count("connect")).toBe(2);
    });
  });

  test("without a username says so", async () => {
    const { id: adminId } = await scene.add({ name: "nameless" });
    await scene.rotate(adminId);
    const id = await scene.orders({ adminRef: referenceTo({ id: adminId }) });
    await expect(scene.rotate(id)).rejects.toMatchObject({ code: "INVALID_INPUT" });
  });

  test("of another vault is WRONG_VAULT", async () => {
    await expect(scene.orders({ adminRef: "coffre://elsewhere/dba" })).rejects.toMatchObject({ code: "WRONG_VAULT" });
  });
});

describe("an admin whose login is refused", () => {
  /** Two accounts behind one admin, whose password somebody changed. */
  async function stale(): Promise<{ adminId: string; ids: string[] }> {
    const adminRef = await scene.admin();
    const ids: string[] = [];
    for (const name of ["orders", "stock"]) {
      scene.target.give(`${name}@db1:1`, "before");
      ids.push(await scene.withTargets([{ host: "db1", adminRef }], { name }));
    }
    scene.target.give("dba@db1:1", "somebody changed it");
    return { adminId: adminRef.split("/").at(-1) ?? "", ids };
  }

  test("is closed for everybody at the first refusal, in this process", async () => {
    const { ids } = await stale();
    const context = scene.context();
    const results = await Promise.allSettled(ids.map((id) => scene.rotate(id, "cause:1", context)));
    expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(scene.target.refusedLogins.get("dba@db1:1")).toBe(1);
  });

  test("and in every other process, until a person resolves it", async () => {
    const { adminId, ids } = await stale();
    await expect(scene.rotate(ids[0]!)).rejects.toMatchObject({ code: "LOGIN_REFUSED" });
    for (const id of ids) await expect(scene.rotate(id)).rejects.toMatchObject({ code: "NEEDS_ATTENTION" });
    expect(scene.target.refusedLogins.get("dba@db1:1")).toBe(1);
    expect((await scene.vault.readCredential(adminId)).journal.attention).toMatchObject({ reason: "admin-refused" });

    scene.target.give("dba@db1:1", "the admin's password");
    await scene.vault.resolveCredential(adminId, { decision: "retry" });
    await expect(scene.rotate(ids[0]!)).resolves.toMatchObject({ action: "rotated" });
  });

  test("because another process has just rotated it is read again, and logs in", async () => {
    const admin = await rotatedAdmin();
    const id = await scene.orders({ adminRef: admin.ref });
    scene.target.next("connect", async (act) => {
      await scene.rotate(admin.id, "cause:2");
      return act();
    });
    await expect(scene.rotate(id)).resolves.toMatchObject({ action: "rotated" });
    expect(scene.target.refusedLogins.get("dba@db1:1")).toBe(1);
    expect((await scene.vault.readCredential(admin.id)).status).toBe("current");
  });

  test("leaves no version behind", async () => {
    const { ids } = await stale();
    await expect(scene.rotate(ids[0]!)).rejects.toMatchObject({ code: "LOGIN_REFUSED" });
    expect(await scene.versions(ids[0]!)).toBe("");
  });
});

describe("an admin by a connection of its own", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "coffre-admin-"));
    scene.target.give("dba@db1:1", "file or variable");
    scene.target.give("orders@db1:1", "before");
  });
  afterEach(() => rm(folder, { recursive: true }));

  const orders = (admin: { passwordEnv?: string; passwordFile?: string }) =>
    scene.withTargets([{ host: "db1", admin: { username: "dba", ...admin } }], { name: "orders" });

  test("has its password from a variable", async () => {
    const id = await orders({ passwordEnv: "DBA_PASSWORD" });
    const context = scene.context({ environment: { DBA_PASSWORD: "file or variable" } });
    await expect(scene.rotate(id, "cause:1", context)).resolves.toMatchObject({ action: "rotated" });
  });

  test("has its password from a file, whose last line break doesn't count", async () => {
    await writeFile(join(folder, "password"), "file or variable\n");
    const id = await orders({ passwordFile: join(folder, "password") });
    await expect(scene.rotate(id)).resolves.toMatchObject({ action: "rotated" });
  });

  test.each([
    ["a variable that is not set", { passwordEnv: "DBA_PASSWORD" }, "DBA_PASSWORD"],
    ["a file that is not there", { passwordFile: "/nowhere/password" }, "/nowhere/password"],
    ["nothing", {}, "passwordEnv"],
  ])("that names %s is told so, before any login", async (_what, admin, named) => {
    const id = await orders(admin);
    const failure = scene.rotate(id);
    await expect(failure).rejects.toMatchObject({ code: "CONFIGURATION" });
    await expect(failure).rejects.toThrow(named);
    expect(scene.target.calls).toEqual([]);
  });

  test("with an empty file is told so", async () => {
    await writeFile(join(folder, "password"), "\n");
    const id = await orders({ passwordFile: join(folder, "password") });
    await expect(scene.rotate(id)).rejects.toMatchObject({ code: "CONFIGURATION" });
  });

  test("whose login is refused is asked once in this process, and once more in another", async () => {
    const id = await orders({ passwordEnv: "DBA_PASSWORD" });
    const environment = { DBA_PASSWORD: "stale" };
    for (const context of [scene.context({ environment }), scene.context({ environment })]) {
      for (const _try of [1, 2]) {
        await expect(scene.rotate(id, "cause:1", context)).rejects.toMatchObject({ code: "LOGIN_REFUSED" });
      }
    }
    // Spent: two in thirty minutes.
    await expect(scene.rotate(id, "cause:1", scene.context({ environment }))).rejects.toMatchObject({
      code: "BUDGET_SPENT",
    });
    expect(scene.target.refusedLogins.get("dba@db1:1")).toBe(2);
  });
});

describe("a machine that is still starting", () => {
  const notYet = () => {
    throw new CoffreError("UNREACHABLE", "connection refused");
  };

  test("is waited for as long as the target says, without using up the budget", async () => {
    const id = await scene.orders({ waitForSeconds: 60 });
    for (let time = 0; time < 20; time++) scene.target.next("connect", notYet);
    await expect(scene.rotate(id)).resolves.toMatchObject({ action: "rotated" });
    expect(scene.target.count("connect")).toBe(21);
  });

  test("is UNREACHABLE when that time is over", async () => {
    const id = await scene.orders({ waitForSeconds: 3 });
    for (let time = 0; time < 20; time++) scene.target.next("connect", notYet);
    await expect(scene.rotate(id)).rejects.toMatchObject({ code: "UNREACHABLE" });
    expect(scene.target.count("connect")).toBeLessThan(12);
  });

  test("is not waited for by default", async () => {
    const id = await scene.orders();
    scene.target.next("connect", notYet);
    await expect(scene.rotate(id)).rejects.toMatchObject({ code: "UNREACHABLE" });
    expect(scene.target.count("connect")).toBe(1);
  });
});

describe("declared admins", () => {
  test("that form a cycle are refused, naming the way round", async () => {
    const context = scene.context();
    const a = await scene.add({ name: "a", username: "a" });
    const prepare = (name: string, adminRef: string, credentialId: string) =>
      prepareTargets(context, { targets: [{ kind: "fake", host: "db1", adminRef }], username: name, credentialId });
    const b = await scene.withTargets([{ host: "db1", adminRef: referenceTo(a) }], { name: "b" });
    const c = await scene.withTargets([{ host: "db1", adminRef: referenceTo({ id: b }) }], { name: "c" });

    const ring = prepare("a", referenceTo({ id: c }), a.id);
    await expect(ring).rejects.toMatchObject({ code: "CONFLICT" });
    await expect(ring).rejects.toThrow("c -> b -> a");
    await expect(prepare("a", referenceTo(a), a.id)).rejects.toMatchObject({ code: "CONFLICT" });
    await expect(prepare("a", await scene.admin(), a.id)).resolves.toHaveLength(1);
  });

  test("that are archived are refused", async () => {
    const ref = await scene.admin();
    await scene.vault.archiveCredential(ref.split("/").at(-1) ?? "", {});
    await expect(scene.orders({ adminRef: ref })).rejects.toMatchObject({ code: "CONFLICT" });
  });

  test("that don't exist are NOT_FOUND", async () => {
    await expect(scene.orders({ adminRef: "coffre://scene/nobody" })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("are asked for nothing while targets are prepared", async () => {
    await scene.orders();
    expect(scene.target.calls).toEqual([]);
  });
});

describe("one account", () => {
  test("belongs to one credential: a second is refused, and the first is named", async () => {
    await scene.orders();
    const second = scene.orders({}, { name: "orders-again", username: "orders" });
    await expect(second).rejects.toMatchObject({ code: "CONFLICT" });
  });

  test("is named by one target of a credential only", async () => {
    const adminRef = await scene.admin();
    const twice = scene.withTargets(
      [
        { host: "db1", adminRef },
        { host: "db1", adminRef },
      ],
      { name: "orders" },
    );
    await expect(twice).rejects.toThrow("fake://orders@db1:1");
  });

  test("of an unknown kind is NOT_SUPPORTED, with the known ones", async () => {
    const unknown = prepareTargets(scene.context(), { targets: [{ kind: "toaster" }], username: "x" });
    await expect(unknown).rejects.toMatchObject({ code: "NOT_SUPPORTED", hint: "Known kinds: fake." });
  });
});
