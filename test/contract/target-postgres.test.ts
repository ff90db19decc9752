import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Client, escapeIdentifier } from "pg";
import { Secret } from "../../provider/core/secret.js";
import type { TargetSession, TargetSpec } from "../../provider/target/port.js";
import { startPostgres } from "../fixtures/postgres-server.js";
import { PostgresHarness } from "./postgres-harness.js";
import { until } from "./target-contract.js";
import { CuttingProxy } from "./target-proxy.js";

const HBA = [
  "host all trusted,trusted_admin 127.0.0.1/32 trust",
  "host all in_clear 127.0.0.1/32 password",
  "host all by_md5,scram_by_md5 127.0.0.1/32 md5",
  "host all rejected 127.0.0.1/32 reject",
];

let harness: PostgresHarness;
let session: TargetSession;
let number = 0;

const newPassword = () => new Secret(`CoffreMarker-${crypto.randomUUID()}`);
const specOf = (name: string, more: Record<string, unknown> = {}): TargetSpec =>
  harness.driver.parse({ ...harness.description(), ...more }, name);
const verify = (spec: TargetSpec, password: Secret) => harness.driver.verify(spec, password, spec.address);
const loginOf = (name: string, password: Secret) => harness.login(name, password.reveal());

/** Makes a role, changed by `options` (`CREATEROLE`, …). */
async function newRole({ name = `role_${++number}`, options = "" } = {}) {
  const password = newPassword();
  await harness.makeAccount(name, password.reveal());
  if (options !== "") await harness.query(`ALTER ROLE ${escapeIdentifier(name)} ${options}`);
  return { name, password, spec: specOf(name) };
}

async function storedPassword(name: string): Promise<unknown> {
  const rows = await harness.query(`SELECT rolpassword FROM pg_authid WHERE rolname = '${name}'`);
  return rows[0]?.["rolpassword"];
}

beforeAll(async () => {
  const settings = { log_statement: "all", log_disconnections: "on", session_preload_libraries: "passwordcheck" };
  harness = new PostgresHarness(await startPostgres({ hba: HBA, settings }));
  session = await harness.driver.connect(specOf("any"), harness.admin);
}, 120_000);

afterAll(async () => {
  await session.close();
  await harness.stop();
});

describe("a server that asks for no proof", () => {
  test.each([
    ["trusted", /without a password/],
    ["in_clear", /in clear text/],
    ["rejected", /before any question/],
  ])("stops the rotation of %s at the look, and is never told the password", async (name, reason) => {
    const { spec, password } = await newRole({ name });
    await expect(session.look(spec)).rejects.toMatchObject({
      code: "NOT_VERIFIABLE",
      problem: expect.stringMatching(reason) as unknown,
    });
    const proof = await verify(spec, password);
    expect(proof).toMatchObject({ proof: "not-verifiable", reason: expect.stringMatching(reason) as unknown });
    await expect(harness.refusedLogins(name)).resolves.toBe(0);
  });

  test("is no obstacle where the stack does without a proof", async () => {
    const spec = specOf("trusted", { verify: "none" });
    await expect(session.look(spec)).resolves.toMatchObject({ accountExists: true });
  });

  test("asks for MD5 only until a SCRAM verifier is set", async () => {
    const { spec, name } = await newRole({ name: "by_md5" });
    await harness.query("SET password_encryption = md5; ALTER ROLE by_md5 PASSWORD 'CoffreMarker-weakly-kept-1'");
    const old = new Secret("CoffreMarker-weakly-kept-1");
    await expect(verify(spec, old)).resolves.toMatchObject({ proof: "not-verifiable" });
    await expect(session.look(spec)).resolves.toMatchObject({ accountExists: true });
    const password = newPassword();
    await expect(session.set(spec, password)).resolves.toMatchObject({ result: "set" });
    await expect(verify(spec, password)).resolves.toEqual({ proof: "works" });
    await expect(harness.refusedLogins(name)).resolves.toBe(0);
  });

  test("takes an admin whom the server lets in without a password", async () => {
    const trusted = await newRole({ name: "trusted_admin", options: "SUPERUSER" });
    const { name, spec } = await newRole();
    const trusting = await harness.driver.connect(spec, loginOf(trusted.name, newPassword()));
    const password = newPassword();
    await expect(trusting.set(spec, password)).resolves.toMatchObject({ result: "set" });
    await expect(harness.canLogIn(name, password.reveal())).resolves.toBe(true);
    await trusting.close();
  });

  test.each(["in_clear", "by_md5"])("doesn't get an admin's password either (%s)", async (name) => {
    if (name === "by_md5")
      await harness.query("SET password_encryption = md5; ALTER ROLE by_md5 PASSWORD 'CoffreMarker-2'");
    const login = loginOf(name, newPassword());
    const attempt = harness.driver.connect(specOf("any"), login);
    await expect(attempt).rejects.toMatchObject({
      code: "NOT_VERIFIABLE",
      problem: expect.stringContaining("wasn't sent") as unknown,
    });
    await expect(harness.refusedLogins(name)).resolves.toBe(0);
  });
});

describe("the server's log", () => {
  test("has no complaint about a healthy look, set and verify", async () => {
    const { name, spec } = await newRole();
    const logged = (await harness.log()).length;
    const password = newPassword();
    const own = await harness.driver.connect(spec, harness.admin);
    await own.look(spec);
    await own.set(spec, password);
    await expect(verify(spec, password)).resolves.toEqual({ proof: "works" });
    await own.close();
    const since = async () => (await harness.log()).slice(logged);
    await until(async () => new RegExp(`disconnection: .* user=${name} `).test(await since()));
    expect((await since()).split("\n").filter((line) => /ERROR|FATAL|WARNING|could not|unexpected/.test(line))).toEqual(
      [],
    );
  });

  test("tells which program was connected", async () => {
    const sessions = await harness.query("SELECT usename FROM pg_stat_activity WHERE application_name = 'coffre'");
    expect(sessions).toEqual([{ usename: harness.admin.username }]);
  });
});

describe("an account that can't be proven by logging in", () => {
  test("an expired role stops at the look: it would refuse every password", async () => {
    const { spec, password } = await newRole({ options: "VALID UNTIL '2001-01-01'" });
    await expect(session.look(spec)).rejects.toMatchObject({
      code: "TARGET_NOT_READY",
      problem: expect.stringContaining("has expired") as unknown,
    });
    await expect(verify(spec, password)).resolves.toMatchObject({ proof: "refused" });
  });

  test("a role that expires soon is said to", async () => {
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString();
    const { spec } = await newRole({ options: `VALID UNTIL '${tomorrow}'` });
    await expect(session.look(spec)).resolves.toMatchObject({ notes: [expect.stringContaining("expires at")] });
    const forever = await newRole({ options: "VALID UNTIL 'infinity'" });
    await expect(session.look(forever.spec)).resolves.toMatchObject({ notes: [] });
  });

  test("NOLOGIN by anybody else stops at the look, and yet proves its password", async () => {
    const { spec, password } = await newRole({ options: "NOLOGIN" });
    await expect(session.look(spec)).rejects.toMatchObject({
      code: "TARGET_NOT_READY",
      problem: expect.stringContaining("NOLOGIN") as unknown,
    });
    const note = expect.stringContaining("not permitted to log in") as unknown;
    await expect(verify(spec, password)).resolves.toEqual({ proof: "works", note });
    await expect(verify(spec, newPassword())).resolves.toMatchObject({ proof: "refused" });
  });

  test.each([
    ["a missing database", { database: "nowhere" }, "", "does not exist"],
    ["too many connections", {}, "CONNECTION LIMIT 0", "too many connections"],
  ])("%s comes after the proof", async (_what, more, options, said) => {
    const { name, password } = await newRole({ options });
    const note = expect.stringContaining(said) as unknown;
    await expect(verify(specOf(name, more), password)).resolves.toEqual({ proof: "works", note });
  });
});

describe("the rights of the login", () => {
  const asLogin = async (login: { name: string; password: Secret }) =>
    harness.driver.connect(specOf("any"), loginOf(login.name, login.password));

  test("a login without the right is FORBIDDEN at the look, and refused by the server at a set", async () => {
    const { spec, name, password } = await newRole();
    const weak = await asLogin(await newRole());
    await expect(weak.look(spec)).rejects.toMatchObject({ code: "FORBIDDEN" });
    await expect(weak.look(specOf("unborn", { account: { create: true } }))).rejects.toMatchObject({
      code: "FORBIDDEN",
    });
    const refused = { result: "refused", reason: expect.stringContaining("42501") as unknown };
    await expect(weak.set(spec, newPassword())).resolves.toEqual(refused);
    await expect(weak.remove(spec, "drop")).rejects.toMatchObject({ code: "FORBIDDEN" });
    await expect(harness.canLogIn(name, password.reveal())).resolves.toBe(true);
    expect(weak.usable).toBe(true);
    await weak.close();
  });

  test("CREATEROLE is enough for roles that it made or has ADMIN OPTION on, never for a superuser", async () => {
    const creator = await newRole({ options: "CREATEROLE" });
    const creating = await asLogin(creator);
    const { name, spec } = await newRole();
    await expect(creating.look(spec)).rejects.toMatchObject({ code: "FORBIDDEN" });
    await harness.query(`GRANT ${name} TO ${creator.name} WITH ADMIN OPTION, INHERIT FALSE, SET FALSE`);
    await expect(creating.look(spec)).resolves.toMatchObject({ accountExists: true });
    await expect(creating.set(spec, newPassword())).resolves.toMatchObject({ result: "set" });

    const chief = await newRole({ options: "SUPERUSER" });
    await expect(creating.look(chief.spec)).rejects.toMatchObject({ code: "FORBIDDEN" });

    const made = specOf("made_by_creator", { account: { create: true } });
    await creating.look(made);
    const password = newPassword();
    await expect(creating.set(made, password)).resolves.toEqual({ result: "set", accountMade: true });
    await expect(creating.look(made)).resolves.toMatchObject({ accountExists: true });
    await expect(verify(made, password)).resolves.toEqual({ proof: "works" });
    await creating.remove(made, "disable");
    await creating.remove(made, "drop");
    await creating.close();
  });

  test("memberships are added where they are missing, by a login that may", async () => {
    await harness.query("CREATE ROLE orders_rw; CREATE ROLE orders_ro");
    const { name } = await newRole();
    await harness.query(`GRANT orders_ro TO ${name}`);
    const spec = specOf(name, { account: { memberOf: ["orders_rw", "orders_ro", "pg_monitor"] } });
    await session.look(spec);
    await session.set(spec, newPassword());
    await session.set(spec, newPassword());
    const groups = await harness.query(
      `SELECT r.rolname FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid WHERE m.member = '${name}'::regrole ORDER BY 1`,
    );
    expect(groups.map(({ rolname }) => rolname)).toEqual(["orders_ro", "orders_rw", "pg_monitor"]);

    const stranger = specOf(name, { account: { memberOf: ["nobodys_group"] } });
    await expect(session.look(stranger)).rejects.toMatchObject({ code: "TARGET_NOT_READY" });
    const creator = await newRole({ options: "CREATEROLE" });
    const creating = await asLogin(creator);
    const grown = specOf("grown", { account: { create: true, memberOf: ["orders_rw"] } });
    await expect(creating.look(grown)).rejects.toMatchObject({ code: "FORBIDDEN" });
    await expect(creating.set(grown, newPassword())).resolves.toMatchObject({ result: "refused" });
    await expect(harness.accountExists("grown")).resolves.toBe(false);
    await creating.close();
  });

  test("an account changes its own password, in a session that stays", async () => {
    const { name, password } = await newRole();
    const { host, port } = harness.server;
    const spec = harness.driver.parse({ host, port, initialRef: "coffre://prod/boot" }, name);
    const own = await harness.driver.connect(spec, { username: name, password, self: true });
    await expect(own.look(spec)).resolves.toMatchObject({ notes: [expect.stringContaining("its own password")] });
    const next = newPassword();
    await expect(own.set(spec, next)).resolves.toEqual({ result: "set", accountMade: false });
    await expect(verify(spec, next)).resolves.toEqual({ proof: "works" });
    await expect(own.set(spec, password)).resolves.toMatchObject({ result: "set" });
    await expect(verify(spec, next)).resolves.toMatchObject({ proof: "refused" });
    await own.close();
  });

  test("a login that may only read is TARGET_NOT_READY", async () => {
    const reader = await newRole({ options: "SUPERUSER" });
    await harness.query(`ALTER ROLE ${reader.name} SET default_transaction_read_only = on`);
    const reading = await asLogin(reader);
    const { spec } = await newRole();
    await expect(reading.look(spec)).rejects.toMatchObject({ code: "TARGET_NOT_READY" });
    await expect(reading.set(spec, newPassword())).resolves.toMatchObject({ result: "refused" });
    await reading.close();
  });
});

describe("a set", () => {
  test("sets by the verifier that was begun before, and by one of its own for another password", async () => {
    const { spec, password } = await newRole({});
    await session.look(spec);
    const prepared = new Secret("Prepared-for-this-set-4711");
    session.prepareSet?.(spec, prepared);
    await expect(session.set(spec, prepared)).resolves.toMatchObject({ result: "set" });
    await expect(harness.driver.verify(spec, prepared, spec.address)).resolves.toMatchObject({ proof: "works" });
    session.prepareSet?.(spec, prepared);
    await expect(session.set(spec, password)).resolves.toMatchObject({ result: "set" });
    await expect(harness.driver.verify(spec, password, spec.address)).resolves.toMatchObject({ proof: "works" });
  });

  test("sends a verifier with as many iterations as the server asks for", async () => {
    const { name, spec } = await newRole();
    await session.set(spec, newPassword());
    await expect(storedPassword(name)).resolves.toMatch(/^SCRAM-SHA-256\$4096:[\w+/=]{24}\$[\w+/=]{44}:[\w+/=]{44}$/);
    const strict = await newRole({ options: "SUPERUSER" });
    await harness.query(`ALTER ROLE ${strict.name} SET scram_iterations = 20000`);
    const stricter = await harness.driver.connect(spec, loginOf(strict.name, strict.password));
    const password = newPassword();
    await stricter.set(spec, password);
    await stricter.close();
    await expect(storedPassword(name)).resolves.toMatch(/^SCRAM-SHA-256\$20000:/);
    await expect(verify(spec, password)).resolves.toEqual({ proof: "works" });
  });

  test("keeps a superuser's verifier out of the log, also when the statement fails", async () => {
    const { name, spec } = await newRole();
    const logged = (await harness.log()).length;
    await session.set(spec, newPassword());
    await session.look(spec); // what it saw lets the next set send all at once
    const blocker = new Client(harness.server.connection());
    await blocker.connect();
    await blocker.query(`BEGIN; ALTER ROLE ${name} CONNECTION LIMIT 5`);
    const short = { ...spec, limits: { ...spec.limits, setMs: 600 } };
    const startedAt = performance.now();
    const result = await session.set(short, newPassword());
    expect(result).toMatchObject({ result: "refused", reason: expect.stringMatching(/55P03|57014/) as unknown });
    expect(performance.now() - startedAt).toBeLessThan(600);
    await blocker.query("ROLLBACK");
    await blocker.end();
    await expect(session.set(short, newPassword())).resolves.toMatchObject({ result: "set" });
    const log = (await harness.log()).slice(logged);
    expect(log).toContain("ERROR");
    expect(log.includes("SCRAM-SHA-256$")).toBe(false);
  });

  test("tells a refused value from other refusals", async () => {
    const { name, spec } = await newRole();
    const result = await session.set(spec, new Secret(name));
    expect(result).toMatchObject({
      result: "value-refused",
      reason: expect.stringContaining("must not equal") as unknown,
    });
    expect(session.usable).toBe(true);
  });

  test.each(['we"ird Röle', "Robert'); DROP ROLE x;--", "back\\slash", "UPPER", "-dash", "emoji 🎟"])(
    "quotes the role %s",
    async (name) => {
      const spec = specOf(name, { account: { create: true } });
      await session.look(spec);
      const password = newPassword();
      await expect(session.set(spec, password)).resolves.toEqual({ result: "set", accountMade: true });
      await expect(verify(spec, password)).resolves.toEqual({ proof: "works" });
      await expect(harness.canLogIn(name, password.reveal())).resolves.toBe(true);
      await session.remove(spec, "disable");
      await session.remove(spec, "drop");
      await expect(harness.accountExists(name)).resolves.toBe(false);
    },
  );

  test("sets passwords that other clients can use, whatever they are made of", async () => {
    const { name, spec } = await newRole();
    for (const text of [spec.acceptedCharacters, "  spaces  ", "pässwörd\u00a0Ⅸ", "🎟🎟🎟", "tab\tand\u0007bell-é"]) {
      await session.set(spec, new Secret(text));
      await expect(verify(spec, new Secret(text))).resolves.toEqual({ proof: "works" });
      if (!text.includes("\u0007")) await expect(harness.canLogIn(name, text)).resolves.toBe(true);
    }
  });

  test("a COMMIT that was never answered leaves it in doubt, whether it arrived or not", async () => {
    const proxy = await CuttingProxy.start(harness.server);
    for (const cut of ["before-commit", "after-commit"] as const) {
      const { name, spec, password: old } = await newRole();
      const through = await harness.driver.connect(specOf(name, { port: proxy.port }), harness.admin);
      proxy.cut = cut;
      const password = newPassword();
      const inDoubt = { result: "in-doubt", reason: expect.stringContaining("COMMIT") as unknown };
      await expect(through.set(spec, password)).resolves.toEqual(inDoubt);
      proxy.cut = "never";
      expect(through.usable).toBe(false);
      const [works, doesnt] = cut === "after-commit" ? [password, old] : [old, password];
      await until(() => harness.canLogIn(name, works.reveal()));
      await expect(harness.canLogIn(name, doesnt.reveal())).resolves.toBe(false);
      await expect(session.set(spec, password)).resolves.toEqual({ result: "set", accountMade: false });
      await expect(verify(spec, password)).resolves.toEqual({ proof: "works" });
    }
    await proxy.stop();
  });

  test("a creation whose reply was lost is known again as Coffre's", async () => {
    const proxy = await CuttingProxy.start(harness.server);
    const account = { account: { create: true } };
    const through = await harness.driver.connect(specOf("reborn", { ...account, port: proxy.port }), harness.admin);
    proxy.cut = "after-commit";
    await expect(through.set(specOf("reborn", account), newPassword())).resolves.toMatchObject({ result: "in-doubt" });
    await until(() => harness.accountExists("reborn"));
    const again = session.set(specOf("reborn", account), newPassword());
    await expect(again).resolves.toEqual({ result: "set", accountMade: true });
    await proxy.stop();
  });
});

describe("a deleted account", () => {
  test("that was disabled keeps what people wrote about it", async () => {
    const { name, spec } = await newRole();
    await harness.query(`COMMENT ON ROLE ${name} IS 'Belongs to the orders team'`);
    const comment = async () =>
      (await harness.query(`SELECT shobj_description('${name}'::regrole, 'pg_authid') AS text`))[0]?.["text"];
    await session.remove(spec, "disable");
    await expect(comment()).resolves.toBe("Belongs to the orders team [disabled by Coffre]");
    await expect(session.look(spec)).resolves.toMatchObject({ notes: [expect.stringContaining("disabled the role")] });
    await session.set(spec, newPassword());
    await expect(comment()).resolves.toBe("Belongs to the orders team");
  });

  test("that owns something isn't dropped, and nothing changes", async () => {
    const { name, spec, password } = await newRole();
    await harness.query(`CREATE TABLE belongings (); ALTER TABLE belongings OWNER TO ${name}`);
    await expect(session.remove(spec, "drop")).rejects.toMatchObject({
      code: "TARGET_NOT_READY",
      hint: expect.stringContaining("REASSIGN OWNED") as unknown,
    });
    await expect(harness.canLogIn(name, password.reveal())).resolves.toBe(true);
  });

  test("that is the admin itself isn't dropped", async () => {
    const me = await newRole({ options: "SUPERUSER" });
    const own = await harness.driver.connect(specOf("any"), loginOf(me.name, me.password));
    await expect(own.remove(me.spec, "drop")).rejects.toMatchObject({ code: "TARGET_NOT_READY" });
    await own.close();
  });
});

test("after all that, no password is in the server's log", async () => {
  const lines = (await harness.log()).split("\n");
  expect(lines.length).toBeGreaterThan(20);
  expect(lines.filter((line) => line.includes("CoffreMarker"))).toEqual([]);
});
