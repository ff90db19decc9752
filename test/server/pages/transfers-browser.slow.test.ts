import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, jest, test } from "@jest/globals";
import { Decrypter, generateX25519Identity, identityToRecipient } from "age-encryption";
import type { Download, Page } from "playwright-core";
import { Secret } from "../../../provider/core/secret.js";
import { boxPages } from "../../../provider/server/pages/boxes/box-pages.js";
import { transferPages } from "../../../provider/server/pages/transfers/transfer-pages.js";
import { createMemoryVault } from "../../../provider/vault/memory/memory-vault.js";
import type { SharedVault } from "../../../provider/vault/records/record-vault.js";
import type { TransferInput } from "../../../provider/vault/port.js";
import { sendFiles } from "../../../provider/vault/send-files.js";
import { FakeClock } from "../../fixtures/fake-clock.js";
import { COMPANY, PageBrowser } from "../../fixtures/page-browser.js";
import { ServerScene } from "../../fixtures/server-scene.js";

jest.setTimeout(600_000);

const PASSWORD = "correct horse battery";
/** More than one of age's chunks has, and one with a name that is longer than a line. */
const CONTENTS = new Map([
  ["Statement of November.pdf", Buffer.concat([Buffer.from("%PDF-1.7\n"), randomBytes(300_000)])],
  ["figures-of-all-the-branches-with-their-totals-as-they-were-agreed-in-the-meeting.csv", Buffer.from("10;20\n")],
]);
const [STATEMENT = Buffer.alloc(0)] = CONTENTS.values();

let browser: PageBrowser;
let scene: ServerScene;
let vault: SharedVault;
let folder: string;
const clock = new FakeClock();

beforeAll(async () => {
  browser = await PageBrowser.launch();
  vault = createMemoryVault({ clock });
  const { links } = vault;
  if (!links) throw new Error("no links");
  scene = await ServerScene.start({
    vault,
    clock,
    frontsOn: (state) => [
      boxPages({ vault, state, clock, style: COMPANY, sendsMail: true }),
      transferPages({ links, state, clock, style: COMPANY }),
    ],
  });
  folder = mkdtempSync(join(tmpdir(), "coffre-pages-"));
  for (const [name, content] of CONTENTS) writeFileSync(join(folder, name), content);
});
afterEach(() => browser.closePages(scene.origin));
afterAll(async () => {
  await browser.close();
  await scene.close();
  rmSync(folder, { recursive: true });
});

/** A transfer of both files. @returns the address of its page, without a key */
async function sent(input: Partial<TransferInput> = {}): Promise<{ id: string; url: string }> {
  const { transfer, link } = await sendFiles(vault, {
    files: [...CONTENTS].map(([name, { length }]) => ({ path: join(folder, name), name, size: length })),
    input: {
      categoryId: null,
      from: "Ana Martin, Example Ltd",
      message: "The signed statement, and the figures behind it.\nPlease tell me by Friday whether they are right.",
      expiresAt: new Date(clock.now().getTime() + 7 * 86_400_000).toISOString(),
      ...input,
    },
  });
  return { id: transfer.id, url: `${scene.origin}/transfers/${link.reveal()}` };
}

async function downloadBy(page: Page, button: RegExp): Promise<{ name: string; content: Buffer }> {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: button }).first().click(),
  ]);
  return contentOf(download);
}

async function contentOf(download: Download): Promise<{ name: string; content: Buffer }> {
  return { name: download.suggestedFilename(), content: readFileSync(await download.path()) };
}

async function enter(page: Page, password: string): Promise<void> {
  await page.locator("#password").fill(password);
  await page.locator("#password").press("Enter");
}

test("a receiver gives the password, downloads what there is, and every state says what it is", async () => {
  const { id, url } = await sent({ password: new Secret(PASSWORD), maxDownloads: 2 });
  const page = await browser.open();
  await page.goto(url);
  await browser.look(page, "40-transfer-password");
  await enter(page, "not the right one");
  await page.getByRole("alert").waitFor();
  await browser.look(page, "41-transfer-wrong-password");
  await enter(page, PASSWORD);
  await page.getByRole("heading", { name: "Files for you" }).waitFor();
  await browser.look(page, "42-transfer-files");
  expect(await downloadBy(page, /^Download Statement/)).toEqual({
    name: "Statement of November.pdf",
    content: STATEMENT,
  });
  expect((await vault.boxes.transfers.read(id)).downloadCount).toBe(1);
  await downloadBy(page, /^Download Statement/);
  await page.reload();
  await page.getByText("The download limit was reached.").waitFor();
  await browser.look(page, "43-transfer-one-used");
  for (let times = 0; times < 2; times++) await downloadBy(page, /^Download figures/);
  await page.reload();
  await page.getByRole("heading", { name: "The download limit was reached" }).waitFor();
  await browser.look(page, "44-transfer-used");

  const french = await browser.open({ locale: "fr-FR" });
  const other = await sent({ password: new Secret(PASSWORD) });
  await french.goto(other.url);
  await browser.look(french, "45-transfer-password-french");
  await enter(french, PASSWORD);
  await french.getByRole("heading", { name: "Des fichiers pour vous" }).waitFor();
  await browser.look(french, "46-transfer-files-french");
  const locked = await browser.open({ locale: "fr-FR" });
  for (let tries = 0; tries < 10; tries++) {
    await locked.goto(other.url);
    await enter(locked, `wrong number ${tries}`);
    await locked
      .getByText(tries < 9 ? "Ce n'est pas le mot de passe" : "verrouillé")
      .first()
      .waitFor();
  }
  await browser.look(locked, "47-transfer-locked-french");
});

test("a link that opens nothing says why", async () => {
  const { id, url } = await sent();
  const page = await browser.open();
  await page.goto(`${url}x`);
  await page.getByRole("heading", { name: "There is nothing here" }).waitFor();
  await browser.look(page, "48-transfer-not-found");
  clock.advance(8 * 86_400_000);
  await page.goto(url);
  await page.getByRole("heading", { name: "This transfer has expired" }).waitFor();
  await browser.look(page, "49-transfer-expired");
  await vault.boxes.transfers.archive(id, {});
  await page.goto(url);
  await page.getByRole("heading", { name: "This transfer has ended" }).waitFor();
});

test("without JavaScript the same way leads to the same files", async () => {
  const { url } = await sent({ password: new Secret(PASSWORD) });
  const page = await browser.open({ javaScriptEnabled: false });
  await page.goto(url);
  await enter(page, PASSWORD);
  await page.getByRole("heading", { name: "Files for you" }).waitFor();
  await browser.picture(page, "50-transfer-without-script");
  expect((await downloadBy(page, /^Download Statement/)).content).toEqual(STATEMENT);
});

/** A transfer that only the key opens. */
async function sealed(input: Partial<TransferInput> = {}): Promise<{ id: string; url: string; key: string }> {
  const key = await generateX25519Identity();
  return { ...(await sent({ encryptedFor: await identityToRecipient(key), ...input })), key };
}

test("what is encrypted end to end is opened in the browser, by a key that no request has", async () => {
  const { url, key } = await sealed({ password: new Secret(PASSWORD) });
  const page = await browser.open();
  await page.goto(`${url}#${key}`);
  await enter(page, PASSWORD); // the key outlives the question
  await page.locator("html[data-ready]").waitFor();
  await browser.look(page, "51-sealed-files");
  expect(await downloadBy(page, /^Download and decrypt Statement/)).toEqual({
    name: "Statement of November.pdf",
    content: STATEMENT,
  });
  await page.getByText("is decrypted").waitFor();
  await browser.look(page, "52-sealed-done");
  expect(browser.asked.length).toBeGreaterThan(10);
  expect(browser.asked.join("\n")).not.toContain("AGE-SECRET-KEY");
  expect(JSON.stringify(scene.log)).not.toContain("AGE-SECRET-KEY");
});

test("without its key a page asks for it, uses up no download for a wrong one, and takes the right one", async () => {
  const { id, url, key } = await sealed({ maxDownloads: 1 });
  const page = await browser.open({ locale: "fr-FR" });
  await page.goto(`${url}#${await generateX25519Identity()}`);
  await page.locator("#key").waitFor();
  await page.getByRole("button", { name: /^Télécharger et déchiffrer Statement/ }).click();
  await page.getByRole("alert").waitFor();
  await browser.look(page, "53-sealed-wrong-key-french");
  expect((await vault.boxes.transfers.read(id)).downloadCount).toBe(0);
  await page.locator("#key").fill(key);
  expect((await downloadBy(page, /^Télécharger et déchiffrer Statement/)).content).toEqual(STATEMENT);
});

test("a large file goes where the receiver says, as it comes, and isn't kept in memory", async () => {
  const { url, key } = await sealed();
  const page = await browser.open();
  // Stands in for the browser's own question, which nothing can answer here.
  await page.addInitScript(() => {
    const parts: Uint8Array[] = [];
    const createWritable = () =>
      Promise.resolve(new WritableStream<Uint8Array>({ write: (part) => void parts.push(part) }));
    Object.assign(globalThis, { parts, showSaveFilePicker: () => Promise.resolve({ createWritable }) });
  });
  const saved: Download[] = [];
  page.on("download", (download) => saved.push(download));
  await page.goto(`${url}#${key}`);
  await page.locator("html[data-ready]").waitFor();
  await page.evaluate('document.querySelector("form[data-sealed]").dataset.size = String(300 * 1024 * 1024)');
  await page.getByRole("button", { name: /^Download and decrypt Statement/ }).click();
  await page.getByText("is decrypted").waitFor();
  const lengths = await page.evaluate<number[]>("parts.map((part) => part.length)");
  expect(lengths.length).toBeGreaterThan(1);
  expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(STATEMENT.length);
  expect(saved).toEqual([]);
});

test("a file that was altered on its way is named, and nothing of it is saved", async () => {
  const { url, key } = await sealed();
  const page = await browser.open();
  await page.route("**/files/*", async (route) => {
    const answer = await route.fetch();
    const body = await answer.body();
    body[body.length - 1] = (body.at(-1) ?? 0) ^ 1;
    await route.fulfill({ response: answer, body });
  });
  const saved: Download[] = [];
  page.on("download", (download) => saved.push(download));
  await page.goto(`${url}#${key}`);
  await page.getByRole("button", { name: /^Download and decrypt Statement/ }).click();
  await page.getByText("couldn't be decrypted").waitFor();
  await browser.look(page, "54-sealed-altered");
  expect(saved).toEqual([]);
});

test("without JavaScript the encrypted file comes, and the page says how age opens it", async () => {
  const { url, key } = await sealed();
  const page = await browser.open({ javaScriptEnabled: false });
  await page.goto(`${url}#${key}`);
  await browser.picture(page, "55-sealed-without-script");
  await page.setViewportSize({ width: 320, height: 900 });
  await browser.picture(page, "55-sealed-without-script-320");
  expect(await page.locator("main").innerText()).toMatch(/JavaScript is off[\s\S]*age --decrypt --identity key\.txt/);
  const { name, content } = await downloadBy(page, /^Download Statement/);
  expect(name).toBe("Statement of November.pdf.age");
  const decrypter = new Decrypter();
  decrypter.addIdentity(key);
  expect(Buffer.from(await decrypter.decrypt(content)).equals(STATEMENT)).toBe(true);
});
