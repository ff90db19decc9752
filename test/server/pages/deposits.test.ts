import { createHash } from "node:crypto";
import { afterEach, describe, expect, test } from "@jest/globals";
import { collect } from "../../../provider/core/collect.js";
import { createMemoryVault } from "../../../provider/vault/memory/memory-vault.js";
import type { Deposit, DropBox, StoredFile } from "../../../provider/vault/port.js";
import { FakeClock } from "../../fixtures/fake-clock.js";
import { ANA, BO, MO, PagesScene, type PlainBrowser, type Seen } from "../../fixtures/pages-scene.js";

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

/** The one file of the box. */
async function onlyFile(box: DropBox): Promise<StoredFile> {
  const [file] = (await deposits(box)).flatMap(({ files }) => files);
  if (!file) throw new Error("there is no file");
  return file;
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
    const receipt = await browser.post(`/boxes/${box.id}/submit`, { note: "All of March\r\nand more" });
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
    const { id } = await onlyFile(box);
    expect((await browser.post(`/boxes/${box.id}/files/${id}/remove`)).text).toContain("No file yet");
    expect((await browser.post(`/boxes/${box.id}/submit`)).status).toBe(409);
  });

  test.each([
    ["no file", {}, 400, "No file was chosen"],
    ["another kind than the box takes", { "a.pdf": "I am a text" }, 415, "none of PDF"],
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

describe("names of files, notes and descriptions stay text:", () => {
  test.each([
    ["a path", "../../etc/passwd", "passwd"],
    ["control characters", "a\u0007b\u001b[31m.txt", "ab[31m.txt"],
    ["300 characters", `${"x".repeat(300)}.txt`, `${"x".repeat(196)}.txt`],
    ["marks that turn text round", "gpj.\u202etxt", "gpj.txt"],
    ["script", `${EVIL}.txt`, undefined],
  ])("%s", async (_what, given, kept) => {
    scene = await PagesScene.start();
    const box = await scene.box({ name: EVIL.replaceAll("/", ""), description: `${EVIL}\u202e\u2067` });
    const browser = await scene.signIn(box, ANA);
    await browser.get(`/boxes/${box.id}`);
    const page = await browser.upload(`/boxes/${box.id}/files`, { [given]: "x" });
    const { name } = await onlyFile(box);
    if (kept !== undefined) expect(name).toBe(kept);
    const receipt = await browser.post(`/boxes/${box.id}/submit`, { note: `${EVIL}\u202e\u0007` });
    const again = await browser.get(`/boxes/${box.id}`);
    const manager = await scene.signIn(box, MO);
    const minutes = await manager.get(`/boxes/${box.id}/minutes`);
    for (const { text } of [page, receipt, again, minutes, await manager.get(`/boxes/${box.id}`)]) {
      expect(text).not.toMatch(/<script>|"' onload|[\u0007\u202e\u2067]/);
      expect(text).toContain("&lt;script&gt;");
    }
  });

  test("a name can't add a header to the download", async () => {
    scene = await PagesScene.start();
    const box = await scene.box();
    const { id: depositId } = await scene.vault.boxes.openDeposit(box.id, { by: ANA });
    const name = `été"\r\nSet-Cookie: a=b\r\n.txt`;
    const { id } = await scene.vault.boxes.files.create({ depositId, name });
    await scene.vault.boxes.files.finish(id);
    await scene.vault.boxes.submitDeposit(depositId);
    const { headers } = await (await scene.signIn(box, MO)).get(`/boxes/${box.id}/files/${id}`);
    expect(headers.get("content-disposition")).toMatch(
      /^attachment; filename="[^"\\]*"; filename\*=UTF-8''%C3%A9t%C3%A9/,
    );
    expect(headers.getSetCookie().join("")).not.toContain("a=b");
    expect(headers.get("content-type")).toBe("application/octet-stream");
    expect(headers.get("content-security-policy")).toContain("sandbox");
  });
});

describe("what somebody sees of others' deposits", () => {
  async function handIn(box: DropBox, address: string, name: string): Promise<PlainBrowser> {
    const browser = await scene.signIn(box, address);
    await browser.get(`/boxes/${box.id}`);
    await browser.upload(`/boxes/${box.id}/files`, { [name]: `of ${address}` });
    await browser.post(`/boxes/${box.id}/submit`);
    return browser;
  }

  test.each([
    ["nothing in a partitioned box", true],
    ["everything in one that isn't", false],
  ])("%s", async (_what, partitioned) => {
    scene = await PagesScene.start();
    const box = await scene.box({ partitioned });
    const ana = await handIn(box, ANA, "of-ana.txt");
    await handIn(box, BO, "of-bo.txt");
    const [, ofBo] = await deposits(box);
    const seen: Seen[] = [
      await ana.get(`/boxes/${box.id}/deposits/${ofBo?.id}`),
      await ana.get(`/boxes/${box.id}/files/${ofBo?.files[0]?.id}`),
    ];
    const expected = partitioned ? [404, 404] : [200, 200];
    expect(seen.map(({ status }) => status)).toEqual(expected);
    expect((await ana.get(`/boxes/${box.id}`)).text.includes("of-bo.txt")).toBe(!partitioned);
    const manager = await (await scene.signIn(box, MO)).get(`/boxes/${box.id}`);
    for (const name of ["of-ana.txt", "of-bo.txt"]) expect(manager.text).toContain(name);
  });

  test("what they handed in themselves, though the program has corrected the spelling of their address", async () => {
    scene = await PagesScene.start();
    const box = await scene.box({ partitioned: true });
    await handIn(box, ANA, "of-ana.txt");
    const corrected = ANA.replace("ana", "Ana");
    await scene.vault.boxes.updateBox(box.id, { recipients: [corrected, BO] });
    const ana = await scene.signIn(box, corrected);
    expect((await ana.get(`/boxes/${box.id}`)).text).toContain("of-ana.txt");
    const [deposit] = await deposits(box);
    const receipt = await ana.get(`/boxes/${box.id}/deposits/${deposit?.id}`);
    expect(receipt.text).toContain("Your deposit has arrived complete");
    expect((await ana.get(`/boxes/${box.id}/files/${deposit?.files[0]?.id}`)).status).toBe(200);
  });

  test("a manager downloads, which the minutes say, closes the box and opens it again", async () => {
    scene = await PagesScene.start();
    const box = await scene.box();
    await handIn(box, ANA, "a.txt");
    const manager = await scene.signIn(box, MO);
    await manager.get(`/boxes/${box.id}`);
    const file = await onlyFile(box);
    expect((await manager.get(`/boxes/${box.id}/files/${file.id}`)).text).toBe(`of ${ANA}`);
    const mails = await scene.vault.outbox.take({ limit: 100 });
    await scene.vault.outbox.settle(mails.map(({ id }) => ({ id, outcome: "sent" })));
    const minutes = await manager.get(`/boxes/${box.id}/minutes`);
    for (const part of [
      `invitation to ${ANA}`,
      `code to sign in to ${MO}`,
      "File downloaded",
      "Recipients: ana@acme.example, bo@acme.example",
      file.sha256,
      MO,
    ])
      expect(minutes.text).toContain(part);
    expect(minutes.text).not.toMatch(/until archived|file\.finished/);
    await manager.get(`/boxes/${box.id}`);
    const closed = await manager.post(`/boxes/${box.id}/state`, { enabled: "no" });
    expect(closed.text).toContain("This drop-box is closed");
    expect(closed.text).not.toContain("whoever invited you");
    expect((await manager.post(`/boxes/${box.id}/state`, { enabled: "yes" })).text).not.toContain("is closed");
  });

  test("a recipient has no manager's pages", async () => {
    scene = await PagesScene.start();
    const box = await scene.box();
    const browser = await scene.signIn(box, ANA);
    await browser.get(`/boxes/${box.id}`);
    expect((await browser.get(`/boxes/${box.id}/minutes`)).status).toBe(403);
    expect((await browser.post(`/boxes/${box.id}/state`, { enabled: "no" })).status).toBe(403);
    expect((await scene.vault.boxes.readBox(box.id)).status).toBe("open");
  });

  test("a file of another box isn't had through one's own", async () => {
    scene = await PagesScene.start();
    const [box, other] = [await scene.box(), await scene.box({ name: "Other", recipients: [BO] })];
    await handIn(other, BO, "secret.txt");
    const { id } = await onlyFile(other);
    const ana = await scene.signIn(box, ANA);
    expect((await ana.get(`/boxes/${box.id}/files/${id}`)).status).toBe(404);
    expect((await ana.get(`/boxes/${other.id}/files/${id}`)).status).toBe(401);
  });
});
