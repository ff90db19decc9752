import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { connect } from "node:net";
import { HandClock } from "../../contract/vault-cases/setup.js";
import { LockselfScene } from "../../fixtures/lockself-scene.js";

let scene: LockselfScene;
let clock: HandClock;
let categoryId: number;
beforeEach(async () => {
  clock = new HandClock();
  scene = await LockselfScene.start({ clock, limits: { largestRequest: 100_000 } });
  categoryId = await scene.category("Partners");
});
afterEach(() => scene.close());

const ROUTE = "POST /api-key/credentials";
/** The token with another secret. */
function altered(token: string): string {
  const at = token.length - 20;
  return `${token.slice(0, at)}${token[at] === "x" ? "y" : "x"}${token.slice(at + 1)}`;
}

const SENTINEL = "hunter2-sentinel";

describe("tokens", () => {
  test("are taken in both forms and whatever the headers' case; X-Auth-Token wins over Bearer", async () => {
    const { token } = scene;
    for (const headers of [
      { "X-AUTH-TOKEN": token, "x-LS-token": token },
      { AUTHORIZATION: `bearer ${token}`, "X-LS-Token": token },
      { "X-Auth-Token": token, Authorization: "Bearer cft_wrong", "X-Ls-Token": token },
    ]) {
      expect((await scene.server.send("/api-key/credentials", { headers })).status).toBe(200);
    }
  });

  test("are refused, in LockSelf's shape, if one is missing, wrong, another's, revoked or expired", async () => {
    const { server, token } = scene;
    const other = await server.token("bob", { role: "administrator" });
    const user = await server.token("ana");
    const ending = await server.token("root", { role: "administrator", expiresAt: "2030-01-01T01:00:00.000Z" });
    clock.pass({ minutes: 60 });
    const wrong = altered(token);
    for (const headers of [
      {},
      { "x-auth-token": token },
      { "x-ls-token": token },
      { "x-auth-token": token, "x-ls-token": "" },
      { "x-auth-token": wrong, "x-ls-token": token },
      { "x-auth-token": token, "x-ls-token": wrong },
      { "x-auth-token": token, "x-ls-token": other },
      { "x-auth-token": user, "x-ls-token": token },
      { "x-auth-token": ending, "x-ls-token": token },
    ] as Record<string, string>[]) {
      const answer = await server.send("/api-key/credentials", { headers });
      expect(answer).toMatchObject({ status: 401, body: { code: 401, message: expect.any(String) } });
    }
    for (const { id, user: name } of server.state.tokens.list())
      if (name === "root") await server.state.tokens.revoke(id);
    expect((await scene.ask("GET /api-key/credentials")).status).toBe(401);
  });

  test("are asked for before a body is read, also where there is no route", async () => {
    expect((await scene.ask(ROUTE, "{", { token: "cft_x" })).status).toBe(401);
    expect((await scene.ask("GET /api-key/nothing", undefined, { token: "cft_x" })).status).toBe(401);
    expect(await scene.ask("GET /api-key/nothing")).toMatchObject({ status: 404, body: { code: 404 } });
    expect(await scene.ask("PATCH /api-key/credentials")).toMatchObject({ status: 404, body: { code: 404 } });
  });

  test("of a name that was tried too often wrongly are refused for a while, which says so", async () => {
    const wrong = altered(scene.token);
    for (let tried = 0; tried < 10; tried++) await scene.ask("GET /api-key/credentials", undefined, { token: wrong });
    const { status, body } = await scene.ask("GET /api-key/credentials");
    expect({ status, body }).toMatchObject({ status: 401, body: { message: expect.stringContaining("locked") } });
  });
});

describe("a body is refused, nothing is written and nothing of it is repeated:", () => {
  const deep = `${"[".repeat(40)}${"]".repeat(40)}`;
  const rest = `"categoryId":CATEGORY,"name":"n","password":"${SENTINEL}"`;
  test.each([
    ["cut", 400, `{${rest}`],
    ["no JSON", 400, SENTINEL],
    ["a list", 400, `["${SENTINEL}"]`],
    ["nothing", 400, ""],
    ["deeply nested", 400, `{${rest},"tags":${deep}}`],
    ["a key twice", 400, `{${rest},"name":"m"}`],
    ["a key twice, once escaped", 400, `{${rest},"n\\u0061me":"m"}`],
    ["an unknown field", 400, `{${rest},"passwrd":"x"}`],
    ["__proto__", 400, `{${rest},"__proto__":{"isAlert":true}}`],
    ["a number for a text", 400, `{"categoryId":CATEGORY,"name":7,"password":"${SENTINEL}"}`],
    ["a fraction for an id", 400, `{"categoryId":1.5,"name":"n","password":"${SENTINEL}"}`],
    ["a word for a boolean", 400, `{${rest},"isAlert":"yes"}`],
    ["a name with a slash", 400, `{"categoryId":CATEGORY,"name":"a/b","password":"${SENTINEL}"}`],
    ["an empty password", 400, `{"categoryId":CATEGORY,"name":"n","password":""}`],
    ["a long option", 400, `{${rest},"opt1":"${"x".repeat(201)}"}`],
    ["a seed that is none", 400, `{${rest},"totp":"1-1"}`],
    ["a foreign category", 404, `{"categoryId":987654,"name":"n","password":"${SENTINEL}"}`],
    ["too large", 413, `{${rest},"description":"${"x".repeat(100_000)}"}`],
  ])("%s", async (_what, status, text) => {
    const sent = text.replace("CATEGORY", String(categoryId));
    const answer = await scene.ask(ROUTE, sent);
    expect(answer).toMatchObject({ status, body: { code: status, message: expect.any(String) } });
    expect(JSON.stringify(answer.body)).not.toContain(SENTINEL);
    expect((await scene.ask("GET /api-key/credentials")).body.total).toBe("0");
  });

  test("of another type, of bytes that are no text, and a field of a form that comes twice", async () => {
    const headers = { "content-type": "text/xml" };
    expect(await scene.ask(ROUTE, "<a/>", { headers })).toMatchObject({ status: 415, body: { code: 415 } });
    const form = new URLSearchParams({ categoryId: String(categoryId), name: "n", password: "p" });
    form.append("name", "m");
    expect(await scene.ask(ROUTE, form)).toMatchObject({
      status: 400,
      body: { message: expect.stringMatching(/^name /) },
    });
    const answer = await fetch(`${scene.server.origin}/api-key/credentials`, {
      method: "POST",
      headers: { "x-auth-token": scene.token, "x-ls-token": scene.token, "content-type": "application/json" },
      body: Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]),
    });
    expect(answer.status).toBe(400);
  });

  test("shorter than its header says: the connection is let go, nothing is written", async () => {
    const body = JSON.stringify({ categoryId, name: "n", password: SENTINEL });
    const socket = connect(Number(new URL(scene.server.origin).port), "127.0.0.1");
    const tokens = `X-Auth-Token: ${scene.token}\r\nX-Ls-Token: ${scene.token}\r\n`;
    const head = `POST /api-key/credentials HTTP/1.1\r\nHost: x\r\n${tokens}Content-Type: application/json\r\n`;
    socket.write(`${head}Content-Length: ${body.length + 10}\r\n\r\n${body}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
    socket.destroy();
    expect((await scene.ask("GET /api-key/credentials")).body.total).toBe("0");
  });
});

test("a clear text of 20,000 characters is taken", async () => {
  const password = "é".repeat(20_000);
  const { body } = await scene.ask(ROUTE, { categoryId, name: "long", password });
  expect((await scene.ask(`GET /api-key/credentials/${body.id}/decrypt`)).body.password).toBe(password);
});

test.each(["page=0", "page=x", "limit=0", "limit=-1", "categoryId=x"])(
  "a list asked with %s is refused",
  async (query) => {
    expect((await scene.ask(`GET /api-key/credentials?${query}`)).status).toBe(400);
  },
);

test.each(["x", "1e3", "-5", "0", "99999999999999999999", "1%202", "%2e%2e", "__proto__"])(
  "the id %s is nobody's",
  async (id) => {
    for (const list of ["credentials", "categories", "users", "groups", "password-policies"]) {
      expect((await scene.ask(`GET /api-key/${list}/${id}`)).status).toBe(404);
    }
  },
);

test("an id of another kind is nobody's", async () => {
  expect((await scene.ask(`GET /api-key/credentials/${categoryId}`)).status).toBe(404);
  expect((await scene.ask(`GET /api-key/users/${categoryId}`)).status).toBe(404);
});

test("another organisation's id is nobody's", async () => {
  for (const [route, body] of [
    ["GET /api-key/organizations/2"],
    ["GET /api-key/categories?organizationId=2"],
    ["GET /api-key/users?organizationId=2"],
    ["GET /api-key/logs/content?organizationId=2"],
    ["POST /api-key/users", { email: "a@example.com", organizationId: 2 }],
    ["POST /api-key/download/generate/token", { method: "downloadGlobalExport", organizationId: 2, zipPassword: "p" }],
  ] as const) {
    expect({ route, ...(await scene.ask(route, body)) }).toMatchObject({ route, status: 404, body: { code: 404 } });
  }
  expect((await scene.ask("GET /api-key/organizations/1")).body).toMatchObject({ id: 1, parentId: null });
});
