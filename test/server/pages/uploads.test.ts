import { afterEach, describe, expect, test } from "@jest/globals";
import { collect } from "../../../provider/core/collect.js";
import { CoffreError } from "../../../provider/core/errors.js";
import type { DropBox } from "../../../provider/vault/port.js";
import { ANA, BO, MO, PagesScene, type PlainBrowser, type Seen } from "../../fixtures/pages-scene.js";

let scene: PagesScene;
let box: DropBox;
let browser: PlainBrowser;
afterEach(() => scene.close());

async function begin(input: Parameters<PagesScene["box"]>[0] = {}): Promise<void> {
  scene = await PagesScene.start();
  box = await scene.box(input);
  browser = await scene.signIn(box, ANA);
  await browser.get(`/boxes/${box.id}`);
}

function tus(
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: string | Uint8Array,
  by = browser,
): Promise<Seen> {
  return by.send(path, {
    method,
    headers: {
      "tus-resumable": "1.0.0",
      "x-form-token": by.token,
      ...(body === undefined ? {} : { "content-type": "application/offset+octet-stream" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: Buffer.from(body) }),
  });
}

async function create(size: number, name = "a.txt"): Promise<string> {
  const metadata = `filename ${Buffer.from(name).toString("base64")}`;
  const { status, headers } = await tus("POST", `/boxes/${box.id}/uploads`, {
    "upload-length": String(size),
    "upload-metadata": metadata,
  });
  expect(status).toBe(201);
  return headers.get("location") ?? "";
}

const send = (url: string, offset: number, body: string | Uint8Array, by = browser) =>
  tus("PATCH", url, { "upload-offset": String(offset) }, body, by);

const offsetOf = async (url: string) => Number((await tus("HEAD", url, {})).headers.get("upload-offset"));

describe("an upload by tus", () => {
  test("comes in pieces, goes on where it was cut, and is whole at the end", async () => {
    await begin();
    const url = await create(10);
    expect(url).toMatch(new RegExp(`^/boxes/${box.id}/uploads/fi_`));
    expect((await send(url, 0, "first")).headers.get("upload-offset")).toBe("5");
    expect(await offsetOf(url)).toBe(5);
    expect((await send(url, 5, " last")).status).toBe(204);
    const [deposit] = await collect(scene.vault.boxes.listDeposits(box.id));
    expect(deposit?.files[0]).toMatchObject({ name: "a.txt", state: "ready", size: 10 });
    expect((await browser.post(`/boxes/${box.id}/submit`)).text).toContain("Receipt");
  });

  test("is of one deposit, however many begin at once", async () => {
    await begin();
    await Promise.all(["a", "b", "c", "d"].map((name) => create(1, name)));
    expect(await collect(scene.vault.boxes.listDeposits(box.id))).toHaveLength(1);
  });

  test("may be empty", async () => {
    await begin();
    await create(0);
    const [deposit] = await collect(scene.vault.boxes.listDeposits(box.id));
    expect(deposit?.files[0]).toMatchObject({ state: "ready", size: 0 });
  });

  test.each([
    ["the same piece twice", 0],
    ["a piece out of order", 8],
  ])("refuses %s, and keeps what it has", async (_what, offset) => {
    await begin();
    const url = await create(20);
    await send(url, 0, "first");
    expect((await send(url, offset, "first")).status).toBe(409);
    expect(await offsetOf(url)).toBe(5);
  });

  test("refuses more than was declared, and keeps what it has", async () => {
    await begin();
    const url = await create(8);
    await send(url, 0, "first");
    expect((await send(url, 5, "too much")).status).toBe(413);
    expect(await offsetOf(url)).toBe(5);
  });

  test("is refused before a byte comes if the box doesn't take its size", async () => {
    await begin({ maxFileBytes: 1_000, maxBytes: 1_500 });
    const ask = (size: number) => tus("POST", `/boxes/${box.id}/uploads`, { "upload-length": String(size) });
    expect(await ask(1_001)).toMatchObject({ status: 413, text: "Too large: a file may have up to 1 kB." });
    expect((await ask(1_000)).status).toBe(201);
    expect(await ask(1_000)).toMatchObject({ status: 413, text: "Too large for the room that the drop-box has left." });
  });

  test("that isn't what the box takes is refused by its content, in the browser's language", async () => {
    await begin({ fileTypes: ["pdf"] });
    browser = await scene.signIn(box, BO, "fr");
    await browser.get(`/boxes/${box.id}`);
    const url = await create(5, "fake.pdf");
    const seen = await send(url, 0, "plain");
    expect(seen.status).toBe(415);
    expect(seen.text).toBe("Refusé\u00a0: par son contenu, ce n'est aucun de ces types\u00a0: PDF.");
    expect((await tus("HEAD", url, {})).status).toBe(404);
  });

  test("of an empty file is refused as empty where kinds are asked for", async () => {
    await begin({ fileTypes: ["txt"] });
    const metadata = `filename ${Buffer.from("a.txt").toString("base64")}`;
    const headers = { "upload-length": "0", "upload-metadata": metadata };
    const seen = await tus("POST", `/boxes/${box.id}/uploads`, headers);
    expect(seen).toMatchObject({ status: 415, text: "Refused: it is empty." });
    expect((await collect(scene.vault.boxes.listDeposits(box.id))).flatMap(({ files }) => files)).toEqual([]);
  });

  test("into a box that is closed meanwhile is told so, and what came before stays", async () => {
    await begin({ managers: [ANA, MO], recipients: [BO] });
    const url = await create(10);
    await send(url, 0, "first");
    await scene.vault.boxes.updateBox(box.id, { enabled: false });
    const seen = await send(url, 5, " last");
    expect(seen).toMatchObject({ status: 403 });
    expect(seen.text).toContain("This drop-box is closed");
    await scene.vault.boxes.updateBox(box.id, { enabled: true });
    expect((await send(url, 5, " last")).status).toBe(204);
  });

  test.each([
    ["closed", "This drop-box is closed. Nothing can be handed in at present."],
    ["archived", "This drop-box was archived. Nothing can be handed in any more."],
  ])("of a recipient into a box that was %s meanwhile is told just that", async (status, text) => {
    await begin();
    const url = await create(10);
    await send(url, 0, "first");
    if (status === "archived") await scene.vault.boxes.archiveBox(box.id, {});
    else await scene.vault.boxes.updateBox(box.id, { enabled: false });
    const piece = await send(url, 5, " last");
    expect(piece).toMatchObject({ status: 403, text: expect.stringContaining(text) });
    expect(piece.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect((await tus("HEAD", url, {})).status).toBe(403);
    const another = await tus("POST", `/boxes/${box.id}/uploads`, { "upload-length": "1" });
    expect(another).toMatchObject({ status: 403, text: expect.stringContaining(text) });
    const pages = [
      await browser.upload(`/boxes/${box.id}/files`, { "b.txt": "b" }),
      await browser.post(`/boxes/${box.id}/submit`),
    ];
    for (const page of pages) {
      expect(page).toMatchObject({ status: 403 });
      expect(page.text).toContain(text.split(". ")[0]);
      expect(page.text).not.toContain("signed");
    }
    if (status === "archived") return;
    await scene.vault.boxes.updateBox(box.id, { enabled: true });
    expect((await send(url, 5, " last")).status).toBe(204);
  });

  test("by somebody who was taken out of the box, or who was idle, is told what is true", async () => {
    await begin();
    const url = await create(10);
    await scene.vault.boxes.updateBox(box.id, { recipients: [BO] });
    const seen = await send(url, 0, "x");
    expect(seen).toMatchObject({ status: 401, text: expect.stringContaining("signed in here no longer") });
    await scene.vault.boxes.updateBox(box.id, { recipients: [ANA] });
    scene.clock.advance(16 * 60_000);
    expect((await send(url, 0, "x")).text).toContain("15 minutes without activity");
  });

  test("onto a disk that is full is told so, and goes on later", async () => {
    await begin();
    const url = await create(10);
    const { files } = scene.vault.boxes;
    const prototype = Object.getPrototypeOf(files) as { append: typeof files.append };
    const { append } = prototype;
    prototype.append = () => Promise.reject(new CoffreError("DISK_FULL", "There is no space left"));
    const seen = await send(url, 0, "0123456789").finally(() => (prototype.append = append));
    expect(seen).toMatchObject({ status: 507 });
    expect(seen.text).toContain("no room left");
    expect((await send(url, 0, "0123456789")).status).toBe(204);
  });

  test("isn't handed in while a part is missing", async () => {
    await begin();
    const url = await create(10);
    await send(url, 0, "first");
    const seen = await browser.post(`/boxes/${box.id}/submit`);
    expect(seen).toMatchObject({ status: 409 });
    expect(seen.text).toContain("arrived completely");
    expect((await tus("DELETE", url, {})).status).toBe(204);
    expect((await tus("HEAD", url, {})).status).toBe(404);
  });

  test("is nobody else's: not another recipient's, not without the page's token", async () => {
    await begin();
    const url = await create(10);
    const other = await scene.signIn(box, BO);
    await other.get(`/boxes/${box.id}`);
    expect((await send(url, 0, "x", other)).status).toBe(404);
    expect((await tus("DELETE", url, {}, undefined, other)).status).toBe(404);
    expect((await tus("PATCH", url, { "upload-offset": "0", "x-form-token": "guessed" }, "x")).status).toBe(403);
    expect((await send(url, 0, "x", scene.browser())).status).toBe(401);
    expect(await offsetOf(url)).toBe(0);
  });

  test("keeps its person signed in, request by request", async () => {
    await begin();
    const url = await create(4);
    for (const [offset, text] of ["a", "b", "c", "d"].entries()) {
      scene.clock.advance(10 * 60_000);
      expect((await send(url, offset, text)).status).toBe(204);
    }
  });
});
