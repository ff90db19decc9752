import { describe, expect, test } from "@jest/globals";
import { CoffreError } from "../../provider/core/errors.js";
import { Secret } from "../../provider/core/secret.js";
import { mysqlDriver } from "../../provider/target/mysql/driver.js";
import { hostMatches, hostRank } from "../../provider/target/mysql/hosts.js";
import { quoteAccount, quoteText } from "../../provider/target/mysql/names.js";
import { nativeHash, nativeProof } from "../../provider/target/mysql/native-password.js";

const ADMIN = { adminRef: "coffre://prod/id/cr_0123456789abcdefghijkl" };
const parse = (description: Record<string, unknown>, username: string | undefined = "orders_app") =>
  mysqlDriver.parse({ host: "db.example.com", ...description }, username);

function refusal(description: Record<string, unknown>, username?: string): CoffreError {
  try {
    parse(description, username);
  } catch (error) {
    if (error instanceof CoffreError) return error;
    throw error;
  }
  throw new Error("It was accepted.");
}

describe("the description of a MariaDB target", () => {
  test("needs no more than a host", () => {
    expect(parse({})).toMatchObject({
      kind: "mysql",
      account: "mysql://orders_app@db.example.com:3306",
      username: "orders_app",
      verifyAddresses: [{ host: "db.example.com", port: 3306 }],
      admin: { by: "self" },
      repeatable: false,
      onDelete: "default",
    });
  });

  test("is read again from what the vault keeps of it", () => {
    const spec = parse({
      ...ADMIN,
      accountHost: "10.0.0.%",
      account: { create: true, memberOf: ["orders_rw"], defaultRole: "orders_rw" },
      verifyHosts: ["replica.example.com"],
      tls: { fingerprint256: "ab".repeat(32) },
      limits: { setMs: 2_000 },
    });
    const kept = JSON.parse(JSON.stringify(spec.description)) as Record<string, unknown>;
    expect(mysqlDriver.parse(kept, spec.username)).toEqual(spec);
  });

  test("two hosts of one user are two accounts, in whatever letters; users are told apart by theirs", () => {
    const account = (accountHost: string, username = "app") => parse({ accountHost }, username).account;
    expect(account("10.0.0.%")).toBe("mysql://app@db.example.com:3306?accountHost=10.0.0.%25");
    expect(account("%")).toBe("mysql://app@db.example.com:3306");
    expect(account("App.Example.com")).toBe(account("app.example.com"));
    expect(account("localhost")).not.toBe(account("127.0.0.1"));
    expect(account("%", "App")).not.toBe(account("%"));
    expect(account("%", "app@h")).not.toContain("app@h@");
  });

  test("accounts that change themselves share no session with another host's", () => {
    const key = (accountHost: string) => parse({ accountHost }).sessionKey;
    expect(key("localhost")).not.toBe(key("%"));
    expect(parse({ ...ADMIN, accountHost: "a" }).sessionKey).toBe(
      parse({ ...ADMIN, accountHost: "b" }, "x").sessionKey,
    );
  });

  test.each<[string, Record<string, unknown>, string, RegExp]>([
    ["a misspelled host of the account", { acountHost: "%" }, "acountHost", /did you mean "accountHost"/],
    ["a password", { password: "hunter2" }, "password", /no field "password"/],
    ["an account of no host", { accountHost: "" }, "accountHost", /every host/],
    ["a host with a quote", { accountHost: "a'b" }, "accountHost", /no host has/],
    [
      "a default role that isn't granted",
      { ...ADMIN, account: { defaultRole: "x" } },
      "account.defaultRole",
      /memberOf/,
    ],
    ["a role that is a keyword", { ...ADMIN, account: { memberOf: ["NONE"] } }, "account.memberOf.0", /keyword/],
    ["an account that creates itself", { account: { create: true } }, "account", /can't create itself/],
  ])("%s is refused", (_what, description, field, message) => {
    const error = refusal(description);
    expect(error).toMatchObject({ code: "INVALID_INPUT", details: { field } });
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain("hunter2");
  });

  test.each([
    [undefined, /is missing/],
    ["", /without a name/],
    ["a\nb", /control character/],
    ["🙂", /can't have/],
    [" app", /blank/],
    ["é".repeat(129), /129 characters/],
  ])("the username %j is refused", (username, message) => {
    const attempt = () => mysqlDriver.parse({ host: "db" }, username);
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(expect.objectContaining({ code: "INVALID_INPUT", details: { field: "username" } }));
  });
});

describe("names in statements", () => {
  test("have their quotes doubled, and texts have none", () => {
    expect(quoteAccount({ username: "o`x'\\", host: "%" })).toBe("`o``x'\\`@`%`");
    expect(quoteText("é'\\")).toBe("_utf8mb3 x'c3a9275c'");
  });
});

describe("mysql_native_password", () => {
  test("keeps what the manual's example of PASSWORD() shows", () => {
    expect(nativeHash(new Secret("mariadb"))).toBe("*54958E764CE10E50764C2EECBB71D01F08549980");
  });

  test("answers with as many bytes as the challenge has, and without a password with none", () => {
    const challenge = Buffer.alloc(20, 7);
    expect(nativeProof(new Secret("x"), challenge)).toHaveLength(20);
    expect(nativeProof(new Secret(""), challenge)).toHaveLength(0);
  });
});

describe("the host of an account", () => {
  test.each([
    ["%", "10.0.0.7", true],
    ["10.0.0.%", "10.0.0.7", true],
    ["10.0.0.%", "10.0.1.7", false],
    ["10.0.0._", "10.0.0.7", true],
    ["10.0.0._", "10.0.0.77", false],
    ["App.example.com", "app.EXAMPLE.com", true],
    ["10.0.0.0/255.255.255.0", "10.0.0.9", true],
    ["10.0.0.0/255.255.255.0", "10.0.1.9", false],
    ["10.0.0.0/255.0.255.0", "10.0.0.9", false],
    ["10.0.0.0/255.255.255.0", "::1", false],
    ["a.b", "axb", false],
  ])("%s stands for %s: %s", (pattern, host, expected) => {
    expect(hostMatches(pattern, host)).toBe(expected);
  });

  test("comes the earlier, the more it has before a wildcard", () => {
    const inTurn = ["localhost", "10.0.0.%", "10.%", "%"];
    expect(inTurn.toSorted((a, b) => hostRank(b) - hostRank(a))).toEqual(inTurn);
  });
});
