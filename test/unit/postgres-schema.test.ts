import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { CoffreError } from "../../provider/core/errors.js";
import { postgresDriver } from "../../provider/target/postgres/driver.js";
import { createAuthority } from "../fixtures/postgres-server.js";

const ADMIN = { adminRef: "coffre://prod/id/cr_0123456789abcdefghijkl" };
const parse = (description: Record<string, unknown>, username: string | undefined = "orders_app") =>
  postgresDriver.parse({ host: "db.example.com", ...description }, username);

function refusal(description: Record<string, unknown>, username?: string): CoffreError {
  try {
    parse(description, username);
  } catch (error) {
    if (error instanceof CoffreError) return error;
    throw error;
  }
  throw new Error("It was accepted.");
}

describe("the description of a PostgreSQL target", () => {
  test("needs no more than a host", () => {
    expect(parse({})).toMatchObject({
      kind: "postgres",
      account: "postgres://orders_app@db.example.com:5432",
      username: "orders_app",
      address: { host: "db.example.com", port: 5432 },
      verifyAddresses: [{ host: "db.example.com", port: 5432 }],
      admin: { by: "self" },
      waitForSeconds: 0,
      repeatable: false,
      onDelete: "default",
      limits: { connectMs: 10_000, setMs: 10_000, verifyMs: 10_000 },
    });
  });

  test("with overlap names two logins that take turns, and claims them with the role", () => {
    const spec = parse({ ...ADMIN, overlap: "alternating", drainSeconds: 60 });
    expect(spec).toMatchObject({
      account: "postgres://orders_app@db.example.com:5432",
      username: "orders_app",
      overlap: {
        logins: [
          { username: "orders_app_a", account: "postgres://orders_app_a@db.example.com:5432" },
          { username: "orders_app_b", account: "postgres://orders_app_b@db.example.com:5432" },
        ],
        drainSeconds: 60,
      },
    });
    expect(postgresDriver.parse(spec.description, spec.username)).toEqual(spec);
    expect(parse({ ...ADMIN, overlap: "alternating" }).overlap?.drainSeconds).toBe(3_600);
  });

  test.each([
    [{ overlap: "alternating" }, "overlap"],
    [{ ...ADMIN, overlap: true }, "overlap"],
    [{ ...ADMIN, drainSeconds: 60 }, "drainSeconds"],
    [{ ...ADMIN, overlap: "alternating", drainSeconds: 0 }, "drainSeconds"],
    [{ ...ADMIN, overlap: "alternating", drainSeconds: 31 * 86_400 }, "drainSeconds"],
  ])("is refused where logins can't take turns: %j", (description, field) => {
    expect(refusal(description)).toMatchObject({ code: "INVALID_INPUT", details: { field } });
  });

  test("has room for the names of the logins", () => {
    const overlapping = { ...ADMIN, overlap: "alternating" };
    expect(parse(overlapping, "r".repeat(61)).overlap?.logins).toHaveLength(2);
    expect(refusal(overlapping, "r".repeat(62)).message).toContain("2 more in the names of its logins");
  });

  test("is read again from what the vault keeps of it", () => {
    const spec = parse({
      ...ADMIN,
      port: 6432,
      account: { create: true, memberOf: ["orders_rw"] },
      verifyHosts: ["replica.example.com", "[2001:DB8::1]:5433"],
      tls: { serverName: "db" },
      waitFor: { timeoutSeconds: 60 },
      identity: "i-1",
      onDelete: "drop",
      limits: { setMs: 2_000 },
    });
    const kept = JSON.parse(JSON.stringify(spec.description)) as Record<string, unknown>;
    expect(postgresDriver.parse(kept, spec.username)).toEqual(spec);
  });

  test.each([
    [ADMIN, { by: "reference", ref: ADMIN.adminRef }, true],
    [
      { admin: { username: "dba", passwordEnv: "DBA" } },
      { by: "connection", username: "dba", passwordEnv: "DBA" },
      true,
    ],
    [{ initialRef: "coffre://prod/boot" }, { by: "self", initialRef: "coffre://prod/boot" }, false],
  ])("%j says who logs in, and whether a set can be repeated", (description, admin, repeatable) => {
    expect(parse(description)).toMatchObject({ admin, repeatable });
  });

  test("proves at the server and at each further address, once", () => {
    const spec = parse({ host: "127.0.0.1", verifyHosts: ["localhost:5432", "replica:5433", "Replica:5433", "other"] });
    expect(spec.verifyAddresses).toEqual([
      { host: "127.0.0.1", port: 5432 },
      { host: "replica", port: 5433 },
      { host: "other", port: 5432 },
    ]);
    expect(parse({ verify: "none", verifyHosts: ["other"] }).verifyAddresses).toEqual([]);
  });

  test("accounts of one server and admin share a session, others don't", () => {
    const key = (description: Record<string, unknown>, username?: string) => parse(description, username).sessionKey;
    expect(key({ ...ADMIN, account: { create: true } }, "one")).toBe(key({ ...ADMIN, host: "DB.example.com" }, "two"));
    expect(key({ ...ADMIN, tls: { serverName: "db" } })).not.toBe(key(ADMIN));
    expect(key({ ...ADMIN, database: "orders" })).not.toBe(key(ADMIN));
    expect(key({}, "one")).not.toBe(key({}, "two"));
  });
});

describe("the account of a PostgreSQL target", () => {
  test.each([
    ["DB.Example.COM.", "app", "postgres://app@db.example.com:5432"],
    ["localhost", "app", "postgres://app@localhost:5432"],
    ["127.0.0.1", "app", "postgres://app@localhost:5432"],
    ["::1", "app", "postgres://app@localhost:5432"],
    ["127.0.0.2", "app", "postgres://app@127.0.0.2:5432"],
    ["2001:0DB8::0001", "app", "postgres://app@[2001:db8::1]:5432"],
    ["bücher.example", "app", "postgres://app@xn--bcher-kva.example:5432"],
    ["db", "App/é @1", "postgres://App%2F%C3%A9%20%401@db:5432"],
  ])("%s and %s are %s", (host, username, account) => {
    expect(parse({ host }, username).account).toBe(account);
  });

  test("is the same however often the host is normalised", () => {
    fc.assert(
      fc.property(fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6()), (host) => {
        const spec = parse({ host });
        expect(parse(spec.description).account).toBe(spec.account);
        expect(parse({ host: host.toUpperCase() }).account).toBe(spec.account);
      }),
    );
  });
});

describe("a description that can't be right is refused", () => {
  test.each<[string, Record<string, unknown>, string, RegExp]>([
    ["an unknown field", { hots: "db" }, "hots", /no field "hots" \(did you mean "host"\?\)/],
    [
      "an unknown field further in",
      { account: { memberof: [] }, ...ADMIN },
      "account.memberof",
      /did you mean "account.memberOf"/,
    ],
    ["a password", { password: "hunter2" }, "password", /Passwords have no place in a target/],
    ["a URL for a host", { host: "postgres://db" }, "host", /must be a host name or an IP address/],
    ["a socket for a host", { host: "/var/run/postgresql" }, "host", /must be a host name/],
    ["a host with a port", { host: "db:5432" }, "host", /must be a host name/],
    ["no host", { host: undefined }, "host", /"host" is missing/],
    ["a port out of range", { port: 70_000 }, "port", /"port"/],
    ["two admins", { ...ADMIN, admin: { username: "dba", passwordEnv: "X" } }, "admin", /stands beside adminRef/],
    ["an admin without a password", { admin: { username: "dba" } }, "admin", /needs passwordEnv or passwordFile/],
    ["an admin with two", { admin: { username: "dba", passwordEnv: "X", passwordFile: "y" } }, "admin", /one of them/],
    ["an initial password beside an admin", { ...ADMIN, initialRef: "coffre://v/x" }, "initialRef", /changes itself/],
    ["an account that creates itself", { account: { create: true } }, "account", /can't create itself/],
    ["an admin that isn't a reference", { adminRef: "dba" }, "adminRef", /coffre:\/\//],
    ["a replica that is no address", { verifyHosts: ["ok", "a b"] }, "verifyHosts.1", /"host:port"/],
    ["a group without a name", { ...ADMIN, account: { memberOf: [""] } }, "account.memberOf.0", /is empty/],
    ["a certificate that is none", { tls: { ca: "secret?" } }, "tls.ca", /PEM/],
    ["two authorities", { tls: { ca: createAuthority().certificate, caFile: "x" } }, "tls", /give one of them/],
    [
      "a fingerprint of something shorter",
      { tls: { fingerprint256: "AB:CD" } },
      "tls.fingerprint256",
      /64 hexadecimal/,
    ],
    [
      "a fingerprint beside a name",
      { tls: { fingerprint256: "0".repeat(64), serverName: "x" } },
      "tls",
      /by which alone a certificate is known/,
    ],
    ["TLS settings without TLS", { tls: { allowPlainTcp: true, serverName: "x" } }, "tls", /does without TLS/],
    ["an endless wait", { waitFor: { timeoutSeconds: 1e9 } }, "waitFor.timeoutSeconds", /waitFor/],
    ["a limit of no time", { limits: { setMs: 0 } }, "limits.setMs", /limits.setMs/],
    ["another verify", { verify: "login" }, "verify", /"none"/],
  ])("%s", (_what, description, field, message) => {
    const error = refusal(description);
    expect(error).toMatchObject({ code: "INVALID_INPUT", details: { field } });
    expect(error.message).toMatch(message);
    expect(error.message).not.toMatch(/hunter2|secret\?/);
  });

  test.each([
    [undefined, /is missing/],
    ["", /is empty/],
    ["a\nb", /control character/],
    ["é".repeat(32), /64 bytes/],
    ["public", /keyword/],
    ["pg_app", /keeps names that begin with pg_/],
  ])("the username %j", (username, message) => {
    const attempt = () => postgresDriver.parse({ host: "db" }, username);
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(expect.objectContaining({ code: "INVALID_INPUT", details: { field: "username" } }));
  });

  test("a misspelled field is said before the right one that it leaves missing", () => {
    const attempt = () => postgresDriver.parse({ hots: "db" }, "app");
    expect(attempt).toThrow(/no field "hots" \(did you mean "host"\?\); "host" is missing/);
  });

  test("all that is wrong is said at once", () => {
    expect(refusal({ port: 0, verify: "x", onDelete: "y" }).message).toMatch(/"port".*"verify".*"onDelete"/);
  });
});
