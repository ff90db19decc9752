import { statSync } from "node:fs";
import { afterEach, describe, expect, test } from "@jest/globals";
import { callerOf, type Front, requireCaller } from "../../provider/server/app.js";
import { LOCK } from "../../provider/server/identities/authenticate.js";
import { HandClock } from "../contract/vault-cases/setup.js";
import { ServerScene, type ServerSceneOptions } from "../fixtures/server-scene.js";

let scene: ServerScene;
afterEach(() => scene.close());

/** One route behind a token: it says who asked, and what was sent. */
const whoAmI: Front = (app, context) => {
  requireCaller(app, context);
  app.post("/who", async (request) => ({ ...callerOf(request).principal, sent: request.body }));
  app.post("/slow", async () => new Promise((resolve) => setTimeout(() => resolve({ done: true }), 300)));
  app.post("/broken", async () => {
    throw new Error("hunter2");
  });
};

async function start(options: ServerSceneOptions = {}): Promise<ServerScene> {
  scene = await ServerScene.start({ fronts: [whoAmI], ...options });
  return scene;
}

function who(token: string | undefined, body: object | string = {}) {
  return scene.send("/who", { body, ...(token === undefined ? {} : { token }) });
}

const refused = { status: 401, body: { error: { code: "FORBIDDEN", problem: expect.stringContaining("token") } } };

describe("a token", () => {
  test("is taken whatever the case of header and scheme, and says who asks", async () => {
    await start();
    const token = await scene.token("ana", { role: "administrator" });
    for (const headers of [{ AUTHORIZATION: `bearer ${token}` }, { authorization: `BEARER  ${token} ` }]) {
      expect(await scene.send("/who", { headers, body: {} })).toMatchObject({ status: 200, body: { name: "ana" } });
    }
    expect(scene.log.map(({ identity }) => identity)).toEqual(["ana", "ana"]);
  });

  test("of a user is the user's, who has to be there and in force", async () => {
    const clock = new HandClock();
    const { vault } = await start({ clock });
    const token = await scene.token("ana");
    const user = await vault.people.findPrincipal("user", "ana");
    expect((await who(token)).body).toMatchObject({ id: user?.id, role: "user" });
    await vault.people.updatePrincipal(user?.id ?? "", { expiresAt: "2030-01-01T00:10:00.000Z" });
    expect((await who(token)).status).toBe(200);
    clock.pass({ minutes: 10 });
    expect(await who(token)).toMatchObject(refused);
    await vault.people.updatePrincipal(user?.id ?? "", { expiresAt: null });
    expect((await who(token)).status).toBe(200);
    await vault.people.deletePrincipal(user?.id ?? "", {});
    expect(await who(token)).toMatchObject(refused);
  });

  test("is refused once it has expired or is revoked, at the next request", async () => {
    const clock = new HandClock();
    await start({ clock });
    const { tokens } = scene.state;
    const token = await scene.token("ana", { role: "administrator", expiresAt: "2030-01-01T00:10:00.000Z" });
    const { tokenId } = (await who(token)).body as { tokenId: string };
    clock.pass({ minutes: 10 });
    expect(await who(token)).toMatchObject(refused);
    await tokens.expire(tokenId, "2030-01-01T00:30:00.000Z");
    expect((await who(token)).status).toBe(200);
    await tokens.revoke(tokenId);
    expect(await who(token)).toMatchObject(refused);
    await expect(tokens.expire(tokenId, "2031-01-01T00:00:00.000Z")).rejects.toThrow("was revoked");
  });

  test("that is missing, of another form or somebody's guess is refused with the same words", async () => {
    await start();
    const good = await scene.token("ana", { role: "administrator" });
    const wrong = [
      undefined,
      "",
      "x",
      good.slice(0, -1),
      `${good.slice(0, -3)}AAA`,
      `cft_${"a".repeat(22)}_${"a".repeat(43)}`,
    ];
    const answers = await Promise.all(wrong.map((token) => who(token)));
    for (const answer of answers) expect(answer).toMatchObject(refused);
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
  });

  test("is locked after repeated wrong secrets, for the right one too, and opens by itself", async () => {
    const clock = new HandClock();
    await start({ clock });
    const good = await scene.token("ana", { role: "administrator" });
    for (let tries = 0; tries < LOCK.failures; tries += 1) {
      expect((await who(`${good.slice(0, -3)}AAA`)).status).toBe(401);
    }
    expect(await who(good)).toMatchObject({ status: 423, body: { error: { code: "LOCKED" } } });
    clock.pass({ minutes: LOCK.minutes });
    expect((await who(good)).status).toBe(200);
  });

  test("stands nowhere: not in the server's file, which nobody else may open, and not in the log", async () => {
    await start();
    const token = await scene.token("ana", { role: "administrator" });
    await scene.send(`/who?token=${token}`, { token, body: {} });
    await scene.send(`/${token}`, { token });
    expect(JSON.stringify(scene.log)).not.toContain(token.slice(30));
    expect(statSync(scene.state.file.path).mode & 0o077).toBe(0);
  });
});

describe("a request", () => {
  test.each([
    ["cut", '{"a": [1, 2', 400, "isn't JSON, or was cut"],
    ["with a key twice", '{"a": 1, "b": {"c": 1, "c": 2}}', 400, "a key twice"],
    ["with a key twice, once escaped", '{"a": 1, "\\u0061": 2}', 400, "a key twice"],
    ["deeply nested", "[".repeat(100_000) + "]".repeat(100_000), 400, "levels"],
    ["too large", JSON.stringify("x".repeat(2_000)), 413, "larger"],
  ])("%s is refused, and nothing of it is repeated", async (_what, body, status, problem) => {
    await start({ limits: { largestRequest: status === 413 ? 1_000 : 1_000_000 } });
    const token = await scene.token("ana", { role: "administrator" });
    expect(await who(token, body)).toMatchObject({
      status,
      body: { error: { code: "INVALID_INPUT", problem: expect.stringContaining(problem) } },
    });
  });

  test("with the same key in two objects, or with braces in a text, is none of those", async () => {
    await start();
    const token = await scene.token("ana", { role: "administrator" });
    const sent = { a: { k: 1 }, b: [{ k: 2 }, { k: '{"k":1,"k":' }], __proto__: 1 };
    expect((await who(token, sent)).body).toMatchObject({ sent });
  });

  test("of another media type is refused", async () => {
    await start();
    const token = await scene.token("ana", { role: "administrator" });
    const headers = { "content-type": "text/plain" };
    expect(await scene.send("/who", { token, headers, body: "{}" })).toMatchObject({ status: 415 });
  });

  test("without a token isn't even read", async () => {
    await start({ limits: { largestRequest: 10 } });
    expect((await who(undefined, "x".repeat(1_000))).status).toBe(401);
  });

  test("that breaks the server says nothing of what broke, and is told to whoever runs it", async () => {
    await start();
    const answer = await scene.send("/broken", {
      token: await scene.token("ana", { role: "administrator" }),
      body: {},
    });
    expect(answer).toMatchObject({ status: 500, body: { error: { code: "UNREACHABLE" } } });
    expect(JSON.stringify(answer.body)).not.toContain("hunter2");
    expect(scene.complaints).toHaveLength(1);
  });

  test("too many of one token in a minute are refused with the time to wait; another token's aren't", async () => {
    await start({ limits: { requestsPerMinute: 3 } });
    const [ana, bo] = [
      await scene.token("ana", { role: "administrator" }),
      await scene.token("bo", { role: "administrator" }),
    ];
    for (let count = 0; count < 3; count += 1) expect((await who(ana)).status).toBe(200);
    const answer = await who(ana);
    expect(answer).toMatchObject({ status: 429, body: { error: { code: "UNREACHABLE" } } });
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await who(bo)).status).toBe(200);
  });
});

describe("the server", () => {
  test("listens beyond loopback with TLS only", async () => {
    await start();
    await expect(scene.server.listen({ host: "0.0.0.0", port: 0 })).rejects.toMatchObject({ code: "CONFIGURATION" });
  });

  test("answers what is under way before it ends", async () => {
    await start();
    const answer = scene.send("/slow", { token: await scene.token("ana", { role: "administrator" }), body: {} });
    await new Promise((resolve) => setTimeout(resolve, 100));
    await scene.server.stop();
    expect(await answer).toMatchObject({ status: 200, body: { done: true } });
    await expect(fetch(`${scene.origin}/healthz`)).rejects.toThrow();
  });

  test("says that it lives, and whether its vault can be read, to anybody", async () => {
    const { vault } = await start();
    expect(await scene.send("/healthz")).toMatchObject({ status: 200, body: { status: "ok" } });
    expect(await scene.send("/readyz")).toMatchObject({ status: 200, body: { status: "ok" } });
    vault.identity = async () => {
      throw new Error("the disk is gone");
    };
    expect(await scene.send("/readyz")).toMatchObject({ status: 503, body: { status: "not ready" } });
    expect(await scene.send("/elsewhere")).toMatchObject({ status: 404, body: { error: { code: "NOT_SUPPORTED" } } });
  });
});
