import { describe, expect, test } from "@jest/globals";
import { CoffreError } from "../../provider/core/errors.js";
import { commandDriver } from "../../provider/target/command/driver.js";

const COMMAND = { argv: ["switch"] };
const WHOLE = {
  host: "Switch-1.Example.com",
  port: 23,
  look: COMMAND,
  set: COMMAND,
  verify: COMMAND,
  repeatable: true,
  adminRef: "coffre://prod/admin",
};

const parse = (change: Record<string, unknown> = {}, username: string | undefined = "operator") =>
  commandDriver.parse({ ...WHOLE, ...change }, username);

function problemOf(change: Record<string, unknown>, username?: string): { field: unknown; text: string } {
  try {
    parse(change, username);
  } catch (error) {
    if (!(error instanceof CoffreError)) throw error;
    expect(error.code).toBe("INVALID_INPUT");
    return { field: error.details["field"], text: error.message };
  }
  throw new Error("it was taken");
}

test("the account is the device's name, its port and the user; without a port it is 0", () => {
  expect(parse().account).toBe("command://operator@switch-1.example.com:23");
  expect(parse({ port: undefined }).account).toBe("command://operator@switch-1.example.com:0");
});

test("what is parsed is parsed to the same again, and holds no path and no value", () => {
  const spec = parse({ environment: ["DEVICE_NET"], parameters: { slot: "2" }, account: { create: true } });
  expect(commandDriver.parse(spec.description, "operator")).toEqual(spec);
});

test("an admin sets again where the target says that it may; an account that changes itself never does", () => {
  expect(parse().repeatable).toBe(true);
  expect(parse({ repeatable: false }).repeatable).toBe(false);
  expect(parse({ adminRef: undefined }).repeatable).toBe(false);
});

test("accounts behind one admin share a session, and those that change themselves don't", () => {
  const key = (change: Record<string, unknown>, username: string) => parse(change, username).sessionKey;
  expect(key({}, "one")).toBe(key({}, "two"));
  expect(key({ port: 24 }, "one")).not.toBe(key({}, "one"));
  expect(key({ adminRef: undefined }, "one")).not.toBe(key({ adminRef: undefined }, "two"));
});

describe("what can't be right is refused with its field:", () => {
  test.each([
    ["a path in place of a name", { set: { argv: ["/usr/bin/python3", "-c", "x"] } }, "set.argv", "COFFRE_COMMANDS"],
    ["a way out of the folder", { verify: { argv: ["../switch"] } }, "verify.argv", "COFFRE_COMMANDS"],
    ["no program", { look: { argv: [] } }, "look.argv", "must not be empty"],
    ["a line break in an argument", { set: { argv: ["switch", "a\nb"] } }, "set.argv.1", "control characters"],
    ["no set", { set: undefined }, "set", "is missing"],
    ["no word on repeating", { repeatable: undefined }, "repeatable", "is missing"],
    ["no look for a login that is handed over", { look: undefined }, "look", "login that is counted"],
    ["a variable of ours", { environment: ["COFFRE_KEY_FILE"] }, "environment.0", "keys and tokens"],
    [
      "one of Pulumi's, in other case",
      { environment: ["pulumi_config_passphrase"] },
      "environment.0",
      "keys and tokens",
    ],
    ["a variable with a value", { environment: ["A=b"] }, "environment.0", "name of an environment variable"],
    ["values for variables", { environment: { A: "b" } }, "environment", "must be a list"],
    ["a password", { password: "x" }, "password", "Passwords have no place in a target"],
    ["two admins", { admin: { username: "a", ownMeans: true } }, "admin", "beside adminRef"],
    [
      "an admin with two ways",
      { adminRef: undefined, admin: { username: "a", ownMeans: true, passwordEnv: "P" } },
      "admin",
      "one of them",
    ],
    ["a first password beside an admin", { initialRef: "coffre://prod/boot" }, "initialRef", "changes itself"],
    [
      "an account that creates itself",
      { adminRef: undefined, account: { create: true } },
      "account",
      "can't create itself",
    ],
    ["nothing that drops", { onDelete: "drop" }, "remove", "would run"],
    ["a doubt that nothing could end", { verify: "none", repeatable: false }, "verify", "must be a command"],
    ["characters that none draws", { acceptedCharacters: "abc " }, "acceptedCharacters", "printable ASCII"],
    ["a working folder", { cwd: "/tmp" }, "cwd", "no field"],
    ["a misspelled field", { repeatabel: true }, "repeatabel", 'did you mean "repeatable"'],
  ])("%s", (_, change, field, text) => {
    const problem = problemOf(change);
    expect(problem.field).toBe(field);
    expect(problem.text).toContain(text);
  });

  test.each([
    ["none", undefined, "is missing"],
    ["an empty one", "", "1 to 256"],
    ["a line break", "a\nb", "control characters"],
  ])("a username: %s", (_, username, text) => {
    expect(() => commandDriver.parse(WHOLE, username)).toThrow(text);
  });
});
