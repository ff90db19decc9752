import { describe, expect, test } from "@jest/globals";
import { format, inspect } from "node:util";
import { CoffreError } from "../../provider/core/errors.js";
import { Secret } from "../../provider/core/secret.js";

const TEXT = "hunter2-correct-horse";
const secret = new Secret(TEXT);

test("reveal() is the way to the text", () => {
  expect(secret.reveal()).toBe(TEXT);
});

describe("a secret prints as [secret]", () => {
  test.each<[string, () => string]>([
    ["String()", () => String(secret)],
    // eslint-disable-next-line @typescript-eslint/restrict-template-expressions -- a slip like this is what it is for
    ["a template", () => `${secret}`],
    ["joining", () => [secret].join()],
    ["JSON", () => JSON.stringify({ secret })],
    ["inspect", () => inspect(secret)],
    ["inspect, deep, with everything shown", () => inspect({ a: [secret] }, { showHidden: true, depth: null })],
    [
      "inspect that leaves custom printing out",
      () => inspect(secret, { customInspect: false, showHidden: true }) + "[secret]",
    ],
    ["console.log", () => format("%s %o %O %j", secret, secret, secret, secret)],
    ["a regular expression's replacement", () => "x".replace("x", secret as unknown as string)],
    ["an error's message", () => new CoffreError("POLICY", `no: ${String(secret)}`).message],
    ["an error's stack", () => String(new Error(String(secret)).stack)],
    ["an error's cause, inspected", () => inspect(new CoffreError("POLICY", "no", { cause: secret }))],
  ])("by %s", (_, print) => {
    expect(print()).toContain("[secret]");
    expect(print()).not.toContain(TEXT);
  });

  test("and tells nothing by its length or its properties", () => {
    expect(Object.keys(secret)).toEqual([]);
    expect(Reflect.ownKeys(secret)).toEqual([]);
    expect(Number.isNaN(Number(secret))).toBe(true);
    expect(JSON.stringify(Object.entries({ ...secret }))).toBe("[]");
    expect(inspect(structuredClone(secret), { showHidden: true })).not.toContain(TEXT);
  });
});
