import { expect, test } from "@jest/globals";
import {
  collect,
  type CreateVault,
  createOne,
  expectNewEvents,
  failure,
  hold,
  onVault,
  readValue,
  rotate,
  stage,
  target,
  withValue,
} from "./setup.js";

export function credentialCases(create: CreateVault): void {
  test(
    "a credential is read as it was created",
    onVault(create, async ({ vault }) => {
      const category = await vault.createCategory({ name: "Databases", parentId: null });
      const made = await createOne(vault, {
        name: "orders",
        categoryId: category.id,
        username: "orders_app",
        url: "https://db.example.com",
        description: "the shop",
        tags: ["shop", "eu"],
        rotation: { everyDays: 90, when: "scheduled" },
        targets: [target("orders_app")],
      });
      expect(made).toMatchObject({
        name: "orders",
        path: ["Databases", "orders"],
        username: "orders_app",
        tags: ["shop", "eu"],
        valueManagedBy: "coffre",
        versions: [],
        journal: { fencing: 0, draws: 0 },
        status: "awaiting-rotation",
        createdAt: "2030-01-01T00:00:00.000Z",
        owned: false,
      });
      const read = await vault.readCredential(made.id);
      expect({ ...read, hasToken: 0 }).toEqual({ ...made, hasToken: 0 });
      expect((await vault.findCredential(["Databases", "orders"]))?.id).toBe(made.id);
    }),
  );

  test(
    "an entry with an initial value has a current version 1 at once",
    onVault(create, async ({ vault }) => {
      const made = await createOne(vault, { name: "boot", ...withValue("first value") });
      expect(made.versions).toEqual([
        {
          number: 1,
          state: "current",
          causes: [],
          createdAt: "2030-01-01T00:00:00.000Z",
          promotedAt: "2030-01-01T00:00:00.000Z",
          verified: false,
        },
      ]);
      expect(made.status).toBe("current");
      expect(await readValue(vault, made.id)).toBe("first value");
    }),
  );

  test(
    "values of every kind come back unchanged",
    onVault(create, async ({ vault }) => {
      const values = ["", "é ☃ 🔑", "a".repeat(10_000), "\u0000\n'\"\\", "Z".repeat(64), "Z".repeat(60)];
      const made = await vault.createCredentials(
        values.map((value, index) => ({ name: `v${index}`, categoryId: null, ...withValue(value) })),
      );
      const answers = await vault.readMany(made.map(({ id }) => ({ id })));
      expect(answers.map((answer) => (answer instanceof Error ? answer : answer.value.reveal()))).toEqual(values);
    }),
  );

  test(
    "a batch is created whole or not at all",
    onVault(create, async ({ vault, start }) => {
      await createOne(vault, { name: "taken" });
      const inputs = ["a", "b", "taken"].map((name) => ({ name, categoryId: null }));
      await failure(vault.createCredentials(inputs), "CONFLICT");
      await failure(vault.createCredentials(["c", "c"].map((name) => ({ name, categoryId: null }))), "CONFLICT");
      expect((await collect(vault.listCredentials())).map(({ name }) => name)).toEqual(["taken"]);
      await expectNewEvents(vault, start, 1);
      expect(await vault.createCredentials([])).toEqual([]);
    }),
  );

  test(
    "what is gone is NOT_FOUND, and finding it finds nothing",
    onVault(create, async ({ vault }) => {
      await failure(createOne(vault, { name: "a", categoryId: "ct_gone" }), "NOT_FOUND");
      await failure(vault.readCredential("cr_gone"), "NOT_FOUND");
      await failure(vault.updateCredential("cr_gone", { name: "b" }), "NOT_FOUND");
      await failure(vault.unarchiveCredential("cr_gone", null), "NOT_FOUND");
      await failure(vault.resolveCredential("cr_gone", { decision: "retry" }), "NOT_FOUND");
      await vault.archiveCredential("cr_gone", {});
      await vault.deleteCredential("cr_gone", {});
      expect(await vault.findCredential(["a"])).toBeUndefined();
      expect(await vault.findCredential(["no", "such", "place"])).toBeUndefined();
      expect(await vault.findCredential([])).toBeUndefined();
    }),
  );

  test(
    "a patch changes what it names, null clears, and the rest stays",
    onVault(create, async ({ vault }) => {
      const category = await vault.createCategory({ name: "C", parentId: null });
      const made = await createOne(vault, { name: "a", username: "u", url: "https://x.example", tags: ["t"] });
      const patched = await vault.updateCredential(made.id, {
        name: "b",
        categoryId: category.id,
        url: null,
        rotation: { everyDays: 30, when: "up" },
        valueManagedBy: "external",
      });
      expect(patched).toMatchObject({ path: ["C", "b"], username: "u", tags: ["t"], status: "awaiting-value" });
      expect(patched).not.toHaveProperty("url");
      expect(await vault.findCredential(["a"])).toBeUndefined();
      expect((await vault.updateCredential(made.id, { categoryId: null, rotation: null })).path).toEqual(["b"]);
      await failure(vault.updateCredential(made.id, { categoryId: "ct_gone" }), "NOT_FOUND");
      await failure(vault.updateCredential(made.id, { name: "x/y" }), "INVALID_INPUT");
    }),
  );

  test(
    "a patch that changes nothing writes nothing",
    onVault(create, async ({ vault }) => {
      const made = await createOne(vault, { name: "a", targets: [target("a")] });
      const { head } = await vault.identity();
      await vault.updateCredential(made.id, { name: "a", targets: [target("a")] });
      await expectNewEvents(vault, head, 0);
    }),
  );

  test(
    "a rename onto a taken name is refused",
    onVault(create, async ({ vault }) => {
      const a = await createOne(vault, { name: "a" });
      const b = await createOne(vault, { name: "b" });
      const error = await failure(vault.updateCredential(b.id, { name: "a" }), "CONFLICT");
      expect(error.message).toContain(a.id);
    }),
  );

  test(
    "archiving keeps path, values and history, and gives name and accounts free",
    onVault(create, async ({ vault, clock }) => {
      const category = await vault.createCategory({ name: "C", parentId: null });
      const input = { name: "a", categoryId: category.id, targets: [target("a")] };
      const made = await createOne(vault, input);
      await rotate(vault, made, "one");
      await rotate(vault, made, "two");
      clock.pass({ minutes: 1 });
      await vault.archiveCredential(made.id, {});
      await vault.archiveCredential(made.id, {});

      const archived = await vault.readCredential(made.id);
      expect(archived).toMatchObject({ status: "archived", archivedAt: "2030-01-01T00:01:00.000Z", path: ["C", "a"] });
      expect(await readValue(vault, made.id)).toBe("two");
      expect(await readValue(vault, made.id, "previous")).toBe("one");
      expect(await vault.findCredential(["C", "a"])).toBeUndefined();
      expect(await collect(vault.listCredentials())).toEqual([]);
      expect((await collect(vault.listCredentials({ archived: true }))).map(({ id }) => id)).toEqual([made.id]);
      await failure(vault.updateCredential(made.id, { name: "b" }), "NOT_FOUND");
      expect((await createOne(vault, input)).id).not.toBe(made.id);
    }),
  );

  test(
    "an archived entry comes back into the category that is named, unless name or account is taken",
    onVault(create, async ({ vault }) => {
      const category = await vault.createCategory({ name: "C", parentId: null });
      const made = await createOne(vault, { name: "a", targets: [target("a")] });
      await failure(vault.unarchiveCredential(made.id, null), "CONFLICT");
      await vault.archiveCredential(made.id, {});
      const second = await createOne(vault, { name: "a" });
      await failure(vault.unarchiveCredential(made.id, null), "CONFLICT");
      await vault.updateCredential(second.id, { name: "b", targets: [target("a")] });
      await failure(vault.unarchiveCredential(made.id, category.id), "CONFLICT");
      await failure(vault.unarchiveCredential(made.id, "ct_gone"), "NOT_FOUND");
      await vault.updateCredential(second.id, { targets: [] });
      const back = await vault.unarchiveCredential(made.id, category.id);
      expect(back.path).toEqual(["C", "a"]);
      expect(back).not.toHaveProperty("archivedAt");
      expect((await vault.findCredential(["C", "a"]))?.id).toBe(made.id);
    }),
  );

  test(
    "deleting takes entry and values, but not a pending version and nobody's admin",
    onVault(create, async ({ vault }) => {
      const admin = await createOne(vault, { name: "admin", ...withValue("root") });
      const made = await createOne(vault, { name: "a", targets: [target("a", { adminId: admin.id })] });
      expect(await vault.listDependants(admin.id)).toEqual([made.id]);
      const used = await failure(vault.deleteCredential(admin.id, {}), "CONFLICT");
      expect(used.message).toContain(made.id);

      const account = target("a").account;
      await hold(vault, made.id, [stage("x", account)]);
      const pending = await failure(vault.deleteCredential(made.id, {}), "CONFLICT");
      expect(pending.message).toContain("pending version 1");

      await vault.archiveCredential(made.id, {}); // archiving takes both
      expect(await readValue(vault, made.id, "pending")).toBe("x");
      expect(await vault.listDependants(admin.id)).toEqual([]);
      await vault.deleteCredential(admin.id, {});
      await vault.deleteCredential(admin.id, {});
      await failure(vault.readCredential(admin.id), "NOT_FOUND");
      const [answer] = await vault.readMany([{ id: admin.id, version: 1 }]);
      expect(answer).toMatchObject({ code: "NOT_FOUND" });
    }),
  );

  test(
    "credentials are listed by path",
    onVault(create, async ({ vault }) => {
      const category = await vault.createCategory({ name: "b", parentId: null });
      await vault.createCredentials([
        { name: "c", categoryId: null },
        { name: "z", categoryId: category.id },
        { name: "a", categoryId: null },
        { name: "y", categoryId: category.id },
        { name: "b c", categoryId: null }, // a space comes before a slash
      ]);
      const paths = (await collect(vault.listCredentials())).map(({ path }) => path.join("/"));
      expect(paths).toEqual(["a", "b/y", "b/z", "b c", "c"]);
    }),
  );

  test(
    "what a caller does to an answer doesn't reach the vault",
    onVault(create, async ({ vault }) => {
      const made = await createOne(vault, { name: "a", tags: ["t"], ...withValue("v") });
      made.tags.push("changed");
      made.versions.length = 0;
      const read = await vault.readCredential(made.id);
      read.journal.draws = 3;
      read.path.push("x");
      expect(await vault.readCredential(made.id)).toMatchObject({ tags: ["t"], journal: { draws: 0 }, path: ["a"] });
      expect((await vault.readCredential(made.id)).versions).toHaveLength(1);
    }),
  );
}
