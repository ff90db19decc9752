import { afterEach, describe, expect, test } from "@jest/globals";
import { collect } from "../../../provider/core/collect.js";
import type { Deposit, DropBox, StoredFile } from "../../../provider/vault/port.js";
import { ANA, BO, MO, PagesScene, type PlainBrowser, type Seen } from "../../fixtures/pages-scene.js";

let scene: PagesScene;
afterEach(() => scene.close());

const EVIL = `<script>alert("x")</script>"' onload=1`;

async function deposits(box: DropBox): Promise<Deposit[]> {
  return collect(scene.vault.boxes.listDeposits(box.id));
}

/** The one file of the box. */
async function onlyFile(box: DropBox): Promise<StoredFile> {
  const [file] = (await deposits(box)).flatMap(({ files }) => files);
  if (!file) throw new Error("there is no file");
  return file;
}

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

  test("whoever follows the link of a receipt without being signed in is asked to, and sees nothing of it", async () => {
    scene = await PagesScene.start();
    const box = await scene.box();
    await handIn(box, ANA, "a.txt");
    const [deposit] = await deposits(box);
    const browser = scene.browser();
    const seen = await browser.get(`/boxes/${box.id}/deposits/${deposit?.id}`);
    expect(seen).toMatchObject({ status: 401 });
    expect(seen.text).toContain("Send me a code");
    expect(seen.text).not.toMatch(/a\.txt|signed in here no longer/);
    await browser.post(`/boxes/${box.id}/code`, { email: ANA });
    await browser.post(`/boxes/${box.id}/sign-in`, { code: (await scene.codeTo(ANA)) ?? "" });
    expect((await browser.get(`/boxes/${box.id}/deposits/${deposit?.id}`)).text).toContain("a.txt");
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
