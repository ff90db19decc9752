import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import {
  checkCategory,
  createCategory,
  deleteCategory,
  diffCategory,
  readCategory,
  updateCategory,
} from "../../provider/resources/category/handlers.js";
import { UNKNOWN } from "../../provider/resources/values.js";
import { ResourceScene, withIdentity } from "../fixtures/resource-scene.ts";

let scene: ResourceScene;
beforeEach(() => {
  scene = new ResourceScene();
});
afterEach(() => scene.close());

const create = (inputs: Record<string, unknown> & { name: string }, context = scene.resources()) =>
  createCategory(context, { ownerKey: `shop/dev/Category/${inputs.name}`, ...inputs });

describe("a category", () => {
  test("is made where it is declared, with its policy", async () => {
    const root = await create({ name: "Production" });
    const made = await create({ name: "Databases", parentId: root.id, passwordPolicy: { minLength: 30 } });
    expect(made.outs).toEqual({
      name: "Databases",
      parentId: root.id,
      passwordPolicy: { minLength: 30 },
      ownerKey: "shop/dev/Category/Databases",
      path: "Production/Databases",
      ownerToken: expect.stringMatching(/^[\w-]{20}$/),
      vaultStamp: expect.stringMatching(/:0:2::[0-9a-f]{16}$/),
    });
    expect((await scene.vault.readCategory(made.id)).policy).toEqual({ minLength: 30 });
  });

  test("that an interrupted create left is returned, and not made twice", async () => {
    const lost = await create({ name: "Databases" });
    const made = await create({ name: "Databases", description: "all of them" });
    expect(made.id).toBe(lost.id);
    expect((await scene.vault.readCategory(made.id)).description).toBe("all of them");
  });

  test("of a name that somebody else has is a conflict that names adopt and aliases", async () => {
    const { id } = await scene.vault.createCategory({ name: "Databases", parentId: null });
    await expect(create({ name: "Databases" })).rejects.toThrow(
      new RegExp(`CONFLICT[\\s\\S]*aliases[\\s\\S]*adopt: "${id}"`),
    );
    expect((await create({ name: "Databases", adopt: true })).id).toBe(id);
  });

  test("is renamed and moved in place; what is no longer declared is cleared", async () => {
    const root = await create({ name: "Production" });
    const made = await create({ name: "Databases", description: "all", passwordPolicy: { minLength: 30 } });
    const news = { name: "DB", parentId: root.id, ownerKey: "shop/dev/Category/Databases" };
    expect(await diffCategory(scene.resources(), made.id, made.outs, news)).toEqual({ changes: true });
    const { outs } = await updateCategory(scene.resources(), made.id, made.outs, news);
    expect(outs).toMatchObject({ path: "Production/DB", parentId: root.id });
    const category = await scene.vault.readCategory(made.id);
    expect(category.description).toBeUndefined();
    expect(category.policy).toBeUndefined();
    expect(await diffCategory(scene.resources(), made.id, outs, news)).toEqual({ changes: false });
  });

  test("can't be moved into what is below it, and a preview says so", async () => {
    const top = await create({ name: "Top" });
    const below = await create({ name: "Below", parentId: top.id });
    const news = { name: "Top", parentId: below.id, ownerKey: "shop/dev/Category/Top" };
    await expect(diffCategory(scene.resources(), top.id, top.outs, news)).rejects.toThrow(/CONFLICT[\s\S]*into itself/);
    await expect(updateCategory(scene.resources(), top.id, top.outs, news)).rejects.toThrow("CONFLICT");
  });

  test("that isn't empty isn't deleted; archived entries don't count", async () => {
    const made = await create({ name: "Mail" });
    const entry = await scene.up({ name: "smtp", categoryId: made.id });
    await expect(deleteCategory(scene.resources(), made.id, made.outs)).rejects.toThrow("isn't empty");
    await scene.destroy(entry);
    await deleteCategory(scene.resources(), made.id, made.outs);
    await deleteCategory(scene.resources(), made.id, made.outs);
    await expect(scene.vault.readCategory(made.id)).rejects.toThrow("NOT_FOUND");
  });

  test("that inherits no grants is made so, changed in place, and brought back where somebody changed it", async () => {
    const made = await create({ name: "Sealed", inheritGrants: false });
    expect((await scene.vault.readCategory(made.id)).inheritGrants).toBe(false);
    const news = { name: "Sealed", ownerKey: "shop/dev/Category/Sealed", inheritGrants: false };
    expect(await diffCategory(scene.resources(), made.id, made.outs, news)).toEqual({ changes: false });
    await scene.vault.updateCategory(made.id, { inheritGrants: true });
    expect(await diffCategory(scene.resources(), made.id, made.outs, news)).toEqual({ changes: true });
    expect((await readCategory(scene.resources(), made.id, made.outs)).props).toMatchObject({ inheritGrants: true });
    await updateCategory(scene.resources(), made.id, made.outs, news);
    expect((await scene.vault.readCategory(made.id)).inheritGrants).toBe(false);
    const { inheritGrants: _left, ...without } = news;
    const { outs } = await updateCategory(scene.resources(), made.id, made.outs, without);
    expect((await scene.vault.readCategory(made.id)).inheritGrants).toBe(true);
    expect(outs).not.toHaveProperty("inheritGrants");
  });

  test("that is read-only until a time is made so, brought back where somebody changed it, and let go", async () => {
    const rules = { readOnly: true, expiresAt: "2125-01-01T01:00:00+01:00" };
    const kept = { readOnly: true, expiresAt: "2125-01-01T00:00:00.000Z" };
    const made = await create({ name: "Closed", ...rules });
    expect(await scene.vault.readCategory(made.id)).toMatchObject(kept);
    expect(made.outs).toMatchObject(rules);
    const news = { name: "Closed", ownerKey: "shop/dev/Category/Closed", ...rules };
    expect(await diffCategory(scene.resources(), made.id, made.outs, news)).toEqual({ changes: false });
    expect((await readCategory(scene.resources(), made.id, made.outs)).props).toEqual(made.outs);
    for (const change of [{ readOnly: false }, { expiresAt: null }, { expiresAt: "2126-01-01T00:00:00Z" }]) {
      await scene.vault.updateCategory(made.id, change);
      expect(await diffCategory(scene.resources(), made.id, made.outs, news)).toEqual({ changes: true });
      await updateCategory(scene.resources(), made.id, made.outs, news);
      expect(await scene.vault.readCategory(made.id)).toMatchObject(kept);
    }
    await scene.vault.updateCategory(made.id, { readOnly: false, expiresAt: null });
    const { props = {} } = await readCategory(scene.resources(), made.id, made.outs);
    expect(props).toMatchObject({ readOnly: false });
    expect(props).not.toHaveProperty("expiresAt");
    await updateCategory(scene.resources(), made.id, props, news);
    const { readOnly: _readOnly, expiresAt: _expiresAt, ...without } = news;
    const { outs } = await updateCategory(scene.resources(), made.id, made.outs, without);
    expect(await scene.vault.readCategory(made.id)).toEqual(expect.not.objectContaining(kept));
    expect(outs).toEqual(expect.not.objectContaining({ readOnly: expect.anything() }));
  });

  test("that no program says to be read-only or to end stays as people made it", async () => {
    const made = await create({ name: "Mail" });
    await scene.vault.updateCategory(made.id, { readOnly: true, expiresAt: "2125-01-01T00:00:00Z" });
    const news = { name: "Mail", ownerKey: "shop/dev/Category/Mail" };
    expect(await diffCategory(scene.resources(), made.id, made.outs, news)).toEqual({ changes: false });
    await updateCategory(scene.resources(), made.id, made.outs, { ...news, description: "x" });
    expect(await scene.vault.readCategory(made.id)).toMatchObject({ readOnly: true });
  });

  test.each([
    [{ expiresAt: "2125-01-01" }, "expiresAt isn't a time with its zone"],
    [{ expiresAt: "2001-01-01T00:00:00Z" }, "expiresAt has passed already"],
    [{ readOnly: "yes" }, "readOnly: must be true or false"],
  ])("with %j is refused at preview", async (inputs, reason) => {
    const news = { name: "Mail", ownerKey: "shop/dev/Category/Mail", ...inputs };
    const { failures } = await checkCategory(scene.resources(), {}, news);
    expect(failures).toEqual([{ property: "", reason: expect.stringContaining(reason) }]);
    const unknown = { ...news, readOnly: UNKNOWN, expiresAt: UNKNOWN };
    expect((await checkCategory(scene.resources(), {}, unknown)).failures).toEqual([]);
  });

  test("is refused at preview with a rule of access where the vault keeps no grants", async () => {
    const context = scene.resources();
    Object.assign(context.vault, { capabilities: { ...context.vault.capabilities, grants: "none" } });
    const news = { name: "Mail", ownerKey: "shop/dev/Category/Mail" };
    for (const rule of [{ readOnly: true }, { expiresAt: "2125-01-01T00:00:00Z" }]) {
      const { failures } = await checkCategory(context, {}, { ...news, ...rule });
      const reason = `no ${Object.keys(rule)[0]} of a category`;
      expect(failures).toEqual([{ property: "", reason: expect.stringContaining(reason) }]);
    }
    expect((await checkCategory(context, {}, news)).failures).toEqual([]);
  });

  test("with a grant on it isn't deleted, and says whose it is", async () => {
    const made = await create({ name: "Shared" });
    const ana = await scene.vault.people.createPrincipal({ kind: "user", name: "ana" });
    await scene.vault.people.createGrant({ categoryId: made.id, principalId: ana.id, role: "reader" });
    await expect(deleteCategory(scene.resources(), made.id, made.outs)).rejects.toThrow(/CONFLICT[\s\S]*user ana/);
  });

  test("with onDelete keep stays", async () => {
    const made = await create({ name: "Shared", onDelete: "keep" });
    await deleteCategory(scene.resources(), made.id, made.outs);
    expect((await scene.vault.readCategory(made.id)).name).toBe("Shared");
  });

  test("is read as it is, and as gone only once it is", async () => {
    const made = await create({ name: "Mail", description: "mail" });
    expect(await readCategory(scene.resources(), made.id, made.outs)).toEqual({ id: made.id, props: made.outs });
    await scene.vault.updateCategory(made.id, { description: "post" });
    expect((await readCategory(scene.resources(), made.id, made.outs)).props).toMatchObject({ description: "post" });
    expect(await readCategory(scene.resources(), made.id, {})).toEqual({
      id: made.id,
      props: { name: "Mail", description: "post", inheritGrants: true, path: "Mail" },
    });
    await scene.vault.deleteCategory(made.id, {});
    expect(await readCategory(scene.resources(), made.id, made.outs)).toEqual({});
  });

  test("of another vault is refused, and one that an older copy lacks is lost and not gone", async () => {
    const made = await create({ name: "Mail" });
    const at = (identity: Parameters<typeof withIdentity>[1]) =>
      scene.resources({ rotation: { ...scene.context(), vault: withIdentity(scene.vault, identity) } });
    await expect(readCategory(at({ id: "other" }), made.id, made.outs)).rejects.toThrow("WRONG_VAULT");
    await scene.vault.deleteCategory(made.id, {});
    await expect(readCategory(at({ head: 0 }), made.id, made.outs)).rejects.toThrow(/ROLLED_BACK[\s\S]*state delete/);
    await expect(deleteCategory(at({ head: 0 }), made.id, made.outs)).rejects.toThrow("ROLLED_BACK");
  });
});

describe("the branch of coffre:rootCategory", () => {
  test("is made where it is missing, belongs to no stack, and holds what names no category", async () => {
    const rootCategory = ["Production", "Shop"];
    const made = await create({ name: "Databases" }, scene.resources({ rootCategory }));
    expect(made.outs).toMatchObject({ path: "Production/Shop/Databases" });
    expect(made.outs).not.toHaveProperty("parentId");
    const entry = await scene.up({ name: "smtp" }, undefined, { rootCategory });
    expect(entry.outputs).toMatchObject({ ref: "coffre://scene/Production/Shop/smtp" });
    expect(await scene.vault.findCategory(["Production"])).toMatchObject({ owned: false });
    const again = await readCategory(scene.resources({ rootCategory }), made.id, made.outs);
    expect(again.props).toEqual(made.outs);
  });
});

describe("what a preview refuses", () => {
  const problems = async (news: Record<string, unknown>) =>
    (await checkCategory(scene.resources(), {}, { ownerKey: "key", ...news })).failures;

  test.each([
    [{ name: "" }, "The name of the category is empty"],
    [{ name: "a/b" }, "has a slash"],
    [{ name: "a\nb" }, "has a line break"],
    [{ name: "a", passwordPolicy: { minLenght: 20 } }, "passwordPolicy"],
    [{ name: "a", passwordPolicy: { minLength: 20, maxLength: 10 } }, "minLength"],
    [{ name: "a", parentId: "ct_nothing" }, "NOT_FOUND"],
    [{ name: "a", adopt: false }, "adopt: must be true"],
  ])("%j", async (news, reason) => {
    expect(await problems(news)).toEqual([{ property: "", reason: expect.stringContaining(reason) }]);
  });

  test("nothing that isn't known yet", async () => {
    expect(await problems({ name: UNKNOWN })).toEqual([]);
    expect(await problems({ name: "a", parentId: UNKNOWN, passwordPolicy: { minLength: UNKNOWN } })).toEqual([]);
  });

  test("two rules of two categories that no password can both meet", async () => {
    const { id } = await create({ name: "Short", passwordPolicy: { maxLength: 10 } });
    const [problem] = await problems({ name: "Long", parentId: id, passwordPolicy: { minLength: 20 } });
    expect(problem?.reason).toMatch(/POLICY[\s\S]*minLength[\s\S]*Long[\s\S]*maxLength[\s\S]*Short/);
  });

  test("a rule that clashes with one of a category below, or with a target of another stack's credential below", async () => {
    const top = await create({ name: "Top" });
    const below = await create({ name: "Below", parentId: top.id, passwordPolicy: { maxLength: 30 } });
    const change = (passwordPolicy: object) =>
      diffCategory(scene.resources(), top.id, top.outs, {
        name: "Top",
        passwordPolicy,
        ownerKey: "shop/dev/Category/Top",
      });
    await expect(change({ minLength: 40 })).rejects.toThrow(
      /POLICY[\s\S]*minLength[\s\S]*Top[\s\S]*maxLength[\s\S]*Below/,
    );
    expect(await change({ minLength: 20 })).toEqual({ changes: true });

    const targets = [await scene.declaredTarget({ acceptedCharacters: "abcdefgh0123" })];
    const orders = { name: "orders", username: "orders", categoryId: below.id, targets };
    const made = await scene.up(orders);
    expect(await change({ require: ["upper"] })).toEqual({ changes: true });
    expect(scene.notes.join()).toContain("Top/Below/orders could not be rotated by this policy");
    await scene.vault.updateCredential(made.id, {
      owner: { key: "theirs", stack: "organization/theirs/dev", token: "t" },
    });
    await expect(change({ require: ["upper"] })).rejects.toThrow("POLICY");
    expect(await change({ require: ["digit"] })).toEqual({ changes: true });
  });
});
