import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { CoffreError } from "../../provider/core/errors.js";
import { Secret } from "../../provider/core/secret.js";
import { reachCauses } from "../../provider/rotation/rotate.js";
import type { SetResult } from "../../provider/target/port.js";
import type { ValueAnswer } from "../../provider/vault/port.js";
import { noting, Scene } from "../fixtures/rotation-scene.ts";

let scene: Scene;
beforeEach(() => {
  scene = new Scene();
});
afterEach(() => scene.close());

describe("a rotation", () => {
  test("looks, stages, reads back, sets, verifies and promotes, in this order", async () => {
    const id = await scene.orders();
    const order = scene.target.calls;
    await scene.rotate(id, "cause:1", scene.context({ around: noting(order) }));
    expect(order.filter((call) => !/^(readCredential|identity|bookLogin|settleLogin)/.test(call))).toEqual([
      "acquireLease",
      "readMany", // the admin's password
      "connect dba@db1:1",
      "look orders@db1:1",
      "record stage",
      "prepareSet orders@db1:1", // from the value that was drawn, which the read-back still confirms
      "readMany",
      "record set-started book-login",
      "set orders@db1:1",
      "verify orders@db1:1",
      "record set-confirmed settle-login verified promote release",
    ]);
  });

  test("leaves target and vault equal, with one version, verified", async () => {
    const id = await scene.orders();
    const { action, version, credential } = await scene.rotate(id);
    expect({ action, version, status: credential.status }).toEqual({
      action: "rotated",
      version: 1,
      status: "current",
    });
    expect(scene.target.passwordOf("orders@db1:1")).toBe(await scene.value(id));
    expect(credential.versions).toMatchObject([{ number: 1, state: "current", verified: true, causes: ["cause:1"] }]);
    expect(credential.journal.lease).toBeUndefined();
  });

  test("whose target fails before the set takes the proof's booking back, and is gone on with", async () => {
    const id = await scene.orders();
    const order = scene.target.calls;
    scene.target.next("set", () => {
      throw new CoffreError("TARGET_NOT_READY", "it is being upgraded");
    });
    await expect(scene.rotate(id, "cause:1", scene.context({ around: noting(order) }))).rejects.toMatchObject({
      code: "TARGET_NOT_READY",
    });
    const [, ...after] = order.slice(order.indexOf("set orders@db1:1"));
    expect(after[0]).toBe("record settle-login");
    expect((await scene.rotate(id, "cause:1")).version).toBe(1);
  });

  test("costs no refused login", async () => {
    const id = await scene.orders();
    await scene.rotate(id, "cause:1");
    await scene.rotate(id, "cause:2");
    expect([...scene.target.refusedLogins]).toEqual([]);
  });

  test("keeps the earlier version and its value in the history", async () => {
    const id = await scene.rotated();
    const first = await scene.value(id);
    await scene.rotate(id, "cause:2");
    expect(await scene.versions(id)).toBe("1 previous, 2 current");
    expect(await scene.value(id, 1)).toBe(first);
    expect(await scene.value(id)).not.toBe(first);
  });

  test("draws with characters that every target accepts", async () => {
    scene.target.give("orders@db1:1", "x");
    scene.target.give("orders@db2:1", "x");
    const adminRef = await scene.admin();
    scene.target.give("dba@db2:1", "the admin's password");
    const id = await scene.withTargets(
      [
        { host: "db1", adminRef, acceptedCharacters: "abc123" },
        { host: "db2", adminRef, acceptedCharacters: "bcd234" },
      ],
      { name: "orders" },
    );
    await scene.rotate(id);
    expect(await scene.value(id)).toMatch(/^[bc23]{24}$/);
  });

  test("of an entry without target is one write, unverified and current at once", async () => {
    const { id } = await scene.add({ name: "token" });
    const notes: string[] = [];
    await scene.rotate(id, "cause:1", scene.context({ around: noting(notes) }));
    expect(notes.filter((note) => note.startsWith("record"))).toEqual(["record stage promote release"]);
    expect((await scene.vault.readCredential(id)).versions).toMatchObject([{ state: "current", verified: false }]);
  });

  test("of a target that says `verify: none` sets, promotes and stays unverified", async () => {
    const id = await scene.orders({ verify: "none" });
    await scene.rotate(id);
    expect(scene.target.count("verify")).toBe(0);
    expect(scene.target.passwordOf("orders@db1:1")).toBe(await scene.value(id));
    expect((await scene.vault.readCredential(id)).versions).toMatchObject([{ state: "current", verified: false }]);
  });

  test("remembers that the target made the account", async () => {
    const adminRef = await scene.admin();
    const id = await scene.withTargets([{ host: "db1", adminRef, create: true }], { name: "reports" });
    await scene.rotate(id);
    expect((await scene.vault.readCredential(id)).targets).toMatchObject([{ accountMade: true }]);
    expect(await scene.events(id)).toContain("account.created");
  });

  test("notes once that it made the account, though the target knows it as made for ever", async () => {
    const adminRef = await scene.admin();
    const id = await scene.withTargets([{ host: "db1", adminRef, create: true }], { name: "orders" });
    for (const cause of ["cause:1", "cause:2"]) {
      scene.target.next("set", (act) => ({ ...act(), accountMade: true }) as SetResult);
      await scene.rotate(id, cause);
    }
    expect((await scene.events(id)).filter((action) => action === "account.created")).toHaveLength(1);
    expect((await scene.vault.readCredential(id)).targets).toMatchObject([{ accountMade: true }]);
  });

  test("proves the value at every verify host too", async () => {
    const id = await scene.orders({ verifyHosts: ["replica"] });
    await scene.rotate(id);
    expect(scene.target.calls.filter((call) => call.startsWith("verify"))).toEqual([
      "verify orders@db1:1",
      "verify orders@replica:1",
    ]);
  });

  test("gives a replica time to follow before it is taken at its word", async () => {
    const id = await scene.orders({ verifyHosts: ["replica"] });
    scene.target.next("verify", (act) => act());
    scene.target.next("verify", () => ({ proof: "refused", reason: "not there yet" }));
    await expect(scene.rotate(id)).resolves.toMatchObject({ action: "rotated" });
  });
});

describe("before anything is drawn", () => {
  test("a look that finds an obstacle stops the rotation with its reason and no version", async () => {
    const id = await scene.orders();
    scene.target.forget("orders@db1:1");
    await expect(scene.rotate(id)).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(await scene.versions(id)).toBe("");
    expect(scene.target.count("set")).toBe(0);
  });

  test("every target is looked at, so that the second's obstacle leaves the first untouched", async () => {
    const adminRef = await scene.admin();
    scene.target.give("dba@db2:1", "the admin's password");
    scene.target.give("orders@db1:1", "before");
    const targets = [
      { host: "db1", adminRef },
      { host: "db2", adminRef },
    ];
    const id = await scene.withTargets(targets, { name: "orders" });
    await expect(scene.rotate(id)).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(scene.target.passwordOf("orders@db1:1")).toBe("before");
    expect(await scene.versions(id)).toBe("");
  });

  test("alphabets that have no common character are POLICY", async () => {
    const id = await scene.orders({ acceptedCharacters: "" });
    await expect(scene.rotate(id)).rejects.toMatchObject({ code: "POLICY" });
    expect(await scene.versions(id)).toBe("");
  });
});

describe("no set without a durable, readable version", () => {
  test("a stage that fails sets nothing", async () => {
    const id = await scene.rotated();
    const context = scene.context({
      around: async ({ method }, proceed) => {
        if (method === "record") throw new Error("the disk is full");
        return proceed();
      },
    });
    await expect(scene.rotate(id, "cause:2", context)).rejects.toThrow("the disk is full");
    expect(scene.target.count("set")).toBe(0);
    expect(scene.target.passwordOf("orders@db1:1")).toBe(await scene.value(id));
  });

  test("a value that reads back otherwise is not set", async () => {
    const id = await scene.rotated();
    const context = scene.context({
      around: async ({ method, args }, proceed) => {
        const answer = await proceed();
        if (method !== "readMany" || !JSON.stringify(args).includes('"version":2')) return answer;
        const [value] = answer as ValueAnswer[]; // what readMany answers
        return [{ ...value, value: new Secret("something else") }];
      },
    });
    await expect(scene.rotate(id, "cause:2", context)).rejects.toMatchObject({ code: "BAD_RESPONSE" });
    expect(scene.target.count("set")).toBe(0);
    expect(await scene.versions(id)).toBe("1 current, 2 pending");
  });

  test("a version that can't be read back is not set", async () => {
    const id = await scene.rotated();
    const context = scene.context({
      around: async ({ method, args }, proceed) => {
        if (method === "readMany" && JSON.stringify(args).includes('"version":2')) throw new Error("cut off");
        return proceed();
      },
    });
    await expect(scene.rotate(id, "cause:2", context)).rejects.toThrow("cut off");
    expect(scene.target.count("set")).toBe(0);
  });

  test("`set started` that can't be written is no set", async () => {
    const id = await scene.rotated();
    const context = scene.context({
      around: async ({ method, args }, proceed) => {
        if (method === "record" && JSON.stringify(args).includes("set-started")) throw new Error("cut off");
        return proceed();
      },
    });
    await expect(scene.rotate(id, "cause:2", context)).rejects.toThrow("cut off");
    expect(scene.target.count("set")).toBe(0);
  });
});

describe("a run that was told to stop", () => {
  test("begins nothing", async () => {
    const id = await scene.rotated();
    const context = scene.context({ signal: AbortSignal.abort() });
    await expect(scene.rotate(id, "cause:2", context)).rejects.toMatchObject({ code: "INTERRUPTED" });
    expect(scene.target.calls).toEqual([]);
  });

  test("finishes the rotation that is under way", async () => {
    const id = await scene.rotated();
    const stop = new AbortController();
    scene.target.next("look", (act) => {
      stop.abort();
      return act();
    });
    await scene.rotate(id, "cause:2", scene.context({ signal: stop.signal }));
    expect(await scene.versions(id)).toBe("1 previous, 2 current");
    expect(scene.target.passwordOf("orders@db1:1")).toBe(await scene.value(id));
  });
});

describe("causes", () => {
  test("a cause that has a version is not rotated again, whoever asks", async () => {
    const id = await scene.rotated();
    await scene.rotate(id, "cause:2");
    for (const cause of ["cause:first", "cause:2"]) {
      await expect(scene.rotate(id, cause)).resolves.toMatchObject({ action: "none", version: 2 });
    }
    expect(await scene.versions(id)).toBe("1 previous, 2 current");
  });

  test("several missing causes are one rotation", async () => {
    const id = await scene.rotated();
    await reachCauses(scene.context(), id, ["cause:2", "cause:3", "cause:first"]);
    const { versions } = await scene.vault.readCredential(id);
    expect(versions.map(({ causes }) => causes)).toEqual([["cause:first"], ["cause:2", "cause:3"]]);
  });

  test("an entry that needs attention is left alone, and says so", async () => {
    const id = await scene.rotated();
    scene.target.next("verify", () => ({ proof: "refused", reason: "wrong password" }));
    await expect(scene.rotate(id, "cause:2")).rejects.toMatchObject({ code: "NEEDS_ATTENTION" });
    scene.target.calls.length = 0;
    for (const cause of ["cause:first", "cause:2", "cause:3"]) {
      await expect(scene.rotate(id, cause)).rejects.toMatchObject({ code: "NEEDS_ATTENTION" });
    }
    expect(scene.target.calls).toEqual([]);
  });
});
