import { createHash, randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { Secret } from "../../provider/core/secret.js";
import { DEFAULT_BRAND } from "../../provider/server/html/brand.js";
import { transferPages } from "../../provider/server/pages/transfers/transfer-pages.js";
import { createMemoryVault } from "../../provider/vault/memory/memory-vault.js";
import type { SharedVault } from "../../provider/vault/records/record-vault.js";
import type { TransferInput } from "../../provider/vault/port.js";
import { pieces } from "../contract/vault-cases/boxes.js";
import { HandClock } from "../contract/vault-cases/setup.js";
import { ServerScene } from "../fixtures/server-scene.js";

let scene: ServerScene;
let vault: SharedVault;
const clock = new HandClock();
const content = randomBytes(200_000);
const password = new Secret("correct horse battery");

beforeAll(async () => {
  vault = createMemoryVault({ clock });
  const { links } = vault;
  if (!links) throw new Error("no links");
  const style = { brand: DEFAULT_BRAND, language: "en", timeZone: "UTC", secure: false } as const;
  scene = await ServerScene.start({
    vault,
    clock,
    frontsOn: (state) => [transferPages({ links, state, clock, style })],
  });
});
afterAll(() => scene.close());

/** A transfer of one file, sent. @returns the path of its page, and of its file */
async function sent(input: Partial<TransferInput> = {}, name = "report.bin") {
  const expiresAt = new Date(clock.now().getTime() + 86_400_000).toISOString();
  const { transfer, link } = await vault.boxes.transfers.create({ categoryId: null, from: "Ana", expiresAt, ...input });
  const { id } = await vault.boxes.files.create({ depositId: transfer.id, name });
  await vault.boxes.files.append(id, 0, pieces(content));
  await vault.boxes.files.finish(id);
  await vault.boxes.transfers.send(transfer.id);
  const page = `/transfers/${link.reveal()}`;
  return { id: transfer.id, page, file: `${page}/files/${id}` };
}

function get(path: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(scene.origin + path, { headers, redirect: "manual" });
}

function post(
  path: string,
  form: Record<string, string> = {},
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(scene.origin + path, { method: "POST", body: new URLSearchParams(form), headers, redirect: "manual" });
}

const downloads = async (id: string) => (await vault.boxes.transfers.read(id)).downloadCount;

test("the page shows what is there, until when, and hands it over by a button", async () => {
  const { id, page, file } = await sent({ message: "The figures", maxDownloads: 2 });
  const shown = await get(page);
  const text = await shown.text();
  expect(shown.status).toBe(200);
  for (const part of ["Ana sends you", "The figures", "report.bin", "200", "Downloads left", "SHA-256"]) {
    expect(text).toContain(part);
  }
  expect(text).toContain(createHash("sha256").update(content).digest("hex"));
  expect(text).not.toMatch(/<script(?! src)|style=|onclick/);
  expect(shown.headers.get("content-security-policy")).toContain("default-src 'none'");
  expect(shown.headers.get("referrer-policy")).toBe("no-referrer");
  expect(shown.headers.get("cache-control")).toBe("no-store");
  const got = await post(file);
  expect(got.headers.get("content-disposition")).toContain("attachment");
  expect(Buffer.from(await got.arrayBuffer()).equals(content)).toBe(true);
  expect(await downloads(id)).toBe(1);
  expect((await get(file)).status).toBe(404); // who only follows links downloads nothing
  expect((await fetch(scene.origin + page, { method: "HEAD" })).status).toBe(404);
  expect(await downloads(id)).toBe(1);
  await (await post(file)).arrayBuffer();
  const used = await get(page);
  expect([used.status, await used.text()]).toEqual([410, expect.stringContaining("download limit was reached")]);
  expect((await post(file)).status).toBe(409);
});

test("of files that are encrypted end to end it says that size and SHA-256 are those of the encrypted file", async () => {
  const encryptedFor = await identityToRecipient(await generateX25519Identity());
  const { page } = await sent({ encryptedFor }, "report.pdf.age");
  for (const [language, parts] of [
    ["en", ["Size, encrypted", "SHA-256, encrypted", "those of the encrypted file", "another SHA-256"]],
    ["fr", ["Taille, chiffré", "SHA-256, chiffré", "ceux du fichier chiffré", "un autre SHA-256"]],
  ] as const) {
    const text = await (await get(page, { "accept-language": language })).text();
    for (const part of parts) expect(text).toContain(part);
    expect(text).not.toMatch(/<dt>(SHA-256|Size|Taille)<|The SHA-256 of a file shows|Le SHA-256 d&#39;un fichier/);
  }
});

test("it speaks French to who asks for it", async () => {
  const { page } = await sent();
  const text = await (await get(page, { "accept-language": "fr-CA,fr;q=0.9,en;q=0.5" })).text();
  expect(text).toContain('<html lang="fr">');
  expect(text).toContain("Ana vous envoie ces fichiers");
});

test("script in every text that it shows is text", async () => {
  const evil = '<script>alert("x")</script><img src=x onerror=alert(1)>';
  const { page } = await sent({ from: evil, message: evil }, `${evil}.bin`);
  const text = await (await get(page)).text();
  expect(text).not.toMatch(/<script>|<img src=x/);
  expect(text).toContain("&lt;script&gt;");
});

test("a name with line breaks, quotes and turned text begins no header of the download", async () => {
  const { page, file } = await sent({ message: "see \u202Efdp.bin" }, 'a"\r\nSet-Cookie: stolen=1\r\n\u202Efdp.bin');
  const got = await post(file);
  await got.arrayBuffer();
  expect(got.status).toBe(200);
  expect(got.headers.getSetCookie()).toEqual([]);
  const said = got.headers.get("content-disposition") ?? "";
  expect(said).toMatch(/^attachment; filename="[^"\r\n]*"; filename\*=UTF-8''[\w%.~!-]+$/);
  expect(await (await get(page)).text()).not.toContain("\u202E");
});

test("a link that is none tells nothing, and its secret is in no log", async () => {
  const { page } = await sent();
  for (const wrong of [
    page.slice(0, -1),
    `${page}x`,
    "/transfers/tr_x.y",
    "/transfers/%00",
    `/transfers/${"a".repeat(90)}`,
  ]) {
    const answer = await get(wrong);
    expect([answer.status, await answer.text()]).toEqual([404, expect.stringContaining("There is nothing here")]);
  }
  await get(page);
  expect(JSON.stringify(scene.log)).not.toContain(page.split(".")[1]);
});

describe("with a password", () => {
  test("nothing is shown before, and what was shown after is forgotten without use", async () => {
    const { page, file } = await sent({ password, message: "The figures" });
    const asked = await (await get(page)).text();
    expect(asked).toContain('type="password"');
    expect(asked).not.toMatch(/report\.bin|The figures/);
    expect((await post(file)).status).toBe(401);
    const wrong = await post(`${page}/password`, { password: "wrong one, sorry" });
    expect([wrong.status, await wrong.text()]).toEqual([403, expect.stringContaining("Tries left: 9")]);
    const right = await post(`${page}/password`, { password: password.reveal() });
    expect([right.status, right.headers.get("location")]).toEqual([303, page]);
    const [cookie = ""] = right.headers.getSetCookie();
    expect(cookie).toMatch(/HttpOnly/);
    expect(cookie).toMatch(/SameSite=Strict/);
    const headers = { cookie: cookie.split(";")[0] ?? "" };
    expect(headers.cookie).not.toContain("tr_");
    expect(await (await get(page, headers)).text()).toContain("report.bin");
    const got = await post(file, {}, headers);
    expect(Buffer.from(await got.arrayBuffer()).equals(content)).toBe(true);
    const other = await sent({ password });
    expect(await (await get(other.page, headers)).text()).toContain('type="password"'); // it opens this one only
    clock.pass({ minutes: 16 });
    expect(await (await get(page, headers)).text()).toContain('type="password"');
  });

  test("another one makes a cookie worthless", async () => {
    const { id, page } = await sent({ password });
    const right = await post(`${page}/password`, { password: password.reveal() });
    const headers = { cookie: right.headers.getSetCookie()[0]?.split(";")[0] ?? "" };
    clock.pass({ minutes: 1 });
    await vault.boxes.transfers.update(id, { password: new Secret("another one, longer") });
    expect(await (await get(page, headers)).text()).toContain('type="password"');
  });

  test("ten wrong ones lock it, also for the right one", async () => {
    const { page } = await sent({ password });
    for (let tries = 0; tries < 10; tries++) await post(`${page}/password`, { password: `wrong number ${tries}` });
    const late = await post(`${page}/password`, { password: password.reveal() });
    expect([late.status, await late.text()]).toEqual([423, expect.stringContaining("This transfer is locked")]);
    expect((await get(page)).status).toBe(410);
  });
});

test("once it has expired or ended it says so, and gives nothing", async () => {
  const { id, page, file } = await sent();
  clock.pass({ minutes: 24 * 60 });
  expect(await (await get(page)).text()).toContain("This transfer has expired");
  expect((await post(file)).status).toBe(409);
  await vault.boxes.transfers.archive(id, {});
  expect(await (await get(page)).text()).toContain("This transfer has ended");
});
