import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { systemClock } from "../../provider/core/clock.js";
import { Secret } from "../../provider/core/secret.js";
import { readCredentials } from "../../provider/exchange/read-vault.js";
import { createLockselfVault } from "../../provider/vault/lockself/create.js";
import {
  type LockselfPlace,
  type LockselfVault,
  openLockselfVault,
} from "../../provider/vault/lockself/lockself-vault.js";
import type { RotationStep } from "../../provider/vault/port.js";
import { correctRoutes } from "../../provider/vault/lockself/routes.js";
import { type Fault, LockselfStandIn, type Seen, STAND_IN_TOKENS } from "../fixtures/lockself-stand-in.js";
import {
  collect,
  createOne,
  failure,
  finish,
  HandClock,
  hold,
  readValue,
  rotate,
  stage,
  target,
  withValue,
} from "./vault-cases/setup.js";

const { account } = target("app");
let server: LockselfStandIn;
const opened: LockselfVault[] = [];

beforeEach(async () => {
  server = await LockselfStandIn.start();
  await createLockselfVault({ ...server.place(), name: "faults", clock: systemClock });
});

afterEach(async () => {
  server.fault = () => undefined;
  await Promise.all(opened.splice(0).map((vault) => vault.close()));
  await server.close();
});

function open(place: LockselfPlace = server.place()): LockselfVault {
  const vault = openLockselfVault({ ...place, actor: "ana@runner-1 (test)", clock: systemClock });
  opened.push(vault);
  return vault;
}

/** Makes the next `times` requests of a route fail. @returns how often it was asked */
function failTimes(route: Seen["route"], times: number, fault: Fault): { asked: () => number } {
  let asked = 0;
  server.fault = (seen) => (seen.route === route && ++asked <= times ? fault : undefined);
  return { asked: () => asked };
}

function named(category: string): string[] {
  return server.entries(category).map(({ name }) => name);
}

describe("what isn't LockSelf's answer", () => {
  test("HTML in place of JSON is a bad response that names the call, and shows nothing of the page", async () => {
    failTimes("categories.list", 99, { status: 200, body: "<html>hunter2, please sign in</html>" });
    const error = await failure(open().identity(), "BAD_RESPONSE");
    expect(error.message).toContain("categories.list (GET /api-key/categories)");
    expect(error.message).not.toContain("hunter2");
  });

  test("a redirect to a sign-in page is a bad response too, and so is an answer of another shape", async () => {
    failTimes("categories.list", 99, { status: 302, headers: { location: "/login" }, body: "" });
    await failure(open().identity(), "BAD_RESPONSE");
    failTimes("categories.list", 99, { status: 200, body: { total: 1 } });
    await failure(open().identity(), "BAD_RESPONSE");
  });

  test("a proxy that fails for a while is waited for; one that fails for long is named", async () => {
    const { asked } = failTimes("credentials.decrypt", 3, { status: 502, body: "<h1>Bad gateway</h1>" });
    expect(await open().identity()).toMatchObject({ name: "faults" });
    expect(asked()).toBeGreaterThan(3);
    failTimes("credentials.decrypt", 99, { status: 503, body: "" });
    await failure(open().identity(), "UNREACHABLE");
  });

  test("a page of a proxy in place of an entry never means that a credential is gone", async () => {
    const { id } = await createOne(open(), { name: "x", ...withValue("v") });
    failTimes("credentials.decrypt", 999, { status: 404, body: "<h1>Not found</h1>" });
    await failure(open().readCredential(id), "BAD_RESPONSE");
  });
});

describe("429", () => {
  test("without Retry-After is tried again", async () => {
    const { asked } = failTimes("credentials.list", 4, { status: 429 });
    await open().identity();
    expect(asked()).toBe(5);
  });

  test("with Retry-After is tried again after that, also a create", async () => {
    const vault = open();
    const begun = performance.now();
    failTimes("credentials.create", 1, { status: 429, headers: { "retry-after": "1" } });
    await createOne(vault, { name: "x", ...withValue("v") });
    expect(performance.now() - begun).toBeGreaterThan(990);
    expect(named("Coffre").sort()).toEqual(["x", "x [Coffre: v1, do not delete]"]);
  });

  test("with a Retry-After of an hour, or a date, ends the run with the time", async () => {
    failTimes("categories.list", 99, { status: 429, headers: { "retry-after": "3600" } });
    expect((await failure(open().identity(), "UNREACHABLE")).message).toContain("3600 seconds");
    const later = new Date(Date.now() + 7_200_000).toUTCString();
    failTimes("categories.list", 99, { status: 429, headers: { "retry-after": later } });
    expect((await failure(open().identity(), "UNREACHABLE")).message).toMatch(/wait 7[12]\d\d seconds/);
  });
});

describe("lists", () => {
  test("of several pages are read to the end, in both forms", async () => {
    for (const sample of [true, false]) {
      server.sampleForms = sample;
      const vault = open(server.place({ pageSize: 3 }));
      const inputs = Array.from({ length: 8 }, (_, index) => ({
        name: `${String(sample)}-${index}`,
        categoryId: null,
      }));
      const made = await vault.createCredentials(
        inputs.map((input) => ({ ...input, ...withValue(`of ${input.name}`) })),
      );
      const answers = await open(server.place({ pageSize: 2 })).readMany(made.map(({ id }) => ({ id })));
      expect(answers.map((answer) => (answer instanceof Error ? answer : answer.value.reveal()))).toEqual(
        inputs.map(({ name }) => `of ${name}`),
      );
    }
  });

  test("that never end are found out: the same page again and again, and always another one", async () => {
    const again = { page: 1, pages: "9999999", items: [{ id: 1, name: "x", parentId: null }] };
    failTimes("categories.list", 9_999, { status: 200, body: again });
    expect((await failure(open().identity(), "BAD_RESPONSE")).message).toContain("categories.list");
    let id = 0;
    server.fault = ({ route }) => {
      const items = [{ id: ++id, name: "x", parentId: null }];
      return route === "categories.list" ? { status: 200, body: { pages: 9_999_999, items } } : undefined;
    };
    expect((await failure(open().identity(), "BAD_RESPONSE")).message).toContain("1000 pages");
  });

  test("with dates in odd forms, numbers as texts and names with a slash are no hindrance", async () => {
    const [space] = [...server.categories.values()].filter(({ name }) => name === "Coffre");
    server.put(space?.id ?? 0, "theirs/with a slash");
    server.categories.set(7, { id: 7, name: "A/B", parentId: null });
    const vault = open();
    const made = await createOne(vault, { name: "x", ...withValue("v") });
    expect(await readValue(vault, made.id)).toBe("v");
    const items = [{ id: "9", name: "y", creationDate: "20261231", modificationDate: "0", categoryId: "7", view: "1" }];
    failTimes("credentials.list", 1, { status: 200, body: { page: "1", pages: "1", total: "1", items } });
    await expect(vault.identity()).resolves.toMatchObject({ name: "faults" });
    await createLockselfVault({ ...server.place(), space: ["A/B"], name: "slash", clock: systemClock });
    expect(server.categories.get(7)?.name).toBe("A/B");
    expect(await open({ ...server.place(), space: ["A/B"] }).identity()).toMatchObject({ name: "slash" });
  });
});

describe("who may not", () => {
  test("a wrong token is named as that, without the token", async () => {
    const tokens = () => ({ auth: new Secret("wrong-token"), ls: new Secret(STAND_IN_TOKENS.ls) });
    const error = await failure(open(server.place({}, { tokens })).identity(), "FORBIDDEN");
    expect(error.message).toContain("COFFRE_LOCKSELF_AUTH_TOKEN_FILE");
    expect(error.message).not.toContain("wrong-token");
    await expect(open(server.place({}, { auth: "bearer" })).identity()).resolves.toMatchObject({ name: "faults" });
  });

  test.each([403, 404])("another organisation (%i) is forbidden, and never a vault that is gone", async (status) => {
    server.fault = ({ query }) =>
      query.get("organizationId") === "9" ? { status, body: { code: status, message: "no" } } : undefined;
    await failure(open(server.place({ organizationId: 9 })).identity(), "FORBIDDEN");
    await expect(open(server.place({ organizationId: 1 })).identity()).resolves.toBeDefined();
  });

  test("edit what people read learns so before the target is changed", async () => {
    const vault = open();
    const made = await createOne(vault, { name: "x", targets: [target("app")] });
    await rotate(vault, made, "one");
    const { lease } = await hold(vault, made.id, [stage("two", account)]);
    failTimes("credentials.update", 99, { status: 403, body: { code: 403, message: "no" } });
    await failure(vault.record(lease, [{ step: "set-started", version: 2, account }]), "FORBIDDEN");
    server.fault = () => undefined;
    expect((await vault.readCredential(made.id)).journal.pending?.targets[0]?.setStarted).toBe(false);
  });
});

describe("a create", () => {
  test("whose answer is lost is found, and not done twice", async () => {
    const vault = open();
    await vault.identity();
    let lost = 0;
    server.fault = ({ route }) => (route === "credentials.create" && ++lost <= 3 ? { lose: true } : undefined);
    const made = await createOne(vault, { name: "x", ...withValue("v") });
    expect(await readValue(vault, made.id)).toBe("v");
    expect(named("Coffre").sort()).toEqual(["x", "x [Coffre: v1, do not delete]"]);
  });

  test("that a proxy refused is looked for, and done then", async () => {
    const vault = open();
    failTimes("credentials.create", 1, { status: 504, body: "<h1>Timeout</h1>" });
    await createOne(vault, { name: "x", ...withValue("v") });
    expect(named("Coffre").sort()).toEqual(["x", "x [Coffre: v1, do not delete]"]);
  });
});

describe("what people find", () => {
  test("is the current password under the name, and each version in an entry of its own that stays", async () => {
    const vault = open();
    const made = await createOne(vault, { name: "x", username: "app", targets: [target("app")] });
    for (const value of ["one", "two", "three"]) await rotate(vault, made, value);
    const found = server.entries("Coffre").map(({ name, password }) => [name, password]);
    expect(found.sort()).toEqual(
      [
        ["x [Coffre: pending v1, do not delete]", "one"],
        ["x [Coffre: pending v2, do not delete]", "two"],
        ["x [Coffre: pending v3, do not delete]", "three"],
        ["x", "three"],
      ].sort(),
    );
    expect(server.entries("Coffre").every(({ opt3 = "" }) => opt3.startsWith(`coffre ${made.id}`))).toBe(true);
    expect(server.asked.filter((route) => route === "credentials.update").length).toBeGreaterThan(0);
    expect(server.entries(".coffre").some(({ password }) => /"(one|two|three)"/.test(password))).toBe(false);
  });

  test("holds a pending version as soon as it is staged, while the name has the one that works", async () => {
    const vault = open();
    const made = await createOne(vault, { name: "x", targets: [target("app")] });
    await rotate(vault, made, "one");
    await hold(vault, made.id, [stage("two", account)]);
    const found = Object.fromEntries(server.entries("Coffre").map(({ name, password }) => [name, password]));
    expect(found).toMatchObject({ x: "one", "x [Coffre: pending v2, do not delete]": "two" });
  });

  test("keeps what somebody typed over it by hand, and is written again", async () => {
    const vault = open();
    const made = await createOne(vault, { name: "x", targets: [target("app")] });
    await rotate(vault, made, "one");
    const entry = server.entries("Coffre").find(({ name }) => name === "x");
    if (entry) entry.password = "typed on the machine too";
    await rotate(vault, made, "two");
    const found = Object.fromEntries(server.entries("Coffre").map(({ name, password }) => [name, password]));
    expect(found).toMatchObject({
      x: "two",
      "x [Coffre: typed by hand, do not delete]": "typed on the machine too",
    });
  });

  test("moves with its category's name, and to another category, and is out of sight once it is archived", async () => {
    const vault = open();
    const [a, b] = [
      await vault.createCategory({ name: "A", parentId: null }),
      await vault.createCategory({ name: "B", parentId: null }),
    ];
    const made = await createOne(vault, { name: "x", categoryId: a.id, ...withValue("v") });
    await vault.updateCategory(a.id, { name: "A2" });
    expect(named("A2").sort()).toEqual(["x", "x [Coffre: v1, do not delete]"]);
    await vault.updateCredential(made.id, { categoryId: b.id });
    expect([named("A2"), named("B").sort()]).toEqual([[], ["x", "x [Coffre: v1, do not delete]"]]);
    await vault.archiveCredential(made.id, {});
    expect([named("B"), named("archive")]).toEqual([[], ["x [Coffre: v1, do not delete]"]]);
    expect(await readValue(vault, made.id)).toBe("v");
    await vault.deleteCategory(b.id, {});
    expect([...server.categories.values()].map(({ name }) => name)).not.toContain("B");
    await vault.deleteCredential(made.id, {});
    expect(named("archive")).toEqual([]);
  });

  test("of somebody else is never touched: a credential isn't made where one stands", async () => {
    const vault = open();
    const [space] = [...server.categories.values()].filter(({ name }) => name === "Coffre");
    const theirs = server.put(space?.id ?? 0, "theirs", { password: "their own" });
    const error = await failure(createOne(vault, { name: "theirs", ...withValue("v") }), "CONFLICT");
    expect(error.message).toContain(String(theirs.id));
    expect(server.credentials.get(theirs.id)?.password).toBe("their own");
    expect(await collect(vault.listCredentials())).toEqual([]);
  });
});

describe("two at once", () => {
  // The second outcome is what the wait is there for: without it, the first test could not fail.
  test.each([
    ["one gets the lease, if both wait for longer than that", 300, 1],
    ["both get it, if they don't wait", 0, 2],
  ])("on a server that gives out a low id and stores it late: %s", async (_what, settleMs, granted) => {
    const made = await createOne(open(), { name: "x", targets: [target("app")] });
    const [asked, answered, looked, first] = [later(), later(), later(), later()];
    let creates = 0;
    server.fault = ({ route, body }) => {
      if (route === "credentials.create" && String(body["name"]).includes(`${made.id} r2 `)) {
        creates += 1;
        if (creates > 1) setTimeout(answered.done, 100);
        else asked.done();
        // Stored once the other one looks, or before, where that waits.
        return creates === 1 ? { late: Promise.race([answered.promise, looked.promise]) } : {};
      }
      if (route === "credentials.list" && creates > 1) setTimeout(looked.done, 5);
      // What the winner takes away is still there for the loser.
      return route === "credentials.delete" ? { before: Promise.race([first.promise, pause(5_000)]) } : {};
    };
    const one = hold(open(server.place({ settleMs })), made.id, [stage("of one", account)], "one");
    void one.then(first.done, first.done);
    await asked.promise;
    const other = hold(open(server.place({ settleMs })), made.id, [stage("of the other", account)], "the other");
    const outcomes = await Promise.allSettled([one, other]);
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(granted);
  });

  test("a writer that was overtaken while it looked knows that its own write counted, and doesn't do it twice", async () => {
    const [slow, other] = [open(), open()];
    const made = await createOne(slow, { name: "x", targets: [target("app")] });
    const { lease } = await hold(slow, made.id, [stage("one", account)]);
    const [stored, overtaken] = [later(), later()];
    let revisions = 0;
    server.fault = ({ route, body }) => {
      if (route !== "credentials.create" || !String(body["name"]).includes(`${made.id} r3 `)) return {};
      revisions += 1;
      setTimeout(stored.done, 5);
      return { hold: overtaken.promise };
    };
    const writing = slow.record(lease, [{ step: "set-started", version: 1, account }]);
    await stored.promise;
    await other.updateCredential(made.id, { description: "meanwhile" });
    overtaken.done();
    await writing;
    const found = await other.readCredential(made.id);
    expect(found).toMatchObject({
      description: "meanwhile",
      journal: { pending: { targets: [{ setStarted: true, setTries: 1 }] } },
    });
    expect(revisions).toBe(1);
    await slow.record(lease, [...finish(1, account).slice(1), { step: "release" }]);
  });
});

describe("values that nobody needs any more", () => {
  const DAYS = 24 * 60;
  const entriesOf = () => named("Coffre").filter((name) => name.includes("[Coffre:")).length;
  let clock: HandClock;
  let vault: LockselfVault;
  beforeEach(() => {
    clock = new HandClock();
    vault = openLockselfVault({ ...server.place(), actor: "ana@runner-1 (test)", clock });
    opened.push(vault);
  });

  test("are taken away 30 days after they were replaced, and once two newer ones were proven", async () => {
    const made = await createOne(vault, { name: "x", targets: [target("app")] });
    await rotate(vault, made, "one");
    await rotate(vault, made, "two");
    clock.pass({ minutes: 29 * DAYS });
    await rotate(vault, made, "three");
    expect(entriesOf()).toBe(3); // two newer ones, and 29 days
    clock.pass({ minutes: 2 * DAYS });
    const after = await rotate(vault, made, "four");
    expect(named("Coffre").sort()).toEqual([
      "x",
      ...[2, 3, 4].map((version) => `x [Coffre: pending v${version}, do not delete]`),
    ]);
    expect(after.versions.map(({ valueRemovedAt }) => valueRemovedAt)).toEqual([
      ...[clock.now().toISOString(), undefined, undefined, undefined],
    ]);
    expect([await readValue(vault, made.id, 2), await readValue(vault, made.id)]).toEqual(["two", "four"]);
    const [answer] = await vault.readMany([{ id: made.id, version: 1 }]);
    expect(answer).toMatchObject({ code: "NOT_FOUND", problem: expect.stringContaining("was removed at 2030-02-01") });
    await failure(vault.resolveCredential(made.id, { decision: "accept", version: 1, verified: true }), "NOT_FOUND");
    const elsewhere = await readCredentials(open(), [await open().readCredential(made.id)]);
    expect(elsewhere[0]?.entry.values[0]?.versions.map(({ value }) => value.reveal())).toEqual([
      "two",
      "three",
      "four",
    ]);
    await vault.updateCredential(made.id, {
      categoryId: (await vault.createCategory({ name: "B", parentId: null })).id,
    });
    expect(named("B")).toHaveLength(4);
    await vault.deleteCredential(made.id, {});
    expect([named("Coffre"), named("B")]).toEqual([[], []]);
  });

  test("stay while a version is pending, and while a person has to decide, and go with the first write after", async () => {
    const made = await createOne(vault, { name: "x", targets: [target("app")] });
    for (const value of ["one", "two", "three"]) await rotate(vault, made, value);
    clock.pass({ minutes: 40 * DAYS });
    const { lease } = await hold(vault, made.id, [stage("four", account)]);
    expect(await readValue(vault, made.id, 1)).toBe("one");
    const attention = { reason: "initial-still-works", message: "the first password still works" };
    await vault.record(lease, [...finish(4, account), { step: "attention", attention }]);
    expect((await vault.readCredential(made.id)).journal.pending).toBeUndefined();
    expect(await readValue(vault, made.id, 1)).toBe("one");
    await vault.record(lease, [{ step: "clear-attention" }, { step: "release" }]);
    await failure(readValue(vault, made.id, 1), "NOT_FOUND");
    expect(entriesOf()).toBe(2);
  });

  test("stay while newer ones aren't proven, and while a login still uses it", async () => {
    const unproven = await createOne(vault, { name: "x", targets: [target("app")] });
    for (const version of [1, 2, 3, 4]) {
      const { lease } = await hold(vault, unproven.id, [stage(`${version}`, account)]);
      const [started, confirmed] = finish(version, account);
      const promote = { step: "promote", version, verified: false } as const;
      await vault.record(lease, [...[started, confirmed].flatMap((step) => step ?? []), promote, { step: "release" }]);
      clock.pass({ minutes: 40 * DAYS });
    }
    expect(entriesOf()).toBe(4);
    const proven = await createOne(vault, { name: "y", targets: [target("other")] });
    for (const value of ["one", "two"]) await rotate(vault, proven, value);
    clock.pass({ minutes: 40 * DAYS });
    const other = target("other").account;
    const { lease } = await hold(vault, proven.id, [stage("three", other)]);
    expect(await readValue(vault, proven.id, 1)).toBe("one");
    const drain = [{ account: "postgres://old@db.example.com:5432", username: "old", version: 1, seconds: 3_600 }];
    const [promote] = finish(3, other).slice(-1);
    await vault.record(lease, [...finish(3, other).slice(0, -1), { ...promote, drain } as RotationStep]);
    expect(await readValue(vault, proven.id, 1)).toBe("one");
    await vault.record(lease, [
      { step: "acknowledge" },
      ...(["drain-started", "drained"] as const).map((step) => ({ step, account: drain[0]?.account ?? "" })),
      { step: "release" },
    ]);
    await failure(readValue(vault, proven.id, 1), "NOT_FOUND");
  });

  test("that LockSelf doesn't let go leave the rotation as it is", async () => {
    const made = await createOne(vault, { name: "x", targets: [target("app")] });
    for (const value of ["one", "two"]) await rotate(vault, made, value);
    clock.pass({ minutes: 40 * DAYS });
    const kept = server.entries("Coffre").find(({ name }) => name.includes("v1,"))?.id;
    server.fault = ({ route, id }) =>
      route === "credentials.delete" && id === kept ? { status: 403, body: { code: 403, message: "no" } } : {};
    await rotate(vault, made, "three");
    expect(await readValue(vault, made.id)).toBe("three");
    expect(entriesOf()).toBe(3);
  });
});

/** Something that a test says is done. */
function later(): { promise: Promise<void>; done: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { promise, done: () => resolve() };
}

test("routes that the configuration corrects are asked instead; a wrong correction is refused", async () => {
  const routes = correctRoutes({ "credentials.decrypt": "GET /api-key/elsewhere/{id}" });
  const error = await failure(open(server.place({}, { routes })).identity(), "BAD_RESPONSE");
  expect(error.message).toContain("listed");
  expect(() => correctRoutes({ "credentials.decipher": "GET /x" })).toThrow(/no route/);
  expect(() => correctRoutes({ "credentials.decrypt": "GET /api-key/elsewhere" })).toThrow(/no method and path/);
  expect(() => correctRoutes({ "credentials.list": "FETCH /x" })).toThrow(/no method and path/);
});
