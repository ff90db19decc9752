import { expect, test } from "@jest/globals";
import { collect, type CreateVault, createOne, failure, onVault } from "./setup.js";

export function categoryCases(create: CreateVault): void {
  test(
    "a category is read as it was created, with its path and its policies from the root down",
    onVault(create, async ({ vault }) => {
      const top = await vault.createCategory({ name: "Production", parentId: null, policy: { minLength: 20 } });
      const below = await vault.createCategory({
        name: "Databases",
        parentId: top.id,
        description: "Servers of the shop",
        policy: { require: ["digit"] },
      });
      expect(below.path).toEqual(["Production", "Databases"]);
      expect(await vault.readCategory(below.id)).toEqual(below);
      expect(await vault.findCategory(["Production", "Databases"])).toEqual(below);
      expect(below.policies).toEqual([
        { policy: { minLength: 20 }, from: "Production" },
        { policy: { require: ["digit"] }, from: "Databases" },
      ]);
      expect(below.owned).toBe(false);
    }),
  );

  test(
    "a category is read-only and ends where that is said, and as long as it is; a time is kept in UTC",
    onVault(create, async ({ vault }) => {
      const plain = await vault.createCategory({ name: "plain", parentId: null, readOnly: false });
      expect(Object.keys(plain)).not.toEqual(expect.arrayContaining([expect.stringMatching(/readOnly|expiresAt/)]));
      const made = await vault.createCategory({
        name: "made",
        parentId: null,
        readOnly: true,
        expiresAt: "2031-01-01T01:00:00+01:00",
      });
      expect(made).toMatchObject({ readOnly: true, expiresAt: "2031-01-01T00:00:00.000Z" });
      expect(await vault.readCategory(made.id)).toEqual(made);
      expect(await collect(vault.listCategories())).toEqual([made, plain]);
      const { path: _path, policies: _policies, ...shown } = made;
      expect((await vault.readTree({ below: made.id })).categories).toEqual([shown]);
      expect(await vault.updateCategory(made.id, { description: "x" })).toEqual({ ...made, description: "x" });
      expect(await vault.updateCategory(made.id, { readOnly: false })).toEqual(
        expect.not.objectContaining({ readOnly: expect.anything() }),
      );
      expect(await vault.updateCategory(made.id, { expiresAt: null, description: null })).toEqual({
        ...plain,
        id: made.id,
        name: "made",
        path: ["made"],
      });
      const [id = ""] = await vault.changeTree([
        { change: "update-category", id: plain.id, patch: { readOnly: true, expiresAt: "2032-01-01T00:00:00Z" } },
      ]);
      expect(await vault.readCategory(id)).toMatchObject({ readOnly: true, expiresAt: "2032-01-01T00:00:00.000Z" });
      await vault.changeTree([{ change: "create-category", input: { name: "plain", parentId: null }, adopt: true }]);
      expect(await vault.readCategory(id)).toEqual(plain);
    }),
  );

  test.each(["2031-01-01", "tomorrow", "2031-02-30T00:00:00Z"])("%j is no end of a category", async (expiresAt) => {
    await onVault(create, async ({ vault }) => {
      await failure(vault.createCategory({ name: "A", parentId: null, expiresAt }), "INVALID_INPUT");
      const { id } = await vault.createCategory({ name: "A", parentId: null });
      await failure(vault.updateCategory(id, { expiresAt }), "INVALID_INPUT");
      expect(await vault.readCategory(id)).not.toHaveProperty("expiresAt");
    })();
  });

  test(
    "a name is taken among live siblings only",
    onVault(create, async ({ vault }) => {
      const top = await vault.createCategory({ name: "A", parentId: null });
      await vault.createCategory({ name: "A", parentId: top.id });
      const error = await failure(vault.createCategory({ name: "A", parentId: null }), "CONFLICT");
      expect(error.message).toContain(`A (${top.id})`);
      await createOne(vault, { name: "A" }); // a credential may have a category's name: a path's last segment tells
    }),
  );

  test(
    "an é that was typed on two systems is one name",
    onVault(create, async ({ vault }) => {
      const made = await vault.createCategory({ name: "Re\u0301seau", parentId: null });
      expect(made.name).toBe("Réseau");
      await failure(vault.createCategory({ name: "Réseau", parentId: null }), "CONFLICT");
      expect((await vault.findCategory(["Re\u0301seau"]))?.id).toBe(made.id);
    }),
  );

  test.each([
    ["", "is empty"],
    ["two\nlines", "has a line break"],
    ["a/b", "has a slash"],
    [" a", "starts or ends with a space"],
    ["..", 'is "..", which means a folder'],
  ])("the name %j is refused: it %s", async (name, reason) => {
    await onVault(create, async ({ vault }) => {
      const error = await failure(vault.createCategory({ name, parentId: null }), "INVALID_INPUT");
      expect(error.message).toContain(reason);
      expect(await collect(vault.listCategories())).toEqual([]);
    })();
  });

  test(
    "a category below one that is gone is NOT_FOUND",
    onVault(create, async ({ vault }) => {
      await failure(vault.createCategory({ name: "A", parentId: "ct_gone" }), "NOT_FOUND");
      await failure(vault.readCategory("ct_gone"), "NOT_FOUND");
      await failure(vault.updateCategory("ct_gone", { name: "B" }), "NOT_FOUND");
      expect(await vault.findCategory(["A"])).toBeUndefined();
      expect(await vault.findCategory([])).toBeUndefined();
    }),
  );

  test(
    "a move takes what stands below along",
    onVault(create, async ({ vault }) => {
      const a = await vault.createCategory({ name: "A", parentId: null });
      const b = await vault.createCategory({ name: "B", parentId: null });
      const child = await vault.createCategory({ name: "child", parentId: a.id });
      const entry = await createOne(vault, { name: "entry", categoryId: child.id });
      const moved = await vault.updateCategory(a.id, { parentId: b.id, name: "A2" });
      expect(moved.path).toEqual(["B", "A2"]);
      expect((await vault.readCredential(entry.id)).path).toEqual(["B", "A2", "child", "entry"]);
      expect((await vault.findCredential(["B", "A2", "child", "entry"]))?.id).toBe(entry.id);
      expect(await vault.findCredential(["A", "child", "entry"])).toBeUndefined();
    }),
  );

  test(
    "a loop is refused, and the message names both categories",
    onVault(create, async ({ vault }) => {
      const a = await vault.createCategory({ name: "A", parentId: null });
      const b = await vault.createCategory({ name: "B", parentId: a.id });
      const error = await failure(vault.updateCategory(a.id, { parentId: b.id }), "CONFLICT");
      expect(error.message).toContain(a.id);
      expect(error.message).toContain(b.id);
      await failure(vault.updateCategory(a.id, { parentId: a.id }), "CONFLICT");
      expect((await vault.readCategory(b.id)).path).toEqual(["A", "B"]);
    }),
  );

  test(
    "a rename or a move onto a taken name is refused",
    onVault(create, async ({ vault }) => {
      const a = await vault.createCategory({ name: "A", parentId: null });
      const b = await vault.createCategory({ name: "B", parentId: null });
      const below = await vault.createCategory({ name: "B", parentId: a.id });
      await failure(vault.updateCategory(b.id, { name: "A" }), "CONFLICT");
      await failure(vault.updateCategory(below.id, { parentId: null }), "CONFLICT");
      expect((await vault.updateCategory(b.id, { name: "B" })).name).toBe("B");
    }),
  );

  test(
    "a patch changes what it names, null clears, and the rest stays",
    onVault(create, async ({ vault }) => {
      const made = await vault.createCategory({
        name: "A",
        parentId: null,
        description: "old",
        policy: { minLength: 12 },
      });
      const patched = await vault.updateCategory(made.id, { description: null });
      expect(patched).not.toHaveProperty("description");
      expect(patched.policy).toEqual({ minLength: 12 });
      expect(await vault.updateCategory(made.id, { policy: null })).not.toHaveProperty("policy");
    }),
  );

  test(
    "a policy that can't be met together with one above is refused, naming both",
    onVault(create, async ({ vault }) => {
      const top = await vault.createCategory({ name: "Top", parentId: null, policy: { minLength: 30 } });
      const input = { name: "Legacy", parentId: top.id, policy: { maxLength: 8 } };
      const error = await failure(vault.createCategory(input), "POLICY");
      expect(error.message).toContain("Top");
      expect(error.message).toContain("Legacy");
    }),
  );

  test(
    "a policy that clashes with one below is refused, also when a move brings them together",
    onVault(create, async ({ vault }) => {
      const top = await vault.createCategory({ name: "Top", parentId: null });
      const middle = await vault.createCategory({ name: "Middle", parentId: top.id });
      const legacy = await vault.createCategory({ name: "Legacy", parentId: middle.id, policy: { maxLength: 8 } });
      const error = await failure(vault.updateCategory(top.id, { policy: { minLength: 30 } }), "POLICY");
      expect(error.message).toContain("Legacy");
      const strict = await vault.createCategory({ name: "Strict", parentId: null, policy: { minLength: 30 } });
      await failure(vault.updateCategory(middle.id, { parentId: strict.id }), "POLICY");
      expect((await vault.readCategory(legacy.id)).path).toEqual(["Top", "Middle", "Legacy"]);
    }),
  );

  test(
    "categories are listed with parents before children and siblings by name",
    onVault(create, async ({ vault }) => {
      const b = await vault.createCategory({ name: "B", parentId: null });
      await vault.createCategory({ name: "z", parentId: b.id });
      await vault.createCategory({ name: "a", parentId: b.id });
      await vault.createCategory({ name: "A", parentId: null });
      const paths = (await collect(vault.listCategories())).map(({ path }) => path.join("/"));
      expect(paths).toEqual(["A", "B", "B/a", "B/z"]);
    }),
  );

  test(
    "only an empty category is deleted; an archived credential doesn't fill it, and one that is gone is a success",
    onVault(create, async ({ vault }) => {
      const top = await vault.createCategory({ name: "Top", parentId: null });
      const below = await vault.createCategory({ name: "Below", parentId: top.id });
      const entry = await createOne(vault, { name: "entry", categoryId: below.id });
      await failure(vault.deleteCategory(top.id, {}), "CONFLICT");
      await failure(vault.deleteCategory(below.id, {}), "CONFLICT");
      await vault.archiveCredential(entry.id, {});
      await vault.deleteCategory(below.id, {});
      await vault.deleteCategory(below.id, {});
      await vault.deleteCategory(top.id, {});
      expect(await collect(vault.listCategories())).toEqual([]);
      expect((await vault.readCredential(entry.id)).path).toEqual(["Top", "Below", "entry"]);
    }),
  );
}
