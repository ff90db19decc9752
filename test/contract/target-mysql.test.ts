import { setTimeout as delay } from "node:timers/promises";
import { createConnection } from "mysql2/promise";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { Secret } from "../../provider/core/secret.js";
import { quoteAccount } from "../../provider/target/mysql/names.js";
import type { TargetSession, TargetSpec } from "../../provider/target/port.js";
import { describeMariadb, startMariadb } from "../fixtures/mariadb-server.js";
import { MysqlHarness } from "./mysql-harness.js";
import { until } from "./target-contract.js";
import { CuttingProxy } from "./target-proxy.js";

const newPassword = () => new Secret(`CoffreMarker-${crypto.randomUUID()}`);
const containing = (text: string) => expect.stringContaining(text) as unknown;

describeMariadb("accounts of MariaDB", () => {
  let harness: MysqlHarness;
  let session: TargetSession;
  let number = 0;
  beforeAll(async () => {
    harness = new MysqlHarness(await startMariadb({ settings: { "plugin-load-add": "auth_ed25519" } }));
    session = await harness.driver.connect(harness.specOf("any"), harness.admin);
  }, 120_000);
  afterAll(async () => {
    await session.close();
    await harness.stop();
  });

  const specOf = (name: string, more?: Record<string, unknown>) => harness.specOf(name, more);
  const verify = (spec: TargetSpec, password: Secret) => harness.driver.verify(spec, password, spec.address);

  /** `'name'@'host'`, changed by `options` (`ACCOUNT LOCK`, …). */
  async function newAccount({ name = `user_${++number}`, host = "%", options = "" } = {}) {
    const password = newPassword();
    await harness.makeAccount(name, password.reveal(), host);
    const account = quoteAccount({ username: name, host });
    if (options !== "") await harness.query(`ALTER USER ${account} ${options}`);
    return { name, account, password, spec: specOf(name, { accountHost: host }) };
  }

  describe("a look stops before anything is drawn", () => {
    test.each<[string, string, { code: string; problem: unknown }]>([
      ["locked by a person", "ACCOUNT LOCK", { code: "TARGET_NOT_READY", problem: containing("is locked") }],
      [
        "that logs in by ed25519",
        "IDENTIFIED VIA ed25519 USING PASSWORD('x')",
        { code: "NOT_VERIFIABLE", problem: containing("by ed25519") },
      ],
      [
        "that another plugin lets in too",
        "IDENTIFIED VIA mysql_native_password USING 'invalid' OR ed25519 USING PASSWORD('x')",
        { code: "NOT_VERIFIABLE", problem: containing("mysql_native_password or ed25519") },
      ],
      [
        "that two passwords let in",
        "IDENTIFIED VIA mysql_native_password USING 'invalid' OR mysql_native_password USING PASSWORD('x')",
        { code: "NOT_VERIFIABLE", problem: containing("mysql_native_password or mysql_native_password") },
      ],
      [
        "that has no password at all",
        "IDENTIFIED VIA unix_socket",
        { code: "NOT_VERIFIABLE", problem: containing("by unix_socket") },
      ],
      ["that requires TLS", "REQUIRE SSL", { code: "NOT_VERIFIABLE", problem: containing("requires TLS") }],
      [
        "that requires a certificate",
        "REQUIRE X509",
        { code: "NOT_VERIFIABLE", problem: containing("certificate of its client") },
      ],
    ])("at an account %s", async (_what, options, stop) => {
      const { spec } = await newAccount({ options });
      await expect(session.look(spec)).rejects.toMatchObject(stop);
    });

    test("at an account that may not come from here", async () => {
      const { spec } = await newAccount({ host: "10.9.8.%" });
      const stop = { code: "NOT_VERIFIABLE", problem: containing("may not log in from here") };
      await expect(session.look(spec)).rejects.toMatchObject(stop);
      const unproven = specOf(spec.username, { accountHost: "10.9.8.%", verify: "none" });
      await expect(session.look(unproven)).resolves.toEqual({ accountExists: true, notes: [] });
    });

    test("at a server that is read-only, although the admin may write", async () => {
      const { spec } = await newAccount();
      await harness.query("SET GLOBAL read_only = 1");
      const stop = { code: "TARGET_NOT_READY", problem: containing("read-only") };
      await expect(session.look(spec))
        .rejects.toMatchObject(stop)
        .finally(() => harness.query("SET GLOBAL read_only = 0"));
    });

    test("where a validation plugin refuses hashes, and says what to do; a set there is refused and draws nothing", async () => {
      const { spec, password } = await newAccount();
      await harness.query("INSTALL SONAME 'simple_password_check'");
      try {
        await expect(session.look(spec)).rejects.toMatchObject({
          code: "TARGET_NOT_READY",
          hint: containing("SET GLOBAL strict_password_validation = OFF"),
        });
        await expect(session.set(spec, newPassword())).resolves.toMatchObject({
          result: "refused",
          reason: containing("1396"),
        });
        await expect(verify(spec, password)).resolves.toEqual({ proof: "works" });
        await harness.query("SET GLOBAL strict_password_validation = OFF");
        await expect(session.look(spec)).resolves.toMatchObject({ accountExists: true });
        await expect(session.set(spec, newPassword())).resolves.toMatchObject({ result: "set" });
      } finally {
        await harness.query("SET GLOBAL strict_password_validation = ON");
        await harness.query("UNINSTALL SONAME 'simple_password_check'");
      }
    });

    test("at an account that another one, or an anonymous one, stands before", async () => {
      const { name, spec, password } = await newAccount();
      const before = await newAccount({ name, host: "127.0.0.%" });
      const taken = { code: "NOT_VERIFIABLE", problem: containing(`'${name}'@'127.0.0.%'`) };
      await expect(session.look(spec)).rejects.toMatchObject(taken);
      await expect(session.look(before.spec)).resolves.toMatchObject({ accountExists: true });
      await expect(verify(spec, before.password)).resolves.toMatchObject({
        proof: "not-verifiable",
        reason: containing(`took the login for ${name}@127.0.0.%, not for ${name}@%`),
      });
      await expect(verify(spec, password)).resolves.toMatchObject({ proof: "refused" });
      await harness.query(`DROP USER ${before.account}`);
      await harness.query("CREATE USER ''@'127.0.0.1' IDENTIFIED BY 'x'");
      try {
        const anonymous = { code: "NOT_VERIFIABLE", hint: containing("Drop the anonymous account") };
        await expect(session.look(spec)).rejects.toMatchObject(anonymous);
      } finally {
        await harness.query("DROP USER ''@'127.0.0.1'");
      }
      await expect(session.look(spec)).resolves.toEqual({ accountExists: true, notes: [] });
    });

    test("at a server that lets everybody in", async () => {
      const open = await startMariadb({ settings: { "skip-grant-tables": "1", "init-file": "/dev/null" } });
      const other = new MysqlHarness(open);
      const opened = await other.driver.connect(other.specOf("any"), other.admin);
      const stop = { code: "TARGET_NOT_READY", problem: containing("skip-grant-tables") };
      await expect(opened.look(other.specOf("any"))).rejects.toMatchObject(stop);
      const proof = await other.driver.verify(other.specOf("any"), newPassword(), other.specOf("any").address);
      expect(proof.proof).toBe("not-verifiable");
      await opened.close();
      await other.stop();
    });
  });

  describe("an admin with the rights that the docs name, and no others", () => {
    let admin: TargetSession;
    const password = newPassword();
    beforeAll(async () => {
      await harness.makeAccount("keeper", password.reveal());
      await harness.query("GRANT CREATE USER ON *.* TO keeper");
      await harness.query("GRANT SELECT ON mysql.global_priv TO keeper");
      await harness.query("GRANT SELECT ON mysql.roles_mapping TO keeper");
      await harness.query("CREATE ROLE reader");
      await harness.query("CREATE ROLE writer");
      await harness.query("GRANT reader TO keeper WITH ADMIN OPTION");
      admin = await harness.driver.connect(specOf("any"), harness.login("keeper", password.reveal()));
    });
    afterAll(() => admin.close());

    test("creates an account with its roles, changes it and drops it", async () => {
      const spec = specOf("made", { account: { create: true, memberOf: ["reader"] } });
      await expect(admin.look(spec)).resolves.toEqual({ accountExists: false, notes: [] });
      await expect(admin.set(spec, newPassword())).resolves.toEqual({ result: "set", accountMade: true });
      const next = newPassword();
      await expect(admin.set(spec, next)).resolves.toEqual({ result: "set", accountMade: true });
      await expect(verify(spec, next)).resolves.toEqual({ proof: "works" });
      const roles = await harness.query("SELECT Role FROM mysql.roles_mapping WHERE User = 'made'");
      expect(roles).toEqual([{ Role: "reader" }]);
      await admin.remove(spec, "drop");
      await expect(harness.accountExists("made")).resolves.toBe(false);
    });

    test.each<[string, Record<string, unknown>, string, string]>([
      [
        "grant a role that it only sees",
        { memberOf: ["writer"] },
        "FORBIDDEN",
        "GRANT `writer` TO `keeper`@`%` WITH ADMIN OPTION",
      ],
      [
        "choose a default role",
        { memberOf: ["reader"], defaultRole: "reader" },
        "FORBIDDEN",
        "GRANT UPDATE ON mysql.*",
      ],
      ["grant a role that doesn't exist", { memberOf: ["nobody"] }, "TARGET_NOT_READY", "take it out of memberOf"],
    ])("may not %s", async (_what, account, code, hint) => {
      const { name } = await newAccount();
      await expect(admin.look(specOf(name, { account }))).rejects.toMatchObject({ code, hint: containing(hint) });
    });

    test("lacks a right: named by the look, and a definite refusal of the set", async () => {
      const { spec, password: old } = await newAccount();
      const { name, password: own } = await newAccount();
      const powerless = await harness.driver.connect(spec, harness.login(name, own.reveal()));
      const missing = { code: "FORBIDDEN", hint: containing("SELECT ON mysql.global_priv") };
      await expect(powerless.look(spec)).rejects.toMatchObject(missing);
      await expect(powerless.set(spec, newPassword())).resolves.toMatchObject({ result: "refused" });
      await harness.query(`GRANT SELECT ON mysql.global_priv TO ${name}`);
      await harness.query(`GRANT SELECT ON mysql.roles_mapping TO ${name}`);
      const reader = await harness.driver.connect(spec, harness.login(name, own.reveal()));
      await expect(reader.look(spec)).rejects.toMatchObject({
        code: "FORBIDDEN",
        hint: containing("GRANT CREATE USER ON *.*"),
      });
      await expect(reader.set(spec, newPassword())).resolves.toMatchObject({
        result: "refused",
        reason: containing("1227"),
      });
      await expect(verify(spec, old)).resolves.toEqual({ proof: "works" });
      await Promise.all([powerless.close(), reader.close()]);
    });

    test("may come by its rights through a role", async () => {
      const { spec } = await newAccount();
      const { name, password: own } = await newAccount();
      await harness.query("CREATE ROLE keepers");
      await harness.query("GRANT CREATE USER ON *.* TO keepers");
      await harness.query("GRANT SELECT ON mysql.* TO keepers");
      await harness.query(`GRANT keepers TO ${name}`);
      await harness.query(`SET DEFAULT ROLE keepers FOR ${name}`);
      const byRole = await harness.driver.connect(spec, harness.login(name, own.reveal()));
      await expect(byRole.look(spec)).resolves.toMatchObject({ accountExists: true });
      await expect(byRole.set(spec, newPassword())).resolves.toEqual({ result: "set", accountMade: false });
      await byRole.close();
    });
  });

  describe("a set", () => {
    test("takes names with quotes, backticks and backslashes as they are", async () => {
      const { spec } = await newAccount({ name: 'o\'Brien "x" `y` \\ é', host: "127.0.0.%" });
      const password = newPassword();
      await expect(session.look(spec)).resolves.toEqual({ accountExists: true, notes: [] });
      await expect(session.set(spec, password)).resolves.toEqual({ result: "set", accountMade: false });
      await expect(verify(spec, password)).resolves.toEqual({ proof: "works" });
      await session.remove(spec, "drop");
      await expect(harness.accountExists(spec.username)).resolves.toBe(false);
    });

    test("leaves the way in by the socket, the lock of a person, limits and TLS as they were", async () => {
      const options =
        "IDENTIFIED VIA unix_socket AS 'o''x' OR mysql_native_password USING 'invalid' WITH MAX_USER_CONNECTIONS 7 ACCOUNT LOCK";
      const { account, spec } = await newAccount({ options });
      await expect(session.set(spec, newPassword())).resolves.toMatchObject({ result: "set" });
      const [row] = await harness.query(`SHOW CREATE USER ${account}`);
      const text = Object.values(row ?? {}).join("");
      expect(text).toMatch(
        /VIA unix_socket USING 'o'+x' OR mysql_native_password USING '\*[0-9A-F]{40}' WITH MAX_USER_CONNECTIONS 7 ACCOUNT LOCK/,
      );
    });

    test("takes an expiry back, which the look has noted", async () => {
      const { spec, password } = await newAccount({ options: "PASSWORD EXPIRE" });
      await expect(verify(spec, password)).resolves.toMatchObject({ proof: "works", note: containing("1820") });
      await expect(session.look(spec)).resolves.toMatchObject({ notes: [containing("marked as expired")] });
      const next = newPassword();
      await session.set(spec, next);
      await expect(verify(spec, next)).resolves.toEqual({ proof: "works" });
    });

    test("chooses a default role where one is declared", async () => {
      const { name } = await newAccount();
      await harness.query("CREATE ROLE tellers");
      const spec = specOf(name, { account: { memberOf: ["tellers"], defaultRole: "tellers" } });
      await session.look(spec);
      const password = newPassword();
      await expect(session.set(spec, password)).resolves.toMatchObject({ result: "set" });
      const { host, port } = harness.server;
      const connection = await createConnection({ host, port, user: name, password: password.reveal() });
      const [rows] = await connection.query("SELECT CURRENT_ROLE() AS role");
      expect(rows).toEqual([{ role: "tellers" }]);
      await connection.end();
    });

    test("gives up waiting for a lock before its call does, and nothing changes later", async () => {
      const { name, password } = await newAccount();
      const spec = specOf(name, { limits: { setMs: 1_000 } });
      const { host, port, user, password: root } = harness.server;
      const locker = await createConnection({ host, port, user, password: root });
      await locker.query("FLUSH TABLES WITH READ LOCK");
      const startedAt = performance.now();
      await expect(session.set(spec, newPassword())).resolves.toMatchObject({
        result: expect.stringMatching(/refused|in-doubt/) as unknown,
      });
      expect(performance.now() - startedAt).toBeLessThan(900);
      expect(session.usable).toBe(true);
      await locker.end();
      await delay(200);
      await expect(verify(spec, password)).resolves.toEqual({ proof: "works" });
    });

    test("never leaves an account open: an empty password is refused", async () => {
      const { spec, password } = await newAccount();
      await expect(session.set(spec, new Secret(""))).resolves.toMatchObject({ result: "refused" });
      await expect(verify(spec, password)).resolves.toEqual({ proof: "works" });
    });

    test("that was never answered is in doubt, whether it arrived or not, and is repeated", async () => {
      const proxy = await CuttingProxy.start(harness.server, "ALTER USER");
      for (const cut of ["before-commit", "after-commit"] as const) {
        const { name, spec, password: old } = await newAccount();
        const through = await harness.driver.connect(specOf(name, { port: proxy.port }), harness.admin);
        proxy.cut = cut;
        const password = newPassword();
        await expect(through.set(spec, password)).resolves.toMatchObject({ result: "in-doubt" });
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

    test("of an account whose creation wasn't answered knows it again as Coffre's", async () => {
      const proxy = await CuttingProxy.start(harness.server, "CREATE USER");
      const account = { account: { create: true } };
      const through = await harness.driver.connect(specOf("reborn", { ...account, port: proxy.port }), harness.admin);
      proxy.cut = "after-commit";
      await expect(through.set(specOf("reborn", account), newPassword())).resolves.toMatchObject({
        result: "in-doubt",
      });
      await until(() => harness.accountExists("reborn"));
      const again = session.set(specOf("reborn", account), newPassword());
      await expect(again).resolves.toEqual({ result: "set", accountMade: true });
      await proxy.stop();
    });
  });

  describe("a proof", () => {
    test.each([
      ["locked", "ACCOUNT LOCK", "4151"],
      ["expired", "PASSWORD EXPIRE", "1820"],
    ])(
      "is made by an account that is %s: the server says so only to who knows the password",
      async (_what, options, code) => {
        const { spec, password } = await newAccount({ options });
        await expect(verify(spec, password)).resolves.toEqual({ proof: "works", note: containing(code) });
        await expect(verify(spec, newPassword())).resolves.toMatchObject({ proof: "refused" });
      },
    );

    test.each([
      ["its own connections", "MAX_USER_CONNECTIONS 1", "1226"],
      ["its logins in an hour", "MAX_CONNECTIONS_PER_HOUR 1", "1226"],
    ])("is made by an account that has used up %s", async (_what, limit, code) => {
      const { name, spec, password } = await newAccount({ options: `WITH ${limit}` });
      const { host, port } = harness.server;
      const held = await createConnection({ host, port, user: name, password: password.reveal() });
      await expect(verify(spec, password)).resolves.toEqual({ proof: "works", note: containing(code) });
      await expect(verify(spec, newPassword())).resolves.toMatchObject({ proof: "refused" });
      await held.end();
    });

    test("isn't made where the account is blocked for its wrong passwords", async () => {
      const { name, spec, password } = await newAccount();
      await harness.query("SET GLOBAL max_password_errors = 1");
      try {
        await harness.canLogIn(name, "wrong");
        await expect(verify(spec, password)).resolves.toMatchObject({
          proof: "not-verifiable",
          reason: containing("max_password_errors"),
        });
      } finally {
        await harness.query("SET GLOBAL max_password_errors = DEFAULT");
        await harness.query("FLUSH PRIVILEGES");
      }
      await expect(verify(spec, password)).resolves.toEqual({ proof: "works" });
    });

    test("waits for a server that is gone between set and proof", async () => {
      const server = await startMariadb();
      const other = new MysqlHarness(server);
      const password = newPassword();
      const spec = other.specOf("app", { account: { create: true }, limits: { verifyMs: 500 } });
      const opened = await other.driver.connect(spec, other.admin);
      await opened.set(spec, password);
      await server.stop();
      await expect(other.driver.verify(spec, password, spec.address)).resolves.toMatchObject({ proof: "unreachable" });
      await until(() => !opened.usable);
      await server.start();
      await expect(other.driver.verify(spec, password, spec.address)).resolves.toEqual({ proof: "works" });
      await server.pause();
      await expect(other.driver.verify(spec, password, spec.address)).resolves.toMatchObject({ proof: "unreachable" });
      await server.resume();
      await opened.close();
      await other.stop();
    });
  });

  describe("an account that changes itself", () => {
    const own = (name: string, more: Record<string, unknown> = {}) => {
      const { host, port } = harness.server;
      return harness.driver.parse({ host, port, ...more }, name);
    };

    test("needs no right, and sends a hash", async () => {
      const { name, password } = await newAccount();
      const spec = own(name);
      const opened = await harness.driver.connect(spec, harness.login(name, password.reveal(), true));
      await expect(opened.look(spec)).resolves.toMatchObject({
        accountExists: true,
        notes: [containing("by an admin")],
      });
      const next = newPassword();
      await expect(opened.set(spec, next)).resolves.toEqual({ result: "set", accountMade: false });
      await expect(verify(spec, next)).resolves.toEqual({ proof: "works" });
      await expect(verify(spec, password)).resolves.toMatchObject({ proof: "refused" });
      await opened.close();
    });

    test("is told when the server takes it for another account, or it has expired", async () => {
      const { name, password } = await newAccount();
      const spec = own(name, { accountHost: "127.0.0.1" });
      const opened = await harness.driver.connect(spec, harness.login(name, password.reveal(), true));
      const taken = { code: "TARGET_NOT_READY", problem: containing(`took the login for ${name}@%`) };
      await expect(opened.look(spec)).rejects.toMatchObject(taken);
      await opened.close();
      await harness.query(`ALTER USER ${name} PASSWORD EXPIRE`);
      const expired = await harness.driver.connect(own(name), harness.login(name, password.reveal(), true));
      const mustChange = { code: "TARGET_NOT_READY", problem: containing("1820") };
      await expect(expired.look(own(name))).rejects.toMatchObject(mustChange);
      await expired.close();
    });
  });

  describe("a deleted account", () => {
    test("that Coffre disabled opens again by a set; one that a person locked is left alone", async () => {
      const { name, spec, password } = await newAccount();
      await session.remove(spec, "disable");
      await expect(verify(spec, password)).resolves.toMatchObject({ proof: "refused" });
      await expect(session.look(spec)).resolves.toMatchObject({ notes: [containing("Coffre disabled the account")] });
      const next = newPassword();
      await session.set(spec, next);
      await expect(verify(spec, next)).resolves.toEqual({ proof: "works" });
      await harness.query(`ALTER USER ${name} ACCOUNT LOCK`);
      await session.remove(spec, "disable");
      await expect(session.look(spec)).rejects.toMatchObject({
        code: "TARGET_NOT_READY",
        problem: containing("is locked"),
      });
    });

    test("is still known as Coffre's after it was disabled", async () => {
      const spec = specOf("ours", { account: { create: true } });
      await session.set(spec, newPassword());
      await session.remove(spec, "disable");
      await expect(session.set(spec, newPassword())).resolves.toEqual({ result: "set", accountMade: true });
    });
  });

  afterEach(() => {
    expect(session.usable).toBe(true);
  });
});
