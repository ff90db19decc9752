import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { collect } from "../../../provider/core/collect.js";
import { HandClock } from "../../contract/vault-cases/setup.js";
import { LockselfScene } from "../../fixtures/lockself-scene.js";

let scene: LockselfScene;
let clock: HandClock;
beforeEach(async () => {
  clock = new HandClock();
  scene = await LockselfScene.start({ clock });
});
afterEach(() => scene.close());

const FULL = {
  name: "mail-api",
  password: "correct horse",
  username: "robot",
  domain: "https://mail.example",
  description: "the partner's",
  opt1: "first ",
  opt2: "",
  opt3: "v7/2031",
  tags: "mail,partner",
  isAlert: true,
  totp: "JBSWY3DPEHPK3PXP",
};

describe("the documented routes", () => {
  test("a credential is created, and listed exactly as the vendor's sample has it", async () => {
    const categoryId = await scene.category("Partners");
    const created = await scene.ask("POST /api-key/credentials", { categoryId, ...FULL });
    expect(created).toMatchObject({ status: 201, body: { name: "mail-api", username: "robot", isAlert: true } });
    expect(JSON.stringify(created.body)).not.toMatch(/correct horse|first|v7|JBSW/);
    clock.pass({ minutes: 1 });
    await scene.ask(`PUT /api-key/credentials/${created.body.id}`, { description: "ours" });
    const listed = await scene.ask(`GET /api-key/credentials?categoryId=${categoryId}&limit=10`);
    expect(listed).toEqual({
      status: 200,
      body: {
        ...{ page: "1", limit: "10", pages: "1", total: "1" },
        items: [
          {
            id: created.body.id,
            name: "mail-api",
            domain: "https://mail.example",
            userId: 0,
            categoryId: String(categoryId),
            creationDate: "2030-01-01 00:00:00",
            modificationDate: "2030-01-01 00:01:00",
            isOwner: true,
            view: 1,
          },
        ],
      },
    });
  });

  test("a form does the same, with the booleans of Python", async () => {
    const categoryId = await scene.category("Partners");
    for (const [name, isAlert] of [
      ["a", "True"],
      ["b", "False"],
      ["c", "1"],
      ["d", "0"],
    ] as const) {
      const form = new URLSearchParams({ categoryId: ` ${categoryId}`, name, password: "p&=+ é", isAlert, tags: "" });
      const { status, body } = await scene.ask("POST /api-key/credentials", form);
      expect({ status, isAlert: body.isAlert }).toEqual({
        status: 201,
        isAlert: isAlert === "True" || isAlert === "1",
      });
      expect((await scene.ask(`GET /api-key/credentials/${body.id}/decrypt`)).body.password).toBe("p&=+ é");
    }
  });
});

test("what was created is an entry of the vault, and an entry of the vault is listed", async () => {
  const { vault } = scene.server;
  const categoryId = await scene.category("Partners");
  await scene.ask("POST /api-key/credentials", { categoryId, ...FULL });
  const entry = await vault.findCredential(["Partners", "mail-api"]);
  expect(entry).toMatchObject({ username: "robot", url: "https://mail.example", tags: ["mail", "partner"] });
  const [password, opt1, totp] = await vault.readMany(
    ["password", "opt1", "totp"].map((field) => ({ id: entry?.id ?? "", field })),
  );
  expect([password, opt1, totp].map((one) => (one instanceof Error ? one : one?.value.reveal()))).toEqual([
    "correct horse",
    "first ",
    "JBSWY3DPEHPK3PXP",
  ]);
  const category = await vault.findCategory(["Partners"]);
  await vault.createCredentials([{ name: "by-coffre", categoryId: category?.id ?? null, tags: ["x"] }]);
  const { body } = await scene.ask("GET /api-key/credentials");
  expect(body.items.map(({ name }) => name)).toEqual(["mail-api", "by-coffre"]);
});

test("a decryption answers everything in clear, and is an event in the caller's name", async () => {
  const categoryId = await scene.category("Partners");
  const { id } = (await scene.ask("POST /api-key/credentials", { categoryId, ...FULL })).body;
  const { isAlert: _isAlert, ...shown } = FULL;
  expect(await scene.ask(`GET /api-key/credentials/${id}/decrypt`)).toEqual({ status: 200, body: { id, ...shown } });
  const events = await collect(scene.server.vault.listEvents());
  expect(events.at(-1)).toMatchObject({ action: "credential.read", actor: expect.stringContaining("root") });
});

test("an update changes what it names; an earlier password stays in the history, an unchanged one makes no version", async () => {
  const categoryId = await scene.category("Partners");
  const { id } = (await scene.ask("POST /api-key/credentials", { categoryId, ...FULL })).body;
  const route = `/api-key/credentials/${id}`;
  await scene.ask(`PUT ${route}`, { password: "correct horse", opt3: "" });
  expect((await scene.ask(`GET ${route}/history`)).body.items).toEqual([]);
  await scene.ask(`PUT ${route}`, { password: "battery staple", username: "" });
  const { body } = await scene.ask(`GET ${route}/decrypt`);
  expect(body).toMatchObject({ password: "battery staple", username: "", opt1: "first ", opt3: "", name: "mail-api" });
  expect((await scene.ask(`GET ${route}/history`)).body.items).toMatchObject([
    { version: 1, password: "correct horse" },
  ]);
  const other = await scene.category("Elsewhere");
  expect((await scene.ask(`PUT ${route}`, { categoryId: other, name: "moved" })).body).toMatchObject({
    categoryId: String(other),
    name: "moved",
  });
  expect((await scene.ask(`PUT ${route}`, {})).status).toBe(200);
});

test("a delete is final", async () => {
  const categoryId = await scene.category("Partners");
  const { id } = (await scene.ask("POST /api-key/credentials", { categoryId, ...FULL })).body;
  expect((await scene.ask(`DELETE /api-key/credentials/${id}`)).status).toBe(204);
  for (const route of [`GET /api-key/credentials/${id}`, `DELETE /api-key/credentials/${id}`]) {
    expect(await scene.ask(route)).toMatchObject({ status: 404, body: { code: 404 } });
  }
});

test("the password of an account that Coffre rotates is neither changed nor deleted here", async () => {
  const { vault } = scene.server;
  const target = { kind: "postgres", account: "postgres://a@h:5432", description: {}, accountMade: false };
  await vault.createCredentials([{ name: "orders", categoryId: null, targets: [target] }]);
  const [item] = (await scene.ask("GET /api-key/credentials?categoryId=0")).body.items;
  expect(item).toMatchObject({ name: "orders", categoryId: "0" });
  const route = `/api-key/credentials/${item?.id}`;
  expect((await scene.ask(`PUT ${route}`, { password: "x" })).status).toBe(409);
  expect((await scene.ask(`DELETE ${route}`)).status).toBe(409);
  expect((await scene.ask(`PUT ${route}`, { description: "other fields may" })).status).toBe(200);
});

describe("lists", () => {
  test("are paged to the end, in the order in which the entries were made", async () => {
    const categoryId = await scene.category("Many");
    for (let made = 0; made < 7; made++) {
      await scene.ask("POST /api-key/credentials", { categoryId, name: `n${7 - made}`, password: "p" });
    }
    const names: string[] = [];
    for (let page = 1; page <= 3; page++) {
      const { body } = await scene.ask(`GET /api-key/credentials?categoryId=${categoryId}&limit=3&page=${page}`);
      expect(body).toMatchObject({ page: String(page), limit: "3", pages: "3", total: "7" });
      names.push(...body.items.map(({ name }) => name));
    }
    expect(names).toEqual(["n7", "n6", "n5", "n4", "n3", "n2", "n1"]);
    expect((await scene.ask("GET /api-key/credentials?page=4")).body.items).toEqual([]);
  });

  test("have the other envelope where the server says so", async () => {
    await scene.close();
    scene = await LockselfScene.start({ style: { lists: "embedded" } });
    await scene.category("One");
    expect((await scene.ask("GET /api-key/categories")).body).toMatchObject({
      ...{ page: 1, limit: 50, pages: 1, total: 1 },
      _embedded: { items: [{ name: "One" }] },
    });
  });
});
