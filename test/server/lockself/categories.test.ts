import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { HandClock } from "../../contract/vault-cases/setup.js";
import { LockselfScene } from "../../fixtures/lockself-scene.js";

let scene: LockselfScene;
beforeEach(async () => {
  scene = await LockselfScene.start({ clock: new HandClock() });
});
afterEach(() => scene.close());

describe("categories", () => {
  test("make a tree that the vault has too, and are moved and renamed", async () => {
    const top = await scene.category("Production");
    const child = await scene.category("Databases", top);
    expect((await scene.ask("GET /api-key/categories")).body.items).toMatchObject([
      { id: top, name: "Production", parentId: null, organizationId: 1 },
      { id: child, name: "Databases", parentId: top },
    ]);
    expect(await scene.server.vault.findCategory(["Production", "Databases"])).toBeDefined();
    const moved = await scene.ask(`PUT /api-key/categories/${child}`, { name: "DB", parentId: null });
    expect(moved).toMatchObject({ status: 200, body: { id: child, name: "DB", parentId: null } });
    expect(await scene.server.vault.findCategory(["DB"])).toBeDefined();
    const form = new URLSearchParams({ parentId: String(top) });
    expect((await scene.ask(`PUT /api-key/categories/${child}`, form)).body).toMatchObject({
      name: "DB",
      parentId: top,
    });
  });

  test("are deleted only when empty", async () => {
    const top = await scene.category("Production");
    const child = await scene.category("Databases", top);
    const { id } = (await scene.ask("POST /api-key/credentials", { categoryId: child, name: "n", password: "p" })).body;
    for (const full of [top, child]) {
      expect(await scene.ask(`DELETE /api-key/categories/${full}`)).toMatchObject({ status: 409, body: { code: 409 } });
    }
    await scene.ask(`DELETE /api-key/credentials/${id}`);
    for (const empty of [child, top]) expect((await scene.ask(`DELETE /api-key/categories/${empty}`)).status).toBe(204);
    expect((await scene.ask(`DELETE /api-key/categories/${top}`)).status).toBe(404);
  });

  test("are refused with an unknown or foreign parent, in themselves, with a taken name or a slash", async () => {
    const top = await scene.category("Production");
    const child = await scene.category("Databases", top);
    const entry = (await scene.ask("POST /api-key/credentials", { categoryId: top, name: "n", password: "p" })).body.id;
    for (const [route, sent, status] of [
      ["POST /api-key/categories", { name: "x", parentId: 4711 }, 404],
      ["POST /api-key/categories", { name: "x", parentId: entry }, 404],
      ["POST /api-key/categories", { name: "Databases", parentId: top }, 409],
      ["POST /api-key/categories", { name: "a/b" }, 400],
      ["POST /api-key/categories", {}, 400],
      [`PUT /api-key/categories/${top}`, { parentId: child }, 409],
      [`PUT /api-key/categories/${top}`, { parentId: top }, 409],
    ] as const) {
      expect({ route, sent, ...(await scene.ask(route, sent)) }).toMatchObject({
        route,
        sent,
        status,
        body: { code: status },
      });
    }
  });

  test("show their members what is shared, and hide the rest", async () => {
    const shared = await scene.category("Shared");
    const hidden = await scene.category("Hidden");
    const inHidden = (await scene.ask("POST /api-key/credentials", { categoryId: hidden, name: "n", password: "p" }))
      .body;
    const token = await scene.member("ana", shared, "editor");
    const ask = (route: string, sent?: object) => scene.ask(route, sent, { token });
    expect((await ask("GET /api-key/categories")).body.items).toMatchObject([{ id: shared }]);
    expect((await ask("GET /api-key/credentials")).body.total).toBe("0");
    expect((await ask(`GET /api-key/categories/${hidden}`)).status).toBe(404);
    for (const route of ["", "/decrypt", "/history"]) {
      expect((await ask(`GET /api-key/credentials/${inHidden.id}${route}`)).status).toBe(404);
    }
    expect((await ask("POST /api-key/credentials", { categoryId: hidden, name: "m", password: "p" })).status).toBe(404);
    const { id } = (await ask("POST /api-key/credentials", { categoryId: shared, name: "m", password: "p" })).body;
    expect((await ask(`PUT /api-key/credentials/${id}`, { categoryId: hidden })).status).toBe(404);
    expect((await ask("POST /api-key/credentials", { categoryId: 0, name: "m", password: "p" })).status).toBe(403);
    expect((await ask(`PUT /api-key/categories/${shared}`, { name: "x" })).status).toBe(403);
    expect((await ask("POST /api-key/categories", { name: "x", parentId: shared })).status).toBe(403);
    expect((await ask("POST /api-key/categories", { name: "x" })).status).toBe(403);
  });
});

describe("read-only and expiry", () => {
  test("are kept, shown and enforced here and below, and taken back", async () => {
    const top = await scene.category("Archive");
    const made = await scene.ask("POST /api-key/categories", {
      name: "Old",
      parentId: top,
      allowPasswordCreation: "False",
    });
    expect(made.body).toMatchObject({ allowPasswordCreation: false, expirationDate: null });
    const token = await scene.member("ana", top, "editor");
    const create = (name: string) =>
      scene.ask("POST /api-key/credentials", { categoryId: made.body.id, name, password: "p" }, { token });
    expect((await create("a")).status).toBe(403);
    await scene.ask(`PUT /api-key/categories/${made.body.id}`, { allowPasswordCreation: true });
    expect((await create("a")).status).toBe(201);
    const ended = await scene.ask(`PUT /api-key/categories/${top}`, { expirationDate: "2029-12-31 10:00:00" });
    expect(ended.body).toMatchObject({ expirationDate: "2029-12-31 10:00:00" });
    expect((await create("b")).status).not.toBe(201);
    expect((await scene.ask("GET /api-key/credentials", undefined, { token })).body.total).toBe("0");
    expect((await scene.ask("GET /api-key/credentials")).body.total).toBe("1");
    await scene.ask(`PUT /api-key/categories/${top}`, new URLSearchParams({ expirationDate: "0" }));
    expect((await create("b")).status).toBe(201);
    expect((await scene.ask(`PUT /api-key/categories/${top}`, { expirationDate: "2030-02-30" })).status).toBe(400);
  });
});

describe("named policies", () => {
  const STRICT = { name: "strict", minLength: "12", uppercase: "True", digits: 1 };

  test("hold for a password that comes new, while other fields of an old one stay editable", async () => {
    const categoryId = await scene.category("Partners");
    const { id } = (await scene.ask("POST /api-key/credentials", { categoryId, name: "old", password: "weak" })).body;
    const policy = await scene.ask("POST /api-key/password-policies", STRICT);
    expect(policy).toMatchObject({
      status: 201,
      body: { minLength: 12, uppercase: true, lowercase: false, digits: true },
    });
    const given = await scene.ask(`PUT /api-key/categories/${categoryId}`, { passwordPolicyId: policy.body.id });
    expect(given.body).toMatchObject({ passwordPolicyId: policy.body.id });
    expect((await scene.server.vault.findCategory(["Partners"]))?.policy).toEqual({
      minLength: 12,
      require: ["upper", "digit"],
    });
    const broken = await scene.ask("POST /api-key/credentials", { categoryId, name: "new", password: "hunter2-weak" });
    expect(broken).toMatchObject({ status: 422, body: { code: 422, message: expect.stringContaining("upper") } });
    expect(broken.body.message).not.toContain("hunter2");
    expect((await scene.ask(`PUT /api-key/credentials/${id}`, { password: "weaker" })).status).toBe(422);
    expect((await scene.ask(`PUT /api-key/credentials/${id}`, { description: "still mine" })).status).toBe(200);
    expect((await scene.ask(`PUT /api-key/credentials/${id}`, { password: "weak", username: "u" })).status).toBe(200);
    expect((await scene.ask(`PUT /api-key/credentials/${id}`, { password: "Long enough 1" })).status).toBe(200);
  });

  test("are changed where they are used, refused while in use, and forgotten where another was given", async () => {
    const { id } = (await scene.ask("POST /api-key/password-policies", STRICT)).body;
    const made = await scene.ask("POST /api-key/categories", { name: "Partners", passwordPolicyId: id });
    expect(made.body).toMatchObject({ passwordPolicyId: id });
    await scene.ask(`PUT /api-key/password-policies/${id}`, { minLength: 20, digits: false });
    const category = await scene.server.vault.findCategory(["Partners"]);
    expect(category?.policy).toEqual({ minLength: 20, require: ["upper"] });
    expect((await scene.ask(`DELETE /api-key/password-policies/${id}`)).status).toBe(409);
    await scene.server.vault.updateCategory(category?.id ?? "", { policy: { minLength: 8 } });
    expect((await scene.ask(`GET /api-key/categories/${made.body.id}`)).body.passwordPolicyId).toBeNull();
    await scene.ask(`PUT /api-key/password-policies/${id}`, { minLength: 30 });
    expect((await scene.server.vault.findCategory(["Partners"]))?.policy).toEqual({ minLength: 8 });
    await scene.ask(`PUT /api-key/categories/${made.body.id}`, { passwordPolicyId: 0 });
    expect((await scene.server.vault.findCategory(["Partners"]))?.policy).toBeUndefined();
    expect((await scene.ask(`DELETE /api-key/password-policies/${id}`)).status).toBe(204);
    expect((await scene.ask("GET /api-key/password-policies")).body.items).toEqual([]);
  });

  test("are refused if they can't be met, twice with one name, or unknown", async () => {
    await scene.ask("POST /api-key/password-policies", STRICT);
    for (const [sent, status] of [
      [STRICT, 409],
      [{ name: "no", minLength: 9, maxLength: 8 }, 422],
      [{ name: "no", minLength: 0 }, 400],
      [{ name: "no", special: "perhaps" }, 400],
    ] as const) {
      expect({ sent, ...(await scene.ask("POST /api-key/password-policies", sent)) }).toMatchObject({ sent, status });
    }
    expect((await scene.ask("POST /api-key/categories", { name: "x", passwordPolicyId: 99 })).status).toBe(404);
    expect((await scene.ask("GET /api-key/categories")).body.items).toEqual([]);
  });
});
