import { expect, test } from "@jest/globals";
import { FIELD_TYPES } from "../../provider/core/field.js";
import { answerReader } from "../../provider/vault/remote/answers.js";
import { ErrorAnswer } from "../../provider/vault/remote/error-shape.js";
import { wireJson } from "../../provider/vault/remote/json.js";
import { OPERATIONS } from "../../provider/vault/remote/operations.js";
import { Status } from "../../provider/vault/remote/shapes/credential.js";
import { readWireError } from "../../provider/vault/remote/wire-error.js";

const VALUE = {
  id: "cr_4vJm0sTzq8YfB2nKxW1aLd",
  path: ["Databases", "orders-app"],
  username: "orders_app",
  field: "password",
  type: "secret",
  version: 3,
  status: "current",
  value: "a value",
};
const ERROR = { code: "NOT_FOUND", problem: "It isn't there", hint: null, details: { id: "x", count: 3, all: true } };
const ANSWERS = {
  identity: { id: "v", name: "prod", restoreCounter: 0, head: 7, headProof: "7:00" },
  "has-heads": [true, false],
  "read-many": [{ answer: VALUE }, { error: ERROR }, { error: { ...ERROR, hint: "Look." } }],
} as const;
const OTHERS: readonly unknown[] = [null, 0, -1, 1.5, "", "x", "x".repeat(201), true, [], {}, [1], { x: 1 }];

/** The value with one thing in it, or all of it, changed: to something else, away, or with more beside it. */
function changed(value: unknown): unknown[] {
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value;
    const inside = items.flatMap((item, at) => changed(item).map((other) => items.with(at, other)));
    return [...OTHERS, ...inside, items.slice(1), [...items, 1]];
  }
  if (typeof value !== "object" || value === null) return [...OTHERS];
  const inside = Object.entries(value).flatMap(([key, item]) => [
    ...changed(item).map((other) => ({ ...value, [key]: other })),
    Object.fromEntries(Object.entries(value).filter(([name]) => name !== key)),
  ]);
  return [...OTHERS, ...inside, { ...value, more: 1 }];
}

test.each(["identity", "has-heads", "read-many"] as const)(
  "an answer to %s is read without its schema as with it",
  async (name) => {
    const read = await answerReader(name);
    const all = [ANSWERS[name], undefined, ...changed(ANSWERS[name])];
    const results = all.map((value) => {
      const { data } = OPERATIONS[name].output.safeParse(value);
      const ours = read(value)?.data;
      expect({ value, read: wireJson(ours) }).toEqual({ value, read: wireJson(data) });
      return ours;
    });
    expect(results[0]).toBeDefined();
    expect(results.filter((one) => one === undefined).length).toBeGreaterThan(5);
  },
);

test("a value of every type and every status is read", async () => {
  const read = await answerReader("read-many");
  for (const type of FIELD_TYPES) {
    for (const status of Status.options) {
      const answer = { ...VALUE, type, status };
      expect(wireJson(read([{ answer }])?.data)).toBe(JSON.stringify([{ answer }]));
    }
  }
});

test("an error is read as its description says", () => {
  const all = [{ error: ERROR }, undefined, ...changed({ error: ERROR })];
  for (const value of all) {
    expect({ value, read: readWireError(value) }).toEqual({ value, read: ErrorAnswer.safeParse(value).data?.error });
  }
  expect(readWireError({ error: ERROR })).toEqual(ERROR);
});
