import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { systemClock } from "../../provider/core/clock.js";
import { checkCredential } from "../../provider/resources/credential/handlers.js";
import { acknowledge } from "../../provider/rotation/acknowledge.js";
import { closeRotationContext, createRotationContext, type RotationContext } from "../../provider/rotation/context.js";
import { reachCauses } from "../../provider/rotation/rotate.js";
import { prepareTargets } from "../../provider/rotation/targets.js";
import { verifyCredential } from "../../provider/rotation/verify.js";
import { postgresDriver } from "../../provider/target/postgres/driver.js";
import { createMemoryVault } from "../../provider/vault/memory/memory-vault.js";
import type { Vault } from "../../provider/vault/port.js";
import { intercept } from "../fixtures/intercept.js";
import { killedAtStep } from "../fixtures/rotation-scene.js";
import { type Kept, ResourceScene } from "../fixtures/resource-scene.js";
import { startPostgres } from "../fixtures/postgres-server.js";
import { PostgresHarness } from "./postgres-harness.js";

// Accounts that change hands around logins that take turns: between role and login, between credentials, and at the end.

jest.setTimeout(60_000);

const DRAIN_SECONDS = 600;
const ADMIN_PASSWORD = "CoffreMarker-of-the-admin";

let harness: PostgresHarness;
let vault: Vault;
let scene: ResourceScene;
let contexts: RotationContext[];
let aheadMs: number;
let number = 0;
/** The machine's own, ahead by what a test lets pass. */
const clock = { ...systemClock, now: () => new Date(systemClock.now().getTime() + aheadMs) };

beforeAll(async () => {
  harness = new PostgresHarness(await startPostgres());
}, 120_000);
afterAll(() => harness.stop());
beforeEach(() => {
  aheadMs = 0;
  contexts = [];
  scene = new ResourceScene();
  vault = createMemoryVault({ name: "test", clock, actor: "test", source: "test" });
});
afterEach(async () => {
  await Promise.all(contexts.map(closeRotationContext));
  await scene.close();
  await vault.close();
});

function run(over: Vault = vault): RotationContext {
  const environment = { ADMIN: harness.server.password, OTHER_ADMIN: ADMIN_PASSWORD };
  const context = createRotationContext({ vault: over, drivers: [postgresDriver], clock, environment });
  contexts.push(context);
  return context;
}

const newRole = () => `role_${++number}`;
const overlapping = { overlap: "alternating", drainSeconds: DRAIN_SECONDS, account: { create: true } };
const plain = { account: { create: true } };

function inputs(username: string, more: Record<string, unknown>, { name = "app", trigger = "1" } = {}) {
  const { host, port, user } = harness.server;
  const admin = { username: user, passwordEnv: "ADMIN" };
  return {
    name,
    username,
    rotateWhenChanged: { trigger },
    targets: [{ kind: "postgres", host, port, admin, ...more }],
  };
}

const up = (wanted: Record<string, unknown>, kept?: Kept) => scene.up(wanted, kept, { rotation: run() });

async function login(id: string, version?: number): Promise<{ user: string; password: string }> {
  const [answer] = await vault.readMany([{ id, ...(version === undefined ? {} : { version }) }]);
  if (answer === undefined || answer instanceof Error) throw answer ?? new Error("no answer");
  return { user: answer.username ?? "", password: answer.value.reveal() };
}

const logsIn = ({ user, password }: { user: string; password: string }) => harness.canLogIn(user, password);
const works = async (id: string) => logsIn(await login(id));
const mayLogIn = async (role: string) =>
  (await harness.query(`SELECT rolcanlogin FROM pg_roles WHERE rolname = '${role}'`))[0]?.["rolcanlogin"];

async function draining(id: string): Promise<string[]> {
  const { journal } = await vault.readCredential(id);
  return (journal.draining ?? []).map(({ username, version }) => `${username} ${String(version)}`);
}

describe("a username that becomes, or was, the name of a login", () => {
  test("a role's name becomes that of a login: it works, and what took turns for it before is ended", async () => {
    const role = newRole();
    const before = await up(inputs(`${role}_a`, overlapping));
    const first = await login(before.id);
    const after = await up(inputs(role, overlapping), before);
    expect(after.error).toBeUndefined();
    expect(await login(after.id)).toMatchObject({ user: `${role}_a` });
    expect(await works(after.id)).toBe(true);
    expect(await logsIn(first)).toBe(false);
    expect(await vault.readCredential(after.id)).toMatchObject({ leaving: [], status: "current" });
  });

  test("a login's name becomes the plain role's: it goes on working", async () => {
    const role = newRole();
    const first = await up(inputs(role, overlapping));
    const second = await up(inputs(role, overlapping, { trigger: "2" }), first);
    expect(await login(first.id)).toMatchObject({ user: `${role}_b` });
    const after = await up(inputs(`${role}_b`, plain, { trigger: "2" }), second);
    expect(after.error).toBeUndefined();
    expect(await login(after.id)).toMatchObject({ user: `${role}_b` });
    expect(await works(after.id)).toBe(true);
    expect(await mayLogIn(`${role}_a`)).toBe(false);
  });

  test("a role that logs in for others isn't taken for one whose password is in the vault", async () => {
    const [old, role] = [newRole(), newRole()];
    await harness.makeAccount(role, "CoffreMarker-by-hand");
    const before = await up(inputs(old, plain));
    const refused = { code: "CONFLICT", problem: expect.stringContaining("while its accounts change") as unknown };
    await expect(up(inputs(role, overlapping), before)).rejects.toMatchObject(refused);
    const records = await prepareTargets(run(), { targets: inputs(role, overlapping).targets, username: role });
    const change = { username: role, targets: records };
    await expect(reachCauses(run(), before.id, ["cause:2"], { change })).rejects.toMatchObject(refused);
    await expect(harness.canLogIn(role, "CoffreMarker-by-hand")).resolves.toBe(true);
    expect(await works(before.id)).toBe(true);

    const between = await up(inputs(role, plain), before);
    const after = await up(inputs(role, overlapping), between);
    expect(after.error).toBeUndefined();
    expect(await works(before.id)).toBe(true);
  });
});

describe("an account that another credential has by now", () => {
  test("isn't ended by the one that leaves it, where it is a login that takes turns", async () => {
    const role = newRole();
    const one = await up(inputs(`${role}_a`, { ...plain, onDelete: "drop" }));
    const { host, port, user } = harness.server;
    const admin = { username: user, passwordEnv: "ADMIN" };
    // Between the write of the new target and the end of the old one, another run takes it.
    const more = { kind: "postgres", host, port, admin, ...plain };
    const context = run();
    const records = await prepareTargets(context, { targets: [more], username: `${role}_other` });
    await vault.updateCredential(one.id, { username: `${role}_other`, targets: records });
    await harness.query(`CREATE ROLE ${role} NOLOGIN; GRANT ${role} TO ${role}_a`);
    const two = await up(inputs(role, overlapping, { name: "two" }));
    expect(two.error).toBeUndefined();
    const done = await up(inputs(`${role}_other`, plain), one);
    expect(done.error).toBeUndefined();
    expect(await works(two.id)).toBe(true);
    expect(await works(one.id)).toBe(true);
  });

  test("isn't ended with the role that it took turns for", async () => {
    const role = newRole();
    const one = await up(inputs(role, { ...overlapping, onDelete: "drop" }));
    const records = await prepareTargets(run(), { targets: inputs(`${role}_x`, plain).targets, username: `${role}_x` });
    await vault.updateCredential(one.id, { username: `${role}_x`, targets: records });
    const two = await up(inputs(`${role}_b`, plain, { name: "two" }));
    expect(two.error).toBeUndefined();
    const done = await up(inputs(`${role}_x`, plain), one);
    expect(done.error).toBeUndefined();
    expect(await works(two.id)).toBe(true);
    expect(await mayLogIn(`${role}_a`)).toBeUndefined();
    expect(await mayLogIn(role)).toBeUndefined();
  });
});

test("a role that began as one whose logins take turns logs in itself once they don't any more", async () => {
  const role = newRole();
  const first = await up(inputs(role, overlapping));
  const after = await up(inputs(role, plain), first);
  expect(after.error).toBeUndefined();
  expect(await login(first.id)).toMatchObject({ user: role });
  expect(await works(first.id)).toBe(true);
});

test("an admin is needed to let the role log in itself again", async () => {
  const role = newRole();
  const first = await up(inputs(role, overlapping));
  const { host, port } = harness.server;
  const alone = { ...inputs(role, {}), targets: [{ kind: "postgres", host, port }] };
  await expect(up(alone, first)).rejects.toMatchObject({ code: "INVALID_INPUT" });
  expect(await works(first.id)).toBe(true);
});

test("a login in force is no other credential's to claim, also in the up that lets it go", async () => {
  const role = newRole();
  const first = await up(inputs(role, overlapping));
  const news = { ownerKey: "shop/dev/Credential/two", ...inputs(`${role}_a`, plain, { name: "two" }) };
  const refused = [{ reason: expect.stringContaining("belongs to credential app") as unknown }];
  const check = async () => (await checkCredential(scene.resources({ rotation: run() }), {}, news)).failures;
  expect(await check()).toMatchObject(refused);
  await up(inputs(role, plain), first);
  expect(await draining(first.id)).toEqual([`${role}_a 1`]);
  expect(await check()).toMatchObject(refused);
  expect(await logsIn(await login(first.id, 1))).toBe(true);
  await acknowledge(run(), first.id);
  expect(await check()).toEqual([]);
});

test("a login that drains keeps nobody from overlapping again: the other one is free", async () => {
  const role = newRole();
  const first = await up(inputs(role, overlapping));
  const second = await up(inputs(role, plain), first);
  const third = await up(inputs(role, overlapping), second);
  expect(third.error).toBeUndefined();
  for (const [version, user] of [`${role}_a`, role, `${role}_b`].entries()) {
    const who = await login(first.id, version + 1);
    expect(who.user).toBe(user);
    expect(await logsIn(who)).toBe(true);
  }
  expect(await draining(first.id)).toEqual([`${role}_a 1`, `${role} 2`]);
  await acknowledge(run(), first.id);
  expect(await works(first.id)).toBe(true);
  for (const name of [`${role}_a`, role]) expect(await mayLogIn(name)).toBe(false);
});

test("a login that drains ends with a credential whose targets don't name it any more", async () => {
  const role = newRole();
  const first = await up(inputs(role, overlapping));
  const after = await up(inputs(role, plain), first);
  const drained = await login(first.id, 1);
  expect(await logsIn(drained)).toBe(true);
  await scene.destroy(after, { rotation: run() });
  expect(await mayLogIn(role)).toBe(false);
  expect(await logsIn(drained)).toBe(false);
});

describe("an acknowledgement", () => {
  test("is of the version that drained when it was given, not of one that drains since", async () => {
    const first = await up(inputs(newRole(), overlapping));
    const { id } = first;
    await reachCauses(run(), id, ["cause:2"]);
    let isFirst = true;
    const slow = intercept(vault, async ({ method }, proceed) => {
      if (method === "acquireLease" && isFirst) {
        isFirst = false;
        aheadMs = DRAIN_SECONDS * 1000 + 1;
        await reachCauses(run(), id, ["cause:3"]);
      }
      return proceed();
    });
    await acknowledge(run(slow), id);
    expect(await works(id)).toBe(true);
    expect(await logsIn(await login(id, 2))).toBe(true);
    expect(await draining(id)).toHaveLength(1);
  });
});

describe("a login that may be all that works", () => {
  test("isn't ended for a new version before the current one is mended", async () => {
    const role = newRole();
    const { id } = await up(inputs(role, overlapping));
    await reachCauses(run(), id, ["cause:2"]);
    await harness.query(`ALTER ROLE ${role}_b PASSWORD 'CoffreMarker-by-hand'`);
    await verifyCredential(run(), id);
    aheadMs = DRAIN_SECONDS * 1000 + 1;
    const killed = intercept(vault, killedAtStep("stage", "before"));
    await expect(reachCauses(run(killed), id, ["cause:3"])).rejects.toThrow();
    const all = await Promise.all([1, 2].map(async (version) => logsIn(await login(id, version))));
    expect(all).toContain(true);
  });
});

describe("a login of that name that is another vault's", () => {
  test("is left alone, though Coffre made it", async () => {
    const role = newRole();
    const other = createMemoryVault({ name: "other", clock, actor: "test", source: "test" });
    const theirs = await scene.up(inputs(`${role}_b`, plain), undefined, { rotation: run(other) });
    const [answer] = await other.readMany([{ id: theirs.id }]);
    if (answer === undefined || answer instanceof Error) throw answer ?? new Error("no answer");
    const refused = await up(inputs(role, overlapping));
    expect(refused.error?.message).toContain(`"${role}_b" at 127.0.0.1`);
    expect(refused.error?.message).toContain(`CREATE ROLE "${role}" NOLOGIN; GRANT "${role}" TO "${role}_b"`);
    expect(await logsIn({ user: `${role}_b`, password: answer.value.reveal() })).toBe(true);
    await other.close();
  });
});

test("an admin that has lost its right ends nothing and draws nothing, and goes on with it", async () => {
  const role = newRole();
  await harness.query(`CREATE ROLE ${role}_admin LOGIN CREATEROLE PASSWORD '${ADMIN_PASSWORD}'`);
  const { host, port } = harness.server;
  const by = { username: `${role}_admin`, passwordEnv: "OTHER_ADMIN" };
  const wanted = (trigger: string) => ({
    ...inputs(role, {}, { trigger }),
    targets: [{ kind: "postgres", host, port, admin: by, ...overlapping }],
  });
  const second = await up(wanted("2"), await up(wanted("1")));
  await harness.query(`ALTER ROLE ${role}_admin NOCREATEROLE`);
  aheadMs = DRAIN_SECONDS * 1000 + 1;
  const refused = await up(wanted("3"), second);
  expect(refused.error?.message).toContain("FORBIDDEN");
  for (const version of [1, 2]) expect(await logsIn(await login(second.id, version))).toBe(true);
  expect(await draining(second.id)).toEqual([`${role}_a 1`]);
  await harness.query(`ALTER ROLE ${role}_admin CREATEROLE`);
  expect((await up(wanted("3"), refused)).error).toBeUndefined();
  expect(await works(second.id)).toBe(true);
});
