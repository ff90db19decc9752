import { expect, test } from "@jest/globals";
import * as z from "zod";
import { issueText } from "../../provider/core/issue-text.js";
import { parseInputs, schemaFailures } from "../../provider/resources/parse.js";
import { CategoryInputs } from "../../provider/resources/category/schema.js";
import { CredentialInputs } from "../../provider/resources/credential/schema.js";

function windowOf(more: object): object {
  return { rotation: { everyDays: 9, window: { between: ["22:00", "04:00"], timeZone: "Europe/Paris", ...more } } };
}

const SECRET = "hunter2, a value that no message repeats";

test.each([
  [{ username: 5 }, "username: must be text, not a number"],
  [{ username: "" }, "username: must not be empty"],
  [{ username: [SECRET] }, "username: must be text, not a list"],
  [{ tags: "mail" }, "tags: must be a list, not text"],
  [{ tags: ["mail", { a: SECRET }] }, "tags.1: must be text, not an object"],
  [{ rotation: { everyDays: 0 } }, "rotation.everyDays: must be 1 or more"],
  [{ rotation: { everyDays: 4000 } }, "rotation.everyDays: must be 3650 or less"],
  [{ rotation: { everyDays: 1.5 } }, "rotation.everyDays: must be a whole number, not a fraction"],
  [{ rotation: { everyDays: Number.NaN } }, "rotation.everyDays: must be a number, not NaN"],
  [{ rotation: { everyDays: Infinity } }, "rotation.everyDays: must be a number, not Infinity"],
  [{ rotation: { everyDays: SECRET } }, "rotation.everyDays: must be a number, not text"],
  [{ rotation: { everyDays: 9, when: "never" } }, 'rotation.when: must be "scheduled" or "up"'],
  [
    { rotation: { everyDays: 9, window: { timeZone: "UTC" } } },
    "rotation.window.between: is missing: it must be a list",
  ],
  [windowOf({ between: ["22:00"] }), "rotation.window.between: must have 2 items or more"],
  [windowOf({ between: ["22:00", "24:00"] }), 'rotation.window.between.1: must be a time of day, "00:00" to "23:59"'],
  [
    windowOf({ between: ["22:00", "22:00"] }),
    "rotation.window.between: must be two different times: a window that ends as it begins never opens",
  ],
  [
    windowOf({ timeZone: "Europe/Pari" }),
    'rotation.window.timeZone: must be an IANA time zone, for example "Europe/Paris"',
  ],
  [windowOf({ days: [] }), "rotation.window.days: must name a day; left out, it means every day"],
  [
    windowOf({ days: ["saturday"] }),
    'rotation.window.days.0: must be "mon" or "tue" or "wed" or "thu" or "fri" or "sat" or "sun"',
  ],
  [{ rotation: {} }, "rotation.everyDays: is missing: it must be a number"],
  [{ targets: [{}] }, "targets.0.kind: is missing: it must be text"],
  [{ passwrod: SECRET }, 'has no field "passwrod"; look for a typing error'],
  [{ adopt: false }, "adopt: must be true, or the id of an entry"],
])("%j is refused in words of our own", (more, reason) => {
  const inputs = { name: "orders", ownerKey: "k", ...more };
  expect(schemaFailures(CredentialInputs, inputs)).toEqual([{ property: "", reason }]);
  expect(() => parseInputs(CredentialInputs, inputs)).toThrow(reason);
  expect(reason).not.toContain("hunter2");
});

test.each([
  [{ minLength: "20" }, "passwordPolicy.minLength: must be a number, not text"],
  [{ require: ["upper", "letters"] }, 'passwordPolicy.require.1: must be "lower" or "upper" or "digit" or "symbol"'],
  [{ forbidden: "x".repeat(1001) }, "passwordPolicy.forbidden: must have 1000 characters or fewer"],
])("a policy with %j is refused in words of our own", (passwordPolicy, reason) => {
  const [failure, ...others] = schemaFailures(CategoryInputs, { name: "a", ownerKey: "k", passwordPolicy });
  expect(others).toEqual([]);
  expect(failure?.reason.replace(/"(lower|upper|digit|symbol)"( or )?/g, "")).toBe(
    reason.replace(/"(lower|upper|digit|symbol)"( or )?/g, ""),
  );
});

test("a field that may have one of several forms, and isn't there, is missing", () => {
  const schema = z.strictObject({ verify: z.union([z.strictObject({ argv: z.string() }), z.literal("none")]) });
  const messageOf = (input: object) => schema.safeParse(input, { error: issueText }).error?.issues[0]?.message;
  expect([messageOf({}), messageOf({ verify: 1 })]).toEqual(["is missing", "has none of the forms that it may have"]);
});

test.each([
  [z.union([z.object({ a: z.string() }), z.object({ b: z.string() })]), { c: 1 }],
  [z.record(z.enum(["a"]), z.string()), { b: "x" }],
  [z.iso.datetime(), SECRET],
  [z.array(z.string()).min(2), []],
  [z.array(z.string()).max(1), ["a", "b"]],
  [z.boolean(), SECRET],
  [z.string(), null],
])("no library's words are in a message (%#)", (schema, input) => {
  const issues = schema.safeParse(input, { error: issueText }).error?.issues ?? [];
  expect(issues.length).toBeGreaterThan(0);
  for (const { message } of issues) {
    expect(message).toMatch(/^(is|isn't|must|has) /);
    expect(message).not.toMatch(/Invalid|received|hunter2/);
  }
});
