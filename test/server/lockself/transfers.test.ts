import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { randomBytes, randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { collect } from "../../../provider/core/collect.js";
import { createMemoryVault } from "../../../provider/vault/memory/memory-vault.js";
import { HandClock } from "../../contract/vault-cases/setup.js";
import { LockselfScene } from "../../fixtures/lockself-scene.js";

let scene: LockselfScene;
let clock: HandClock;
let folder: string;
const statePath = () => join(folder, "serve.db");
const files = () => readdirSync(`${statePath()}.transfers`);

beforeEach(async () => {
  clock = new HandClock();
  folder = mkdtempSync(join(tmpdir(), "coffre-transfers-"));
  scene = await LockselfScene.start({ clock, statePath: statePath() });
});
afterEach(async () => {
  await scene.close();
  rmSync(folder, { recursive: true });
});

const CONTENT = randomBytes(30_000);
const PASSWORD = "é tell:nobody";

interface Sent {
  status: number;
  body: { id: number; name: string; downloadLink: string; reportLink: string; message: string };
}

/** Sends one chunk as the known client does; a value of `undefined` leaves a part out. */
async function send(
  parts: Record<string, string | undefined> = {},
  { bytes = CONTENT, path = "/api/transfers/password", name = "rapport d'été.zip" } = {},
): Promise<Sent> {
  const form = new FormData();
  const all = {
    ...{ uuid: randomUUID(), totalSize: String(CONTENT.length), totalChunkCount: "1", chunkIndex: "0", maxDl: "0" },
    ...{ password: PASSWORD, phones: "", expirationDate: "0", ackReceipt: "true", isOutlook: "true", ...parts },
  };
  form.append("file", new Blob([bytes]), name);
  for (const [part, value] of Object.entries(all)) if (value !== undefined) form.append(part, value);
  const headers = { authorization: `Bearer ${scene.token}`, "x-ls-token": scene.token };
  const answer = await fetch(`${scene.server.origin}${path}`, { method: "POST", headers, body: form });
  return { status: answer.status, body: (await answer.json()) as Sent["body"] };
}

function fetchIt(link: string, password: string | undefined = PASSWORD): Promise<Response> {
  const credentials = Buffer.from(`anybody:${password}`, "utf8").toString("base64");
  return fetch(link, password === "" ? {} : { headers: { authorization: `Basic ${credentials}` } });
}

/** All but `setInterval`. */
const OTHER_TIMERS = [
  ...(["Date", "hrtime", "nextTick", "performance", "queueMicrotask"] as const),
  ...(["setImmediate", "clearImmediate", "setTimeout", "clearTimeout"] as const),
];

async function waitFor(condition: () => boolean): Promise<void> {
  for (let tried = 0; tried < 500 && !condition(); tried += 1) await new Promise((done) => setTimeout(done, 10));
  expect(condition()).toBe(true);
}

describe("a transfer with a password", () => {
  test.each(["/api/transfers/password", "/api-key/transfers/password"])(
    "is sent to %s and fetched by curl, with the password alone",
    async (path) => {
      const { status, body } = await send({}, { path });
      expect({ status, body }).toMatchObject({
        status: 200,
        body: { id: expect.any(Number), name: "rapport d'été.zip" },
      });
      const out = join(folder, "fetched");
      const running = promisify(execFile)("curl", ["-sSf", "--config", "-", "-o", out, body.downloadLink]);
      running.child.stdin?.end(`user = ":${PASSWORD}"\n`);
      await running;
      expect(readFileSync(out).equals(CONTENT)).toBe(true);
      const answer = await fetchIt(body.downloadLink);
      expect(answer.headers.get("content-disposition")).toBe(
        "attachment; filename*=UTF-8''rapport%20d%27%C3%A9t%C3%A9.zip",
      );
      expect(await (await fetch(body.reportLink)).json()).toMatchObject({
        name: "rapport d'été.zip",
        downloads: [{}, {}],
      });
    },
  );

  test("lies on the disk so that neither the server's file nor the password alone opens it, and in no log", async () => {
    const { body } = await send({}, { bytes: Buffer.from("plain words ".repeat(2_500)) });
    const [file = ""] = files();
    const path = join(`${statePath()}.transfers`, file);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const kept = Buffer.concat([readFileSync(path), readFileSync(statePath()), readFileSync(`${statePath()}-wal`)]);
    const secret = new URL(body.downloadLink).pathname.split("/").at(-1) ?? "";
    for (const never of ["plain words", PASSWORD, "rapport", secret]) expect(kept.includes(never)).toBe(false);
    expect(JSON.stringify(scene.server.log)).not.toContain(secret);
  });

  test("comes in chunks, in any order and again, over a restart too; the last one has the links", async () => {
    const uuid = randomUUID();
    const chunk = (index: number) =>
      send(
        { uuid, totalChunkCount: "3", chunkIndex: String(index) },
        { bytes: CONTENT.subarray(index * 10_000, (index + 1) * 10_000) },
      );
    const own = join(folder, "restarted.db"); // a server's file belongs to one vault
    const vault = createMemoryVault({ clock });
    await scene.close();
    scene = await LockselfScene.start({ clock, statePath: own, vault });
    for (const index of [2, 2, 0]) expect((await chunk(index)).body).not.toHaveProperty("downloadLink");
    await scene.server.server.stop();
    scene.server.state.file.close();
    scene = await LockselfScene.start({ clock, statePath: own, vault });
    const { body } = await chunk(1);
    expect(Buffer.from(await (await fetchIt(body.downloadLink)).arrayBuffer()).equals(CONTENT)).toBe(true);
    expect((await chunk(1)).status).toBe(409);
  });

  test("is fetched as often as was said, and not by those who only look", async () => {
    const { body } = await send({ maxDl: "2" });
    expect((await fetch(body.downloadLink, { method: "HEAD" })).status).not.toBe(200);
    const asked = await fetchIt(body.downloadLink, "");
    expect([asked.status, asked.headers.get("www-authenticate")]).toEqual([401, expect.stringMatching(/^Basic /)]);
    const answers = await Promise.all([1, 2, 3, 4].map(() => fetchIt(body.downloadLink)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 404, 404]);
    await Promise.all(answers.map((answer) => answer.arrayBuffer()));
    await send();
    expect(files()).toHaveLength(2);
    clock.pass({ minutes: 60 });
    await send();
    expect(files()).toHaveLength(2);
  });

  test("leaves an event of each thing that happens to it, and no secret in one", async () => {
    const { body } = await send({ expirationDate: "20300102", maxDl: "2" }, { name: "plan.zip" });
    await send({ uuid: randomUUID(), totalChunkCount: "2" }, { bytes: CONTENT.subarray(0, 5) }); // never whole
    expect((await fetchIt(body.downloadLink, "wrong")).status).toBe(401);
    await (await fetchIt(body.downloadLink)).arrayBuffer();
    clock.pass({ minutes: 2 * 24 * 60 });
    await send();
    clock.pass({ minutes: 30 * 24 * 60 });
    await send();
    const events = (await collect(scene.server.vault.listEvents())).filter(({ detail }) =>
      detail?.includes("plan.zip"),
    );
    const what = "LockSelf transfer 1: plan.zip, 30000 bytes";
    expect(events.map(({ actor, action, detail }) => [actor, action, detail])).toEqual([
      ["root", "transfer.created", what],
      ["whoever has the link", "transfer.read", `${what}, from 127.0.0.1`],
      ["coffre serve", "transfer.expired", what],
      ["coffre serve", "transfer.deleted", what],
    ]);
    const all = JSON.stringify(await collect(scene.server.vault.listEvents()));
    for (const never of [PASSWORD, new URL(body.downloadLink).pathname.split("/").at(-1)]) {
      expect(all).not.toContain(never);
    }
    expect(all.match(/transfer\.created/g)).toHaveLength(3); // none of an upload that was never whole
    const { body: logs } = await scene.ask("GET /api-key/logs/content?limit=1000");
    expect(JSON.stringify(logs)).toContain('"type":"transfer","action":"transfer.read"');
  });

  test("isn't handed out while the vault can't say so in its log", async () => {
    const { body } = await send();
    const note = jest.spyOn(scene.server.vault, "note").mockRejectedValue(new Error("the disk is full"));
    expect((await fetchIt(body.downloadLink)).status).toBe(500);
    note.mockRestore();
    expect((await fetchIt(body.downloadLink)).status).toBe(200);
  });

  test("ends within an hour of its time, also where nobody sends another one", async () => {
    jest.useFakeTimers({ doNotFake: OTHER_TIMERS });
    try {
      await scene.close();
      const own = join(folder, "hourly.db"); // a server's file belongs to one vault
      scene = await LockselfScene.start({ clock, statePath: own });
      await send({ expirationDate: "20300102" });
      clock.pass({ minutes: 2 * 24 * 60 });
      expect(readdirSync(`${own}.transfers`)).toHaveLength(1);
      jest.advanceTimersByTime(3_600_000);
      await waitFor(() => readdirSync(`${own}.transfers`).length === 0);
    } finally {
      jest.useRealTimers();
    }
  });

  test("ends with its last day, and its report some time later", async () => {
    const { body } = await send({ expirationDate: "20300102" });
    clock.pass({ minutes: 2 * 24 * 60 - 1 });
    expect((await fetchIt(body.downloadLink)).status).toBe(200);
    clock.pass({ minutes: 1 });
    expect((await fetchIt(body.downloadLink)).status).toBe(404);
    await send();
    expect(((await (await fetch(body.reportLink)).json()) as { downloads: unknown[] }).downloads).toHaveLength(1);
    clock.pass({ minutes: 61 });
    await send();
    clock.pass({ minutes: 30 * 24 * 60 });
    await send();
    expect((await fetch(body.reportLink)).status).toBe(404);
    expect(files()).toHaveLength(3);
  });

  test("bears ten wrong passwords in a quarter of an hour", async () => {
    const { body } = await send();
    for (let tried = 0; tried < 10; tried++) expect((await fetchIt(body.downloadLink, "wrong")).status).toBe(401);
    expect((await fetchIt(body.downloadLink)).status).toBe(429);
    clock.pass({ minutes: 15 });
    expect((await fetchIt(body.downloadLink)).status).toBe(200);
    expect((await fetch(`${body.downloadLink}x`)).status).toBe(404);
  });

  test("whose file was altered on the disk isn't handed out", async () => {
    const { body } = await send();
    const path = join(`${statePath()}.transfers`, files()[0] ?? "");
    writeFileSync(path, readFileSync(path).fill(0, 100, 110));
    const answer = await fetchIt(body.downloadLink);
    expect({ status: answer.status, body: await answer.json() }).toMatchObject({ status: 500, body: { code: 500 } });
  });
});

test.each([
  ["a phone, since no SMS would come", { phones: "+33600000000" }, 422],
  ["a date that is over", { expirationDate: "20291231" }, 400],
  ["a date that is none", { expirationDate: "tomorrow" }, 400],
  ["no password", { password: undefined }, 400],
  ["an empty password", { password: "" }, 400],
  ["an id that is none", { uuid: "../../etc" }, 400],
  ["more bytes than it said", { totalSize: "29999" }, 409],
  ["fewer bytes than it said", { totalSize: "30001" }, 409],
  ["a size over the limit", { totalSize: "104857601" }, 400],
  ["a chunk beyond the last", { chunkIndex: "1" }, 400],
  ["a part that nobody knows", { recipients: "a@example.com" }, 400],
])("a transfer is refused with %s", async (_what, parts, status) => {
  const answer = await send(parts);
  expect(answer).toMatchObject({ status, body: { code: status, message: expect.any(String) } });
  expect(JSON.stringify(answer.body)).not.toContain(PASSWORD);
});

test("a transfer is refused to readers, as anything but parts, and with a chunk that is too large", async () => {
  const token = await scene.server.token("ana", { role: "reader" });
  const admin = scene.token;
  Object.assign(scene, { token });
  expect((await send()).status).toBe(403);
  Object.assign(scene, { token: admin });
  expect((await scene.ask("POST /api/transfers/password", { uuid: randomUUID() })).status).toBe(406);
  const tooLarge = await send({ totalSize: "20971521" }, { bytes: Buffer.alloc(20_971_521) });
  expect(tooLarge).toMatchObject({ status: 413, body: { code: 413 } });
});

test("two uploads don't mix: another sender, another password or another size is another one", async () => {
  const uuid = randomUUID();
  const half = (parts: Record<string, string>) =>
    send({ uuid, totalChunkCount: "2", ...parts }, { bytes: CONTENT.subarray(0, 15_000) });
  expect((await half({})).status).toBe(200);
  expect((await half({ chunkIndex: "1", password: "another" })).status).toBe(409);
  expect((await half({ chunkIndex: "1", totalSize: "40000" })).status).toBe(409);
  Object.assign(scene, { token: await scene.server.token("ana") });
  expect((await half({ chunkIndex: "1", password: "another" })).body).not.toHaveProperty("downloadLink");
});
