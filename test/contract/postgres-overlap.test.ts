import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { Client } from "pg";
import { systemClock } from "../../provider/core/clock.js";
import { CoffreError } from "../../provider/core/errors.js";
import { acknowledge } from "../../provider/rotation/acknowledge.js";
import { retireAccounts } from "../../provider/rotation/accounts.js";
import { closeRotationContext, createRotationContext, type RotationContext } from "../../provider/rotation/context.js";
import { reachCauses, resume } from "../../provider/rotation/rotate.js";
import { prepareTargets } from "../../provider/rotation/targets.js";
import { verifyCredential } from "../../provider/rotation/verify.js";
import type { TargetDriver, TargetSession } from "../../provider/target/port.js";
import { postgresDriver } from "../../provider/target/postgres/driver.js";
import { createEmbeddedVault } from "../../provider/vault/embedded/create.js";
import { openEmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";
import { newKeyText, writeKeyFile } from "../../provider/vault/embedded/key-file.js";
import { createMemoryVault } from "../../provider/vault/memory/memory-vault.js";
import type { CredentialInput, Vault } from "../../provider/vault/port.js";
import { checkCredentialOffline } from "../../provider/resources/credential/handlers.js";
import { ResourceScene } from "../fixtures/resource-scene.js";
import { newVault, sharedServer } from "../fixtures/openbao.js";
import { startPostgres } from "../fixtures/postgres-server.js";
import { PostgresHarness } from "./postgres-harness.js";

jest.setTimeout(60_000);

const DRAIN_SECONDS = 600;
const ADMIN_PASSWORD = "CoffreMarker-of-the-admin";

let harness: PostgresHarness;
let vault: Vault;
let contexts: RotationContext[];
let aheadMs: number;
let number = 0;
/** The machine's own, ahead by what a test lets pass. */
const clock = { ...systemClock, now: () => new Date(systemClock.now().getTime() + aheadMs) };

beforeAll(async () => {
  harness = new PostgresHarness(await startPostgres());
}, 120_000);
afterAll(async () => {
  await harness.stop();
  await (await sharedServer()).stop();
});
beforeEach(() => {
  aheadMs = 0;
  contexts = [];
  vault = createMemoryVault({ name: "test", clock, actor: "test", source: "test" });
});
afterEach(async () => {
  await Promise.all(contexts.map(closeRotationContext));
  await vault.close();
});

/** A fresh run, as another process would make it. */
function run(driver: TargetDriver = postgresDriver): RotationContext {
  const environment = { ADMIN: harness.server.password, OTHER_ADMIN: ADMIN_PASSWORD };
  const context = createRotationContext({ vault, drivers: [driver], clock, environment });
  contexts.push(context);
  return context;
}

const admin = () => ({ username: harness.server.user, passwordEnv: "ADMIN" });
const overlapping = { overlap: "alternating", drainSeconds: DRAIN_SECONDS, account: { create: true } };
const newRole = () => `app_${++number}`;

async function targets(role: string, more: Record<string, unknown>, by: Record<string, unknown> = admin()) {
  const { host, port } = harness.server;
  const declared = [{ kind: "postgres", host, port, admin: by, ...more }];
  return prepareTargets(run(), { targets: declared, username: role });
}

async function entry(role: string, more: Record<string, unknown> = overlapping, with_: Partial<CredentialInput> = {}) {
  const [made] = await vault.createCredentials([
    { name: role, username: role, categoryId: null, targets: await targets(role, more), ...with_ },
  ]);
  return made?.id ?? "";
}

const rotate = (id: string, cause: string, context = run()) => reachCauses(context, id, [cause]);

/** Who logs in with a version, as a consumer learns it from the vault. */
async function login(id: string, version?: number): Promise<{ user: string; password: string }> {
  const [answer] = await vault.readMany([{ id, ...(version === undefined ? {} : { version }) }]);
  if (answer === undefined || answer instanceof Error) throw answer ?? new Error("no answer");
  return { user: answer.username ?? "", password: answer.value.reveal() };
}

async function as<T>(who: { user: string; password: string }, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ ...harness.server.connection(), ...who });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

const logsIn = ({ user, password }: { user: string; password: string }) => harness.canLogIn(user, password);
const ownerOf = async (table: string) =>
  (await harness.query(`SELECT tableowner FROM pg_tables WHERE tablename = '${table}'`))[0]?.["tableowner"];
const mayLogIn = async (role: string) =>
  (await harness.query(`SELECT rolcanlogin FROM pg_roles WHERE rolname = '${role}'`))[0]?.["rolcanlogin"];

async function draining(id: string): Promise<string[]> {
  const { journal } = await vault.readCredential(id);
  return (journal.draining ?? []).map(({ username, version }) => `${username} ${String(version)}`);
}

/** Lets objects of everybody be made in the schema that all use. */
async function letCreate(role: string): Promise<void> {
  await harness.query(`GRANT CREATE ON SCHEMA public TO ${role}`);
}

async function useTables(who: { user: string; password: string }, tables: readonly string[]): Promise<void> {
  await as(who, async (client) => {
    for (const table of tables) {
      await client.query(`INSERT INTO ${table} VALUES ($1)`, [who.user]);
      await client.query(`ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS by_${who.user} text`);
      expect((await client.query(`SELECT * FROM ${table} WHERE name = $1`, [who.user])).rowCount).toBeGreaterThan(0);
    }
  });
}

function bound(session: TargetSession, name: string | symbol): unknown {
  const member = Reflect.get(session, name, session) as unknown;
  return typeof member === "function" ? (member.bind(session) as unknown) : member;
}

const VAULTS: Record<string, () => Promise<{ open: Vault; done: () => Promise<void> }>> = {
  embedded: async () => {
    const folder = await mkdtemp(join(tmpdir(), "coffre-overlap-"));
    const [path, keyFile] = [join(folder, "vault.db"), join(folder, "key")];
    writeKeyFile(keyFile, newKeyText());
    await createEmbeddedVault({ path, name: "test", key: { keyFile }, actor: "test", clock });
    const open = openEmbeddedVault({ path, key: { keyFile }, actor: "test", clock });
    return { open, done: () => rm(folder, { recursive: true }) };
  },
  OpenBao: async () => {
    const made = await newVault({ clock });
    return { open: made.open({ actor: "test" }), done: async () => {} };
  },
};

describe.each(Object.keys(VAULTS))("rotations that overlap, in the vault %s", (kind) => {
  test("cut nobody off: what was made before and after belongs to one role, and both passwords work for a time", async () => {
    const made = await VAULTS[kind]?.();
    vault = made?.open ?? vault;
    const role = newRole();
    const id = await entry(role);
    await rotate(id, "cause:1");
    await letCreate(role);
    const first = await login(id);
    expect(first.user).toBe(`${role}_a`);
    await as(first, (client) => client.query(`CREATE TABLE before_${role} (name text)`));

    await expect(rotate(id, "cause:2")).resolves.toMatchObject({ action: "rotated", version: 2 });
    const second = await login(id);
    expect(second.user).toBe(`${role}_b`);
    await as(second, (client) => client.query(`CREATE TABLE after_${role} (name text)`));
    for (const table of [`before_${role}`, `after_${role}`]) expect(await ownerOf(table)).toBe(role);
    for (const who of [first, second]) await useTables(who, [`before_${role}`, `after_${role}`]);
    expect(await mayLogIn(role)).toBe(false);
    expect(await draining(id)).toEqual([`${role}_a 1`]);

    aheadMs = (DRAIN_SECONDS - 60) * 1000;
    await expect(resume(run(), id)).resolves.toMatchObject({ action: "none" });
    await expect(logsIn(first)).resolves.toBe(true);
    aheadMs = (DRAIN_SECONDS + 60) * 1000;
    await expect(resume(run(), id)).resolves.toMatchObject({ action: "drained", version: 2 });
    await expect(logsIn(first)).resolves.toBe(false);
    await expect(logsIn(second)).resolves.toBe(true);
    expect(await draining(id)).toEqual([]);

    await rotate(id, "cause:3");
    const third = await login(id);
    expect(third.user).toBe(`${role}_a`);
    await useTables(third, [`before_${role}`, `after_${role}`]);
    await expect(logsIn(second)).resolves.toBe(true);
    await expect(logsIn(first)).resolves.toBe(false);
    await expect(login(id, 2)).resolves.toEqual(second);
    await expect(login(id, 1)).resolves.toEqual(first);
    for (const user of [`${role}_a`, `${role}_b`]) {
      const expected = user.endsWith("_a") ? 2 : 0; // this test's own
      await expect(harness.refusedLogins(user)).resolves.toBe(expected);
    }
    await vault.close();
    await made?.done();
  });
});

describe("a login whose turn is over", () => {
  test("gets no new version before its time, unless it is said that nobody uses it", async () => {
    const id = await entry(newRole());
    await rotate(id, "cause:1");
    await rotate(id, "cause:2");
    const first = await login(id, 1);
    const refused = rotate(id, "cause:3");
    await expect(refused).rejects.toMatchObject({
      code: "LOCKED",
      hint: expect.stringContaining("acknowledge") as unknown,
    });
    await expect(logsIn(first)).resolves.toBe(true);
    await expect(acknowledge(run(), id)).resolves.toMatchObject({ action: "drained" });
    await expect(logsIn(first)).resolves.toBe(false);
    await expect(rotate(id, "cause:3")).resolves.toMatchObject({ action: "rotated", version: 3 });
    await acknowledge(run(), id);
    await expect(acknowledge(run(), id)).resolves.toMatchObject({ action: "none" });
  });

  test("isn't ended by somebody who has an earlier version than the current one", async () => {
    const id = await entry(newRole());
    await rotate(id, "cause:1");
    await rotate(id, "cause:2");
    const first = await login(id, 1);
    await expect(acknowledge(run(), id, { ifVersion: 1 })).rejects.toMatchObject({ code: "CONFLICT" });
    await expect(logsIn(first)).resolves.toBe(true);
    await expect(acknowledge(run(), id, { ifVersion: 2 })).resolves.toMatchObject({ action: "drained" });
    await expect(logsIn(first)).resolves.toBe(false);
  });

  test("keeps the sessions that it has, and its password is dead even if somebody lets it log in again", async () => {
    const role = newRole();
    const id = await entry(role);
    await rotate(id, "cause:1");
    const first = await login(id);
    await as(first, async (client) => {
      await rotate(id, "cause:2");
      await acknowledge(run(), id);
      expect((await client.query("SELECT current_user AS me")).rows).toEqual([{ me: role }]);
    });
    await harness.query(`ALTER ROLE ${role}_a LOGIN`);
    await expect(logsIn(first)).resolves.toBe(false);
  });

  test("ends once its time is over at whatever run comes next, before the next version is drawn for it", async () => {
    const id = await entry(newRole());
    await rotate(id, "cause:1");
    await rotate(id, "cause:2");
    aheadMs = DRAIN_SECONDS * 1000 + 1;
    await expect(rotate(id, "cause:3")).resolves.toMatchObject({ action: "rotated", version: 3 });
    expect((await draining(id)).join()).toMatch(/_b 2$/);
    const actions: string[] = [];
    for await (const { action } of vault.listEvents({ credentialId: id })) actions.push(action);
    expect(actions.filter((action) => /drain|stage/.test(action))).toEqual([
      ...["rotation.staged", "rotation.staged", "rotation.draining"],
      ...["rotation.drain-started", "rotation.drained", "rotation.staged", "rotation.draining"],
    ]);
  });

  test("is ended again by the next run if the answer was lost", async () => {
    const id = await entry(newRole());
    await rotate(id, "cause:1");
    await rotate(id, "cause:2");
    aheadMs = DRAIN_SECONDS * 1000 + 1;
    const lost: TargetDriver = {
      ...postgresDriver,
      connect: async (...args) => {
        const session = await postgresDriver.connect(...args);
        const endLogin: NonNullable<TargetSession["endLogin"]> = async (spec) => {
          await session.endLogin?.(spec);
          throw new CoffreError("UNREACHABLE", "a fault of this test's");
        };
        return new Proxy(session, { get: (of, name) => (name === "endLogin" ? endLogin : bound(of, name)) });
      },
    };
    await expect(resume(run(lost), id)).rejects.toMatchObject({ code: "UNREACHABLE" });
    expect(await draining(id)).toHaveLength(1);
    await expect(resume(run(), id)).resolves.toMatchObject({ action: "drained" });
    await expect(logsIn(await login(id))).resolves.toBe(true);
  });

  test("is no drift: a verify asks the current version's login", async () => {
    const role = newRole();
    const id = await entry(role);
    await rotate(id, "cause:1");
    await rotate(id, "cause:2");
    await expect(verifyCredential(run(), id)).resolves.toMatchObject([
      { verdict: "agrees", version: 2, account: expect.stringContaining(`${role}_b@`) as unknown },
    ]);
    await expect(verifyCredential(run(), id, { version: 1 })).resolves.toMatchObject([
      { version: 1, account: expect.stringContaining(`${role}_a@`) as unknown },
    ]);
    await acknowledge(run(), id);
    await expect(verifyCredential(run(), id)).resolves.toMatchObject([{ verdict: "agrees", refused: [] }]);
  });

  test("isn't ended while the current one was changed behind Coffre's back: that is mended first", async () => {
    const role = newRole();
    const id = await entry(role);
    await rotate(id, "cause:1");
    await rotate(id, "cause:2");
    await harness.query(`ALTER ROLE ${role}_b PASSWORD 'CoffreMarker-by-hand'`);
    await expect(verifyCredential(run(), id)).resolves.toMatchObject([{ verdict: "differs", refused: [2] }]);
    aheadMs = DRAIN_SECONDS * 1000 + 1;
    await expect(reachCauses(run(), id, [], { onDrift: "report" })).resolves.toMatchObject({ action: "none" });
    await expect(logsIn(await login(id, 1))).resolves.toBe(true);
    await expect(resume(run(), id)).resolves.toMatchObject({ action: "mended" });
    await expect(logsIn(await login(id, 2))).resolves.toBe(true);
    expect(await draining(id)).toEqual([]);
  });
});

describe("rotations that begin, or cease, to overlap", () => {
  /** A role with a password of the vault's, which owns a table. */
  async function plain() {
    const role = newRole();
    const id = await entry(role, { account: { create: true } });
    await rotate(id, "cause:1");
    await letCreate(role);
    const before = await login(id);
    await as(before, (client) => client.query(`CREATE TABLE before_${role} (name text)`));
    return { role, id, before };
  }
  const declare = async (id: string, role: string, more: Record<string, unknown>, cause: string) =>
    reachCauses(run(), id, [cause], { change: { targets: await targets(role, more) } });

  test("the role's own password works on until its time is over, and what it owns stays with it", async () => {
    const { role, id, before } = await plain();
    await declare(id, role, overlapping, "cause:2");
    const after = await login(id);
    expect([before.user, after.user]).toEqual([role, `${role}_a`]);
    await useTables(before, [`before_${role}`]);
    await useTables(after, [`before_${role}`]);
    expect(await draining(id)).toEqual([`${role} 1`]);
    aheadMs = DRAIN_SECONDS * 1000 + 1;
    await rotate(id, "cause:3");
    await expect(logsIn(before)).resolves.toBe(false);
    await useTables(await login(id), [`before_${role}`]);
    expect(await mayLogIn(role)).toBe(false);
  });

  test("the role logs in itself again, and the login before works on for a time", async () => {
    const { role, id } = await plain();
    await declare(id, role, overlapping, "cause:2");
    await acknowledge(run(), id);
    const login2 = await login(id);
    await declare(id, role, { account: { create: true } }, "cause:3");
    const login3 = await login(id);
    expect([login2.user, login3.user]).toEqual([`${role}_a`, role]);
    for (const who of [login2, login3]) await useTables(who, [`before_${role}`]);
    await expect(verifyCredential(run(), id)).resolves.toMatchObject([{ verdict: "agrees", version: 3 }]);
    await acknowledge(run(), id);
    await expect(logsIn(login2)).resolves.toBe(false);
    await expect(logsIn(login3)).resolves.toBe(true);
  });

  test("not while a version is on its way", async () => {
    const { role, id } = await plain();
    const failing: TargetDriver = {
      ...postgresDriver,
      verify: async () => ({ proof: "unreachable", reason: "a fault of this test's" }),
    };
    const quick = { ...run(failing), clock: { ...clock, sleep: async () => {} } };
    await expect(rotate(id, "cause:2", quick)).rejects.toMatchObject({ code: "UNREACHABLE" });
    await expect(declare(id, role, overlapping, "cause:3")).rejects.toMatchObject({ code: "CONFLICT" });
    expect((await vault.readCredential(id)).targets[0]?.logins).toBeUndefined();
    await rotate(id, "cause:2");
    await expect(declare(id, role, overlapping, "cause:3")).resolves.toMatchObject({ version: 3 });
  });
});

describe("a program that declares overlap", () => {
  test("is told in a preview what begins, and ends what is over at a later up", async () => {
    const scene = new ResourceScene();
    const role = newRole();
    const { host, port } = harness.server;
    const inputs = (more: Record<string, unknown>, trigger = "1") => ({
      name: role,
      username: role,
      rotateWhenChanged: { trigger },
      targets: [{ kind: "postgres", host, port, admin: admin(), account: { create: true }, ...more }],
    });
    const plain = await scene.up(inputs({}), undefined, { rotation: run() });
    const kept = await scene.up(inputs(overlapping), plain, { rotation: run() });
    expect(scene.notes).toEqual([expect.stringContaining("overlap from now on: the next version is for")]);
    expect(kept.outputs).toMatchObject({ username: role, currentVersion: 2, status: "done" });
    expect(await draining(kept.id)).toEqual([`${role} 1`]);
    await expect(scene.changes(inputs(overlapping), kept, { rotation: run() })).resolves.toBe(false);

    const third = await scene.up(inputs(overlapping, "2"), kept, { rotation: run() });
    expect(third.outputs).toMatchObject({ currentVersion: 3 });
    const refused = await scene.up(inputs(overlapping, "3"), third, { rotation: run() });
    expect(refused.error?.message).toContain(`works with version 2 until`);
    expect(refused.outputs).toMatchObject({
      currentVersion: 3,
      status: "unfinished",
      rotateWhenChanged: { trigger: "2" },
    });
    expect(scene.notes.at(-1)).toContain("unless `coffre acknowledge` says that nobody uses it");

    aheadMs = DRAIN_SECONDS * 1000 + 1;
    await expect(scene.changes(inputs(overlapping, "2"), third, { rotation: run() })).resolves.toBe(true);
    await scene.up(inputs(overlapping, "2"), third, { rotation: run() });
    expect(await draining(kept.id)).toEqual([]);
    await scene.destroy(third, { rotation: run() });
    for (const name of [role, `${role}_a`, `${role}_b`]) expect(await mayLogIn(name)).toBe(false);
    await scene.close();
  });

  test("is refused a login that drains for longer than the rhythm lasts", () => {
    const { host, port } = harness.server;
    const target = { kind: "postgres", host, port, admin: admin(), overlap: "alternating", drainSeconds: 86_400 };
    const declared = { name: "app", username: "app", ownerKey: "key", targets: [target] };
    const drivers = new Map([["postgres", postgresDriver]]);
    const { failures } = checkCredentialOffline(drivers, { ...declared, rotation: { everyDays: 1 } });
    expect(failures).toMatchObject([{ reason: expect.stringContaining("drainSeconds is as long as") as unknown }]);
    expect(checkCredentialOffline(drivers, { ...declared, rotation: { everyDays: 2 } }).failures).toEqual([]);
  });
});

describe("a look at roles whose logins are to take turns", () => {
  test("refuses one that logs in with a password that nobody knows", async () => {
    const role = newRole();
    await harness.makeAccount(role, "CoffreMarker-by-hand");
    const refused = rotate(await entry(role), "cause:1");
    await expect(refused).rejects.toMatchObject({
      code: "TARGET_NOT_READY",
      problem: expect.stringContaining("may log in") as unknown,
    });
    await expect(harness.canLogIn(role, "CoffreMarker-by-hand")).resolves.toBe(true);
  });

  test("refuses a login of that name that belongs to somebody else", async () => {
    const role = newRole();
    await harness.makeAccount(`${role}_b`, "CoffreMarker-of-somebody");
    await expect(rotate(await entry(role), "cause:1")).rejects.toMatchObject({
      code: "TARGET_NOT_READY",
      problem: expect.stringContaining("isn't a member") as unknown,
    });
    expect(await harness.accountExists(role)).toBe(false);
  });

  test("refuses a role that isn't there and isn't to be created", async () => {
    const { account: _account, ...more } = overlapping;
    await expect(rotate(await entry(newRole(), more), "cause:1")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("says which right an admin lacks, and does with it", async () => {
    const role = newRole();
    await harness.query(`CREATE ROLE ${role}_admin LOGIN CREATEROLE PASSWORD '${ADMIN_PASSWORD}'`);
    await harness.query(`CREATE ROLE ${role} NOLOGIN; CREATE ROLE ${role}_rw`);
    const by = { username: `${role}_admin`, passwordEnv: "OTHER_ADMIN" };
    const more = { ...overlapping, account: { memberOf: [`${role}_rw`] } };
    const id = await entry(role, more, { targets: await targets(role, more, by) });
    const problem = expect.stringContaining(`may not make "${role}_a" a member of "${role}"`) as unknown;
    const [server] = await harness.query("SELECT current_setting('server_version_num')::int >= 160000 AS new");
    if (server?.["new"] === true)
      await expect(rotate(id, "cause:1")).rejects.toMatchObject({ code: "FORBIDDEN", problem });
    for (const group of server?.["new"] === true ? [role, `${role}_rw`] : []) {
      await harness.query(`GRANT ${group} TO ${role}_admin WITH ADMIN OPTION, INHERIT FALSE, SET FALSE`);
    }
    await rotate(id, "cause:1");
    await rotate(id, "cause:2");
    await acknowledge(run(), id);
    await as(await login(id), async (client) => {
      const { rows } = await client.query(`SELECT current_user AS me, pg_has_role('${role}_rw', 'USAGE') AS may`);
      expect(rows).toEqual([{ me: role, may: true }]);
    });
  });
});

describe("the logins of a credential that is deleted", () => {
  test.each(["disable", "drop"] as const)("end with it: %s", async (onDelete) => {
    const role = newRole();
    const id = await entry(role, { ...overlapping, onDelete });
    await rotate(id, "cause:1");
    await rotate(id, "cause:2");
    await retireAccounts(run(), await vault.readCredential(id));
    for (const version of [1, 2]) await expect(logsIn(await login(id, version))).resolves.toBe(false);
    for (const name of [role, `${role}_a`, `${role}_b`]) {
      expect(await harness.accountExists(name)).toBe(onDelete === "disable");
    }
  });
});

test("a pool that resets its sessions goes on as the role", async () => {
  const role = newRole();
  const id = await entry(role);
  await rotate(id, "cause:1");
  await as(await login(id), async (client) => {
    for (const reset of ["DISCARD ALL", "RESET ALL", "RESET ROLE", "SET SESSION AUTHORIZATION DEFAULT; RESET ROLE"]) {
      await client.query(reset);
      expect((await client.query("SELECT current_user AS me")).rows).toEqual([{ me: role }]);
    }
  });
});

test("targets of one credential overlap alike, or none does", async () => {
  const { host, port } = harness.server;
  const one = { kind: "postgres", host, port, admin: admin() };
  const both = [
    { ...one, ...overlapping },
    { ...one, host: "db.example.com" },
  ];
  const prepared = prepareTargets(run(), { targets: both, username: "app" });
  await expect(prepared).rejects.toMatchObject({ code: "INVALID_INPUT" });
});
