import { expect, test } from "@jest/globals";
import { CoffreError } from "../../../provider/core/errors.js";
import {
  type CreateVault,
  createOne,
  hold,
  expectLastEvent,
  expectNewEvents,
  keepsLog,
  collect,
  onVault,
  readValue,
  rotate,
  stage,
  target,
  withValue,
} from "./setup.js";

export function readingCases(create: CreateVault): void {
  test(
    "values are answered in the order asked, by id and by path, with all that a reader needs",
    onVault(create, async ({ vault }) => {
      const category = await vault.createCategory({ name: "C", parentId: null });
      const a = await createOne(vault, { name: "a", categoryId: category.id, username: "u", ...withValue("value-a") });
      const b = await createOne(vault, { name: "b", ...withValue("value-b") });
      const answers = await vault.readMany([{ id: b.id }, { path: ["C", "a"] }, { id: b.id, version: 1 }]);
      expect(answers.map((answer) => (answer instanceof Error ? answer : answer.value.reveal()))).toEqual([
        "value-b",
        "value-a",
        "value-b",
      ]);
      expect(answers[1]).toMatchObject({
        id: a.id,
        path: ["C", "a"],
        username: "u",
        field: "password",
        version: 1,
        status: "current",
      });
      expect(JSON.stringify(answers)).not.toContain("value-a");
    }),
  );

  test(
    "a batch is one event that names every entry, with nothing of the values",
    onVault(create, async ({ vault }) => {
      const made = await vault.createCredentials(
        ["a", "b", "c"].map((name) => ({ name, categoryId: null, ...withValue(`value of ${name}`) })),
      );
      const { head } = await vault.identity();
      await vault.readMany([...made, ...made].map(({ id }) => ({ id })));
      await expectNewEvents(vault, head, 1);
      await expectLastEvent(vault, { action: "credential.read", ids: made.map(({ id }) => id) });
      if (!keepsLog(vault)) return;
      expect(JSON.stringify(await collect(vault.listEvents()))).not.toContain("value of");
    }),
  );

  test(
    "one wrong reference is an error in its place and doesn't hide the others",
    onVault(create, async ({ vault }) => {
      const made = await createOne(vault, { name: "a", ...withValue("v") });
      const empty = await createOne(vault, { name: "empty", valueManagedBy: "external" });
      const answers = await vault.readMany([
        { path: ["nowhere", "a"] },
        { id: made.id },
        { id: made.id, version: 7 },
        { id: made.id, version: "pending" },
        { id: made.id, version: "previous" },
        { id: made.id, field: "totp" },
        { id: empty.id },
        {},
      ]);
      const codes = answers.map((answer) => (answer instanceof CoffreError ? answer.code : "answered"));
      const gone = "NOT_FOUND";
      expect(codes).toEqual([gone, "answered", gone, gone, gone, gone, gone, gone]);
      expect(answers[6]).toMatchObject({ details: { status: "awaiting-value" } });
    }),
  );

  test(
    "a request that reads nothing leaves no event",
    onVault(create, async ({ vault, start }) => {
      await vault.readMany([{ id: "cr_gone" }]);
      await expectNewEvents(vault, start, 0);
      expect(await vault.readMany([])).toEqual([]);
    }),
  );

  test(
    "between stage and promote readers get the current value, are told so, and may ask for the pending one",
    onVault(create, async ({ vault }) => {
      const made = await createOne(vault, { name: "a", targets: [target("a")] });
      await rotate(vault, made, "one");
      await rotate(vault, made, "two");
      await hold(vault, made.id, [stage("three", target("a").account)]);
      const [answer] = await vault.readMany([{ id: made.id }]);
      expect(answer).toMatchObject({ status: "rotating", version: 2 });
      expect(await readValue(vault, made.id)).toBe("two");
      expect(await readValue(vault, made.id, "pending")).toBe("three");
      expect(await readValue(vault, made.id, "previous")).toBe("one");
      expect(await readValue(vault, made.id, 1)).toBe("one");
    }),
  );

  test(
    "a reader elsewhere sees a rename, a move and a new value at once",
    onVault(create, async ({ vault, elsewhere }) => {
      const reader = await elsewhere();
      const a = await vault.createCategory({ name: "A", parentId: null });
      const made = await createOne(vault, { name: "x", categoryId: a.id, targets: [target("x")] });
      await rotate(vault, made, "one");
      const read = async (...path: string[]) => {
        const [answer] = await reader.readMany([{ path }]);
        return answer instanceof CoffreError ? answer.code : answer instanceof Error ? answer : answer?.value.reveal();
      };
      expect(await read("A", "x")).toBe("one");
      await rotate(vault, made, "two");
      expect(await read("A", "x")).toBe("two");
      await vault.updateCategory(a.id, { name: "B" });
      expect([await read("A", "x"), await read("B", "x")]).toEqual(["NOT_FOUND", "two"]);
      await vault.updateCredential(made.id, { categoryId: null });
      expect([await read("B", "x"), await read("x")]).toEqual(["NOT_FOUND", "two"]);
    }),
  );
}
