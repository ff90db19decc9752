import { createHash } from "node:crypto";
import { afterEach, describe, expect, test } from "@jest/globals";
import { collect } from "../../../provider/core/collect.js";
import { createMemoryVault } from "../../../provider/vault/memory/memory-vault.js";
import type { Deposit, DropBox } from "../../../provider/vault/port.js";
import { FakeClock } from "../../fixtures/fake-clock.js";
import { ANA, MO, PagesScene } from "../../fixtures/pages-scene.js";

let scene: PagesScene;
afterEach(() => scene.close());

const EVIL = `<script>alert("x")</script>"' onload=1`;

async function deposits(box: DropBox): Promise<Deposit[]> {
  return collect(scene.vault.boxes.listDeposits(box.id));
}

async function onlyDeposit(box: DropBox): Promise<Deposit> {
  const [deposit] = await deposits(box);
  if (!deposit) throw new Error("there is no deposit");
  return deposit;
}

function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

describe("without a script", () => {
  test("files are uploaded, handed in with a note, and a receipt says size and SHA-256", async () => {
    scene = await PagesScene.start();
    const box = await scene.box();
    const browser = await scene.signIn(box, ANA);
    await browser.get(`/boxes/${box.id}`);
    const large = Buffer.alloc(3_000_000, "statement ");
    const page = await browser.upload(`/boxes/${box.id}/files`, { "a.txt": "first", "b.txt": large, "c.txt": "third" });
    expect(page.status).toBe(200);
    expect(page.text.match(/Arrived/g)).toHaveLength(3);
    const receipt = await browser.post(`/boxes/${box.id}/submit`, { note: " All of March\vand\u0007 more\r\n" });
    expect(receipt.text).toContain("<h1>Receipt</h1>");
    for (const content of ["first", large, "third"]) expect(receipt.text).toContain(sha256(content));
    expect(receipt.text).toContain("3 MB");
    const [deposit] = await deposits(box);
    expect(deposit).toMatchObject({ by: ANA, note: "All of March\nand more" });
    const told = (await collect(scene.vault.outbox.list())).map(({ to, template }) => `${template} ${to}`);
    expect(told).toEqual(expect.arrayContaining([`deposit-receipt ${ANA}`, `deposit-received ${MO}`]));
  });

  test("a file is taken out again before it is handed in", async () => {
    scene = await PagesScene.start();
    const box = await scene.box();
    const browser = await scene.signIn(box, ANA);
    await browser.get(`/boxes/${box.id}`);
    await browser.upload(`/boxes/${box.id}/files`, { "a.txt": "wrong one" });
    const [file] = (await onlyDeposit(box)).files;
    expect((await browser.post(`/boxes/${box.id}/files/${file?.id}/remove`)).text).toContain("No file yet");
    expect((await browser.post(`/boxes/${box.id}/submit`)).status).toBe(409);
  });

  test.each([
    ["no file", {}, 400, "No file was chosen"],
    ["another kind than the box takes", { "a.pdf": "I am a text" }, 415, "none of PDF"],
    ["an empty file", { "a.pdf": "" }, 415, "Refused: it is empty."],
    ["a file larger than the box takes", { "a.pdf": Buffer.alloc(2_000) }, 413, "may have up to 1 kB"],
  ])("is refused with the reason on the page: %s", async (_what, files, status, text) => {
    scene = await PagesScene.start();
    const box = await scene.box({ fileTypes: ["pdf"], maxFileBytes: 1_000 });
    const browser = await scene.signIn(box, ANA);
    await browser.get(`/boxes/${box.id}`);
    const seen = await browser.upload(`/boxes/${box.id}/files`, files);
    expect(seen.status).toBe(status);
    expect(seen.text).toContain(text);
    expect((await deposits(box)).flatMap((deposit) => deposit.files)).toEqual([]);
  });

  test("one file that is refused is named with the reason, and those behind it are taken", async () => {
    scene = await PagesScene.start();
    const box = await scene.box({ fileTypes: ["txt"], maxFileBytes: 2_000_000 });
    const browser = await scene.signIn(box, ANA);
    await browser.get(`/boxes/${box.id}`);
    const page = await browser.upload(`/boxes/${box.id}/files`, {
      "first.txt": "first",
      [`${EVIL}.png`]: Buffer.from("89504e470d0a1a0a0000", "hex"),
      "large.txt": Buffer.alloc(5_000_000, "much "),
      "figures.txt": Buffer.alloc(1_000_000, "10;20\n"),
      "last.txt": "last",
    });
    expect(page.status).toBe(415); // as the first refusal
    const [notice = ""] = /<div class="notice bad".*?<\/div>/s.exec(page.text) ?? [];
    expect(notice).toContain("onload=1.png</bdi> – Refused: by its content it is none of TXT.");
    expect(notice).toContain("large.txt</bdi> – Too large: a file may have up to 2 MB.");
    expect(notice).not.toMatch(/<script>|figures|first|last/);
    expect((await deposits(box)).flatMap(({ files }) => files.map(({ name }) => name))).toEqual([
      "first.txt",
      "figures.txt",
      "last.txt",
    ]);
  });

  test("files beyond what one form may have are told of, and those before them are taken", async () => {
    scene = await PagesScene.start();
    const box = await scene.box();
    const browser = await scene.signIn(box, ANA);
    await browser.get(`/boxes/${box.id}`);
    const files = Object.fromEntries(Array.from({ length: 103 }, (_each, at) => [`${at + 1}.txt`, "x"]));
    const page = await browser.upload(`/boxes/${box.id}/files`, files);
    expect(page.status).toBe(413);
    expect(page.text).toContain("takes 100 files at once. None was taken of those behind <bdi>100.txt</bdi>");
    expect((await onlyDeposit(box)).files).toHaveLength(100);
  });

  test("a file that the server fails at is named, too, and ends no other", async () => {
    const vault = createMemoryVault({ clock: new FakeClock() });
    scene = await PagesScene.start({ vault });
    const box = await scene.box();
    const browser = await scene.signIn(box, ANA);
    await browser.get(`/boxes/${box.id}`);
    const prototype = Object.getPrototypeOf(vault.boxes.files) as { create: typeof vault.boxes.files.create };
    const { create } = prototype;
    prototype.create = function (input) {
      return input.name === "b.txt" ? Promise.reject(new Error("a bug")) : create.call(this, input);
    };
    const uploaded = browser.upload(`/boxes/${box.id}/files`, { "a.txt": "a", "b.txt": "b", "c.txt": "c" });
    const page = await uploaded.finally(() => (prototype.create = create));
    expect(page.status).toBe(500);
    expect(page.text).toContain("b.txt</bdi> – Something went wrong on our side");
    expect(page.text).not.toContain("a bug");
    expect((await onlyDeposit(box)).files.map(({ name }) => name)).toEqual(["a.txt", "c.txt"]);
    expect(scene.complaints.splice(0)).toEqual([new Error("a bug")]);
  });

  test("an upload from elsewhere is refused before its file is taken", async () => {
    scene = await PagesScene.start();
    const box = await scene.box();
    const browser = await scene.signIn(box, ANA);
    await browser.get(`/boxes/${box.id}`);
    expect((await browser.upload(`/boxes/${box.id}/files`, { "a.txt": "x" }, "guessed")).status).not.toBe(200);
    expect(await deposits(box)).toEqual([]);
  });

  test("a full box takes nothing more, says so, and lets what filled it be handed in", async () => {
    scene = await PagesScene.start();
    const box = await scene.box({ maxBytes: 10 });
    const browser = await scene.signIn(box, ANA);
    await browser.get(`/boxes/${box.id}`);
    expect((await browser.upload(`/boxes/${box.id}/files`, { a: "more than ten" })).status).toBe(413);
    const page = await browser.upload(`/boxes/${box.id}/files`, { a: "just ten b" });
    expect(page.text).toContain("This drop-box is full");
    expect(page.text).not.toContain('id="files"');
    expect(page.text).toContain(`action="/boxes/${box.id}/submit"`);
    const receipt = await browser.post(`/boxes/${box.id}/submit`);
    expect(receipt.text).toContain("<h1>Receipt</h1>");
    expect((await browser.get(`/boxes/${box.id}`)).text).not.toContain(`/submit"`);
  });

  test("what was uploaded before the box was closed can't be handed in, and the page says why", async () => {
    scene = await PagesScene.start();
    const box = await scene.box({ managers: [ANA], recipients: [] });
    const browser = await scene.signIn(box, ANA);
    await browser.get(`/boxes/${box.id}`);
    await browser.upload(`/boxes/${box.id}/files`, { a: "x" });
    await scene.vault.boxes.updateBox(box.id, { enabled: false });
    const seen = await browser.post(`/boxes/${box.id}/submit`);
    expect(seen).toMatchObject({ status: 403 });
    expect(seen.text).toContain("This drop-box is closed");
  });
});
