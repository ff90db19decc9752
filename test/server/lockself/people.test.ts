import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { HandClock } from "../../contract/vault-cases/setup.js";
import { LockselfScene } from "../../fixtures/lockself-scene.js";

let scene: LockselfScene;
let clock: HandClock;
beforeEach(async () => {
  clock = new HandClock();
  scene = await LockselfScene.start({ clock });
});
afterEach(() => scene.close());

const ANA = { firstName: "Ana", lastName: "de la Cruz", email: "ana@example.com" };

describe("users", () => {
  test("are made, read, changed, blocked and deleted as users of the vault", async () => {
    const { vault } = scene.server;
    const made = await scene.ask("POST /api-key/users", { ...ANA, expirationDate: "20300301", organizationId: "1" });
    expect(made).toEqual({
      status: 201,
      body: {
        ...{ id: made.body.id, ...ANA, organizationId: 1, expirationDate: "2030-03-01 00:00:00" },
        ...{ isExternal: false, isBlocked: false, role: "standard" },
      },
    });
    expect(await vault.people.findPrincipal("user", "ana@example.com")).toMatchObject({
      ...{ displayName: "Ana de la Cruz", email: "ana@example.com", expiresAt: "2030-03-01T00:00:00.000Z" },
    });
    const route = `/api-key/users/${made.body.id}`;
    expect((await scene.ask(`PUT ${route}`, { firstName: "Anna" })).body).toMatchObject({
      firstName: "Anna",
      lastName: "de la Cruz",
    });
    expect((await scene.ask(`PUT ${route}`, { isBlocked: true })).body).toMatchObject({ isBlocked: true });
    expect((await scene.ask(`PUT ${route}`, { isBlocked: 0 })).body).toMatchObject({
      isBlocked: false,
      expirationDate: null,
    });
    expect((await scene.ask("GET /api-key/users")).body.items).toMatchObject([{ id: made.body.id }]);
    expect((await scene.ask(`DELETE ${route}`)).status).toBe(204);
    expect((await scene.ask(`GET ${route}`)).status).toBe(404);
  });

  test("of an administrator are another administrator's to change: no moderator blocks or deletes one", async () => {
    const { body } = await scene.ask("POST /api-key/users", ANA);
    const userId = (await scene.server.vault.people.findPrincipal("user", ANA.email))?.id ?? "";
    await scene.server.token(ANA.email, { role: "administrator", userId });
    const token = await scene.server.token("mo", { role: "moderator" });
    const route = `/api-key/users/${body.id}`;
    expect((await scene.ask(`PUT ${route}`, { isBlocked: true }, { token })).status).toBe(403);
    expect((await scene.ask(`DELETE ${route}`, undefined, { token })).status).toBe(403);
    expect((await scene.ask(`GET ${route}`, undefined, { token })).body).toMatchObject({ isBlocked: false });
    expect((await scene.ask(`PUT ${route}`, { isBlocked: true })).status).toBe(200);
  });

  test("are refused without an address, twice, or with what this server doesn't hold", async () => {
    await scene.ask("POST /api-key/users", ANA);
    for (const [sent, status] of [
      [{ firstName: "x" }, 400],
      [{ email: "nowhere" }, 400],
      [{ email: "b@example.com", expirationDate: "soon" }, 400],
      [{ email: "b@example.com", expirationDate: "2029-12-31" }, 400],
      [ANA, 409],
      [{ email: "b@example.com", role: "moderator" }, 422],
      [{ email: "b@example.com", isExternal: true }, 422],
    ] as const) {
      expect({ sent, ...(await scene.ask("POST /api-key/users", sent)) }).toMatchObject({
        sent,
        status,
        body: { code: status },
      });
    }
  });
});

test("groups have members, and are deleted with all that they gave", async () => {
  const user = (await scene.ask("POST /api-key/users", ANA)).body.id;
  const group = (await scene.ask("POST /api-key/groups", { name: "DBA" })).body.id;
  const member = `/api-key/groups/${group}/users/${user}`;
  for (const _again of [1, 2])
    expect(await scene.ask(`PUT ${member}`)).toMatchObject({ status: 200, body: { userIds: [user] } });
  expect((await scene.ask(`PUT /api-key/groups/${group}`, { name: "DBAs" })).body).toMatchObject({
    name: "DBAs",
    userIds: [user],
  });
  for (const _again of [1, 2]) expect((await scene.ask(`DELETE ${member}`)).status).toBe(204);
  expect((await scene.ask("GET /api-key/groups")).body.items).toEqual([{ id: group, name: "DBAs", userIds: [] }]);
  expect((await scene.ask(`PUT /api-key/groups/${group}/users/${group}`)).status).toBe(404);
  const categoryId = await scene.category("Databases");
  await scene.ask(`POST /api-key/categories/${categoryId}/groups`, { groupId: group, isManager: true });
  expect((await scene.ask(`DELETE /api-key/groups/${group}`)).status).toBe(204);
  expect((await scene.ask(`GET /api-key/categories/${categoryId}/groups`)).body.items).toEqual([]);
});

describe("accesses", () => {
  test("are given by address or id, changed, seen in the rights report, and end", async () => {
    const categoryId = await scene.category("Databases");
    const user = (await scene.ask("POST /api-key/users", ANA)).body.id;
    const route = `/api-key/categories/${categoryId}/users`;
    const added = await scene.ask(`POST ${route}`, {
      email: ANA.email,
      isManager: "False",
      expirationDate: "2030-02-01",
    });
    expect(added).toEqual({
      status: 201,
      body: {
        userId: user,
        email: ANA.email,
        isManager: false,
        isReadOnly: false,
        expirationDate: "2030-02-01 00:00:00",
      },
    });
    expect((await scene.ask(`POST ${route}`, { userId: user })).status).toBe(409);
    expect((await scene.ask(`PUT ${route}/${user}`, { isManager: 1, expirationDate: 0 })).body).toMatchObject({
      ...{ isManager: true, expirationDate: null },
    });
    expect((await scene.ask(`GET ${route}`)).body.items).toMatchObject([{ userId: user, isManager: true }]);
    expect((await scene.ask(`GET /api-key/users/${user}/rights`)).body).toEqual({
      userId: user,
      groups: [],
      categories: [{ categoryId, category: "Databases", isManager: true, isReadOnly: false, expirationDate: null }],
    });
    expect((await scene.ask(`DELETE ${route}/${user}`)).status).toBe(204);
    expect((await scene.ask(`DELETE ${route}/${user}`)).status).toBe(404);
    expect((await scene.ask(`GET /api-key/users/${user}/rights`)).body["categories"]).toEqual([]);
  });

  test("end at their time, and with the user's", async () => {
    const categoryId = await scene.category("Databases");
    const token = await scene.server.token(ANA.email);
    const user = (await scene.ask("GET /api-key/users")).body.items[0]?.id;
    const route = `/api-key/categories/${categoryId}/users`;
    await scene.ask(`POST ${route}`, { userId: user, expirationDate: "2030-01-01 00:10:00" });
    const entries = () => scene.ask(`GET /api-key/credentials?categoryId=${categoryId}`, undefined, { token });
    expect((await entries()).status).toBe(200);
    clock.pass({ minutes: 10 });
    expect((await entries()).status).toBe(404);
    await scene.ask(`PUT ${route}/${user}`, { expirationDate: "" });
    expect((await entries()).status).toBe(200);
    await scene.ask(`PUT /api-key/users/${user}`, { isBlocked: true });
    expect((await entries()).status).toBe(401);
  });

  test("are given by the category's manager, who may not do more than that", async () => {
    const categoryId = await scene.category("Databases");
    const token = await scene.member("boss", categoryId, "manager");
    const ask = (route: string, sent?: object) => scene.ask(route, sent, { token });
    await scene.ask("POST /api-key/users", ANA);
    expect((await ask(`POST /api-key/categories/${categoryId}/users`, { email: ANA.email })).status).toBe(201);
    expect((await ask("GET /api-key/users")).status).toBe(200);
    expect((await ask("POST /api-key/categories", { name: "Below", parentId: categoryId })).status).toBe(201);
    for (const [route, sent] of [
      ["POST /api-key/users", { email: "c@example.com" }],
      ["POST /api-key/groups", { name: "g" }],
      ["POST /api-key/password-policies", { name: "p" }],
      ["POST /api-key/categories", { name: "A shared space" }],
      ["GET /api-key/logs/content"],
    ] as const) {
      expect({ route, ...(await ask(route, sent)) }).toMatchObject({ route, status: 403, body: { code: 403 } });
    }
    const editor = await scene.member("eve", categoryId, "editor");
    for (const route of [`GET /api-key/categories/${categoryId}/users`, "GET /api-key/users", "GET /api-key/groups"]) {
      expect((await scene.ask(route, undefined, { token: editor })).status).toBe(403);
    }
  });

  test("are refused to nobody, to a group as a user, and on what isn't there", async () => {
    const categoryId = await scene.category("Databases");
    const group = (await scene.ask("POST /api-key/groups", { name: "DBA" })).body.id;
    const route = `POST /api-key/categories/${categoryId}/users`;
    for (const [sent, status] of [
      [{}, 400],
      [{ userId: 4711 }, 404],
      [{ userId: group }, 404],
      [{ email: "nobody@example.com" }, 404],
    ] as const) {
      expect({ sent, ...(await scene.ask(route, sent)) }).toMatchObject({ sent, status });
    }
    expect((await scene.ask("POST /api-key/categories/4711/groups", { groupId: group })).status).toBe(404);
  });
});
