import { connect } from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import { Secret } from "../../provider/core/secret.js";
import { parseStrictJson } from "../../provider/server/strict-json.js";
import { v1Front } from "../../provider/server/v1/front.js";
import type { Category, Principal, Vault } from "../../provider/vault/port.js";
import { openRemoteVault } from "../../provider/vault/remote/remote-vault.js";
import { collect, createOne, failure, target, withValue } from "../contract/vault-cases/setup.js";
import { ServerScene, type ServerSceneOptions } from "../fixtures/server-scene.js";

let scene: ServerScene;
const opened: Vault[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((vault) => vault.close()));
  await scene.close();
});

/** Two categories: `ana` edits A and nothing else, whoever she is up against has B. */
async function start(options: ServerSceneOptions = {}): Promise<{ a: Category; b: Category; ana: Vault }> {
  scene = await ServerScene.start({ fronts: [v1Front], ...options });
  const make = (name: string) => scene.vault.createCategory({ name, parentId: null });
  const [a, b] = [await make("A"), await make("B")];
  return { a, b, ana: await member("ana", a, "editor") };
}

async function member(name: string, { id: categoryId }: Category, role: "reader" | "editor"): Promise<Vault> {
  const text = new Secret(await scene.token(name));
  const { id: principalId } = (await scene.vault.people.findPrincipal("user", name)) as Principal; // just made
  await scene.vault.people.createGrant({ categoryId, principalId, role });
  const vault = openRemoteVault({ origin: scene.origin, token: () => text });
  opened.push(vault);
  return vault;
}

describe("an editor of one category", () => {
  test("names no admin and no hook's secret by a path where nothing is yet: it could be another's one day", async () => {
    const { a, b, ana } = await start();
    const byPath = target("app", { description: { adminRef: "coffre://memory/B/admin" } });
    const notify = [{ url: "https://hook.example", secretRef: "coffre://memory/B/signing" }];
    await failure(createOne(ana, { name: "app", categoryId: a.id, targets: [byPath] }), "FORBIDDEN");
    await failure(createOne(ana, { name: "app", categoryId: a.id, notify }), "FORBIDDEN");
    await member("bo", b, "editor").then((bo) => createOne(bo, { name: "admin", categoryId: b.id }));
    await failure(createOne(ana, { name: "app", categoryId: a.id, targets: [byPath] }), "FORBIDDEN");
  });

  test("learns no name in another from a refusal", async () => {
    const { a, b, ana } = await start();
    const admin = await createOne(scene.vault, { name: "admin", categoryId: a.id });
    const targets = [target("app", { adminId: admin.id })];
    const hidden = await createOne(scene.vault, { name: "payroll", categoryId: b.id, targets });
    const taken = await failure(createOne(ana, { name: "mine", categoryId: a.id, targets }), "CONFLICT");
    const needed = await failure(ana.deleteCredential(admin.id, {}), "CONFLICT");
    for (const { message } of [taken, needed]) {
      expect(message).toContain(hidden.id);
      expect(message).not.toContain("payroll");
    }
  });

  test("spends and clears no logins of an account that a credential elsewhere has", async () => {
    const { a, b, ana } = await start();
    const theirs = target("app");
    const mine = target("mine");
    await createOne(scene.vault, { name: "payroll", categoryId: b.id, targets: [theirs] });
    const entry = await createOne(ana, { name: "mine", categoryId: a.id, targets: [mine] });
    const booking = { id: "b1", account: theirs.account, host: "db.example.com", kind: "probe" as const };
    await failure(ana.bookLogin(booking), "FORBIDDEN");
    const lease = { holder: "h", ttlSeconds: 60 };
    await failure(ana.acquireLease(entry.id, lease, [{ step: "book-login", booking }]), "FORBIDDEN");
    await failure(ana.clearLogins(theirs.account), "FORBIDDEN");
    await ana.bookLogin({ ...booking, account: mine.account });
    await ana.clearLogins(mine.account);
  });

  test("sees in the events of an entry no id of another's that was read with it", async () => {
    const { a, b, ana } = await start();
    const mine = await createOne(scene.vault, { name: "mine", categoryId: a.id, ...withValue("x") });
    const theirs = await createOne(scene.vault, { name: "payroll", categoryId: b.id, ...withValue("y") });
    await scene.vault.readMany([{ id: mine.id }, { id: theirs.id }]);
    const events = await collect(ana.listEvents({ credentialId: mine.id }));
    expect(events.at(-1)).toMatchObject({ action: "credential.read", ids: [mine.id] });
    const all = await collect(scene.vault.listEvents({ credentialId: mine.id }));
    expect(all.at(-1)?.ids).toEqual([mine.id, theirs.id]);
  });
});

describe("a stranger", () => {
  test("gets no further by naming another token each time, and takes none of a token's requests away", async () => {
    await start({ limits: { requestsPerMinute: 5 } });
    const good = await scene.token("root", { role: "administrator" });
    const guess = (index: number) => `cft_${String(index).padStart(22, "a")}_${"a".repeat(43)}`;
    const wrong = `${good.slice(0, -3)}AAA`;
    const statuses: number[] = [];
    for (let index = 0; index < 6; index += 1) {
      const token = index % 2 === 0 ? guess(index) : wrong;
      statuses.push((await scene.send("/v1/identity", { token, body: {} })).status);
    }
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429]);
    expect((await scene.send("/v1/identity", { token: good, body: {} })).status).toBe(200);
  });

  test.each([
    ["a URL that is none", "/v1/%zz", 400],
    ["a URL without end", `/${"x".repeat(20_000)}`, 431],
  ])("is answered in the one shape of errors, with nothing of what was sent: %s", async (_what, path, status) => {
    await start();
    const answer = await raw(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    expect(answer).toContain(`HTTP/1.1 ${String(status)} `);
    expect(JSON.parse(answer.slice(answer.indexOf("\r\n\r\n")))).toMatchObject({ error: { code: "INVALID_INPUT" } });
    expect(answer).not.toContain("%zz");
    expect(answer).not.toContain("xxx");
  });

  test("who speaks no HTTP is answered in that shape, too", async () => {
    await start();
    const answer = await raw("hunter2\r\n\r\n");
    expect(answer).toContain("HTTP/1.1 400 ");
    expect(JSON.parse(answer.slice(answer.indexOf("\r\n\r\n")))).toMatchObject({ error: { code: "INVALID_INPUT" } });
  });
});

test("no request asks for so much that nobody else is answered, and a client asks for more by several", async () => {
  const { a } = await start();
  const token = await scene.token("root", { role: "administrator" });
  const ask = (name: string, body: object) => scene.send(`/v1/${name}`, { token, body });
  const refused = { status: 400, body: { error: { code: "INVALID_INPUT" } } };
  const requests = Array.from({ length: 10_001 }, () => ({ id: "x" }));
  expect(await ask("read-many", { requests })).toMatchObject(refused);
  expect(await ask("has-heads", { proofs: requests.map(({ id }) => id) })).toMatchObject(refused);
  const one = await createOne(scene.vault, { name: "one", categoryId: a.id, ...withValue("x") });
  const secret = new Secret(token);
  const client = openRemoteVault({ origin: scene.origin, token: () => secret });
  opened.push(client);
  const answers = await client.readMany([...requests, { id: one.id }]);
  expect(answers).toHaveLength(10_002);
  expect(answers.at(-1)).toMatchObject({ id: one.id });
});

test("comparisons, each of which looks at all that a caller may read, are counted apart", async () => {
  await start();
  const [token, other] = [await scene.token("ana"), await scene.token("bo")];
  const body = { key: "k".repeat(43), digests: "" };
  const ask = (name: string, by: string) => scene.send(`/v1/${name}`, { token: by, body });
  for (let index = 0; index < 15; index += 1) expect(await ask("find-values", token)).toMatchObject({ status: 200 });
  const refused = await ask("find-values", token);
  expect(refused).toMatchObject({ status: 429, body: { error: { code: "UNREACHABLE" } } });
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  expect((await scene.send("/v1/identity", { token, body: {} })).status).toBe(200);
  expect(await ask("find-values", other)).toMatchObject({ status: 200 });
});

describe("an answer", () => {
  test("is for nobody's cache", async () => {
    await start();
    const token = await scene.token("root", { role: "administrator" });
    for (const path of ["/v1/identity", "/v1/list-categories"]) {
      expect((await scene.send(path, { token, body: {} })).headers.get("cache-control")).toBe("no-store");
    }
  });
});

test("levels are counted before the text is parsed: 16 MB of brackets cost nothing", async () => {
  await start();
  const began = performance.now();
  expect(() => parseStrictJson("[".repeat(8_000_000) + "]".repeat(8_000_000))).toThrow("levels");
  expect(() => parseStrictJson(`{"a":"${"\\".repeat(1_000_001)}`)).toThrow("isn't JSON");
  expect(() => parseStrictJson(`{"\\u00zz":1}`)).toThrow("isn't JSON");
  expect(performance.now() - began).toBeLessThan(500);
});

/** What the server says to bytes that a client of HTTP wouldn't send. */
function raw(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(Number(new URL(scene.origin).port), "127.0.0.1", () => socket.write(bytes));
    socket.setEncoding("utf8").on("data", (part: string) => (text += part));
    socket.on("close", () => resolve(text));
    socket.on("error", reject);
  });
}
