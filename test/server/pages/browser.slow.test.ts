import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from "@jest/globals";
import type { Page } from "playwright-core";
import { collect } from "../../../provider/core/collect.js";
import type { DropBox } from "../../../provider/vault/port.js";
import { COMPANY, PageBrowser, signIn } from "../../fixtures/page-browser.js";
import { ANA, BO, MO, PagesScene } from "../../fixtures/pages-scene.js";

jest.setTimeout(900_000);

const FILES = ["march.pdf", "april.txt", "very-long-name-of-a-statement-that-nobody-shortened-before-sending-it.txt"];

let browser: PageBrowser;
let scene: PagesScene;
let box: DropBox;

beforeAll(async () => {
  browser = await PageBrowser.launch();
});
afterAll(() => browser.close());

beforeEach(async () => {
  scene = await PagesScene.start({ style: COMPANY });
  box = await scene.box({
    description: "The signed statements of March, one PDF or text file each.\nPlease name the account in the note.",
    expiresAt: "2031-06-30T16:00:00Z",
    partitioned: true,
  });
});
afterEach(async () => {
  await browser.closePages(scene.server.origin);
  await scene.close();
});

function contentOf(name: string): Buffer {
  // More than one request of tus has.
  const filler = Buffer.alloc(name === "april.txt" ? 20_000_000 : 40_000, `${name} `);
  return name.endsWith(".pdf") ? Buffer.concat([Buffer.from("%PDF-1.7\n"), filler]) : filler;
}

const upload = FILES.map((name) => ({ name, mimeType: "application/octet-stream", buffer: contentOf(name) }));

async function expectReceipt(page: Page): Promise<void> {
  await page.getByRole("heading", { name: "Receipt" }).waitFor();
  const text = await page.locator("main").innerText();
  for (const name of FILES) {
    expect(text).toContain(name);
    expect(text).toContain(createHash("sha256").update(contentOf(name)).digest("hex"));
  }
}

test("a recipient and a manager go all the way, and each state can be used by everybody", async () => {
  const page = await browser.open();
  await page.goto(`${scene.server.origin}/boxes/${box.id}`);
  await browser.look(page, "01-sign-in");
  await page.locator("#email").fill(ANA);
  await page.keyboard.press("Enter");
  await page.locator("#code").waitFor();
  await browser.look(page, "02-code");
  await page.locator("#code").fill("0000 0000");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").waitFor();
  await browser.look(page, "03-wrong-code");
  await page.locator("#code").fill((await scene.codeTo(ANA)) ?? "");
  await page.keyboard.press("Enter");
  await page.locator(".account").waitFor();
  await browser.look(page, "04-empty");

  await page.locator("#files").setInputFiles(upload);
  await page.locator("#running .file").first().waitFor();
  await browser.picture(page, "05-uploading");
  await page.locator("#collected .file").nth(2).waitFor();
  await page.locator("#note").fill("Account 4711");
  await browser.look(page, "06-collected");
  await page.getByRole("button", { name: "Hand in" }).click();
  await expectReceipt(page);
  await browser.look(page, "07-receipt");
  await page.getByRole("link", { name: "Back to the drop-box" }).click();
  await browser.look(page, "08-own-deposits");

  const other = await browser.open({ locale: "fr-FR" });
  await signIn(other, { scene, box }, BO);
  expect(await other.locator("main").innerText()).not.toContain("march.pdf");
  await browser.look(other, "09-partitioned-french");

  const manager = await browser.open();
  await signIn(manager, { scene, box }, MO);
  await browser.look(manager, "10-manager");
  const [download] = await Promise.all([
    manager.waitForEvent("download"),
    manager.getByRole("link", { name: "Download march.pdf" }).click(),
  ]);
  expect(readFileSync(await download.path())).toEqual(contentOf("march.pdf"));
  await manager.getByRole("link", { name: "Show the minutes" }).click();
  await manager.getByRole("heading", { name: "Minutes" }).waitFor();
  expect(await manager.locator("main").innerText()).toContain(MO);
  await browser.look(manager, "11-minutes");
  await manager.getByRole("link", { name: "Back to the drop-box" }).click();
  await manager.getByRole("button", { name: "Close the drop-box" }).click();
  await manager.getByText("This drop-box is closed").waitFor();
  await browser.look(manager, "12-manager-closed");

  await page.goto(`${scene.server.origin}/boxes/${box.id}`);
  await page.getByText("This drop-box is closed").waitFor();
  await browser.look(page, "13-closed");
});

test("an upload into a box that is closed meanwhile says so beside the file, and goes on when it is opened again", async () => {
  const page = await browser.open();
  await signIn(page, { scene, box }, ANA);
  const held = Promise.withResolvers<void>();
  await page.route("**/uploads/*", async (route) => {
    await held.promise;
    await route.continue();
  });
  await page.locator("#files").setInputFiles(upload.slice(0, 1));
  await page.locator("#running .file").waitFor();
  await scene.vault.boxes.updateBox(box.id, { enabled: false });
  held.resolve();
  const line = page.locator("#running .file");
  await line.getByText("This drop-box is closed. Nothing can be handed in at present.").waitFor();
  expect(await page.locator("main").innerText()).not.toContain("the upload continues");
  await browser.look(page, "14-closed-while-uploading");
  await scene.vault.boxes.updateBox(box.id, { enabled: true });
  await line.getByRole("button", { name: "Try again" }).click();
  await page.locator("#collected .file").getByText("Arrived").waitFor();
  const [deposit] = await collect(scene.vault.boxes.listDeposits(box.id));
  expect(deposit?.files).toMatchObject([{ name: "march.pdf", state: "ready" }]); // the one that was begun
});

test("a page that isn't for everybody would be found", async () => {
  const page = await browser.open();
  await page.goto(`${scene.server.origin}/boxes/${box.id}`);
  await page.evaluate('document.querySelector("label").remove()');
  await expect(browser.look(page, "00-broken")).rejects.toThrow(/label/);
});

test("without JavaScript the same way leads to the same receipt", async () => {
  const page = await browser.open({ javaScriptEnabled: false });
  await signIn(page, { scene, box }, ANA);
  await browser.picture(page, "20-without-script");
  await page.locator("#files").setInputFiles(upload);
  await page.getByRole("button", { name: "Upload" }).click();
  await page.locator("#collected .file").nth(2).waitFor();
  await browser.picture(page, "21-without-script-collected");
  await page.locator("#note").fill("Account 4711");
  await page.getByRole("button", { name: "Hand in" }).click();
  await expectReceipt(page);

  const manager = await browser.open({ javaScriptEnabled: false });
  await signIn(manager, { scene, box }, MO);
  const [download] = await Promise.all([
    manager.waitForEvent("download"),
    manager.getByRole("link", { name: "Download april.txt" }).click(),
  ]);
  expect(readFileSync(await download.path())).toEqual(contentOf("april.txt"));
  await manager.getByRole("button", { name: "Close the drop-box" }).click();
  await manager.getByText("This drop-box is closed").waitFor();
});

test("a box that takes nothing says why: idle, expired, full, archived, no such page", async () => {
  const page = await browser.open();
  await signIn(page, { scene, box }, ANA);
  await scene.vault.boxes.updateBox(box.id, { maxBytes: 3 });
  await page.locator("#files").setInputFiles({ name: "a.txt", mimeType: "text/plain", buffer: Buffer.from("abc") });
  await page
    .locator("#collected .file")
    .waitFor({ state: "attached" })
    .catch(() => undefined);
  await page.goto(page.url());
  await page.getByText("This drop-box is full").waitFor();
  await browser.look(page, "30-full");
  scene.clock.advance(16 * 60_000);
  await page.goto(page.url());
  await page.getByText("15 minutes without activity").waitFor();
  await browser.look(page, "31-idle");
  scene.clock.set("2031-07-01T00:00:00Z");
  await page.goto(page.url());
  await page.getByText("The time for deposits is over").waitFor();
  await browser.look(page, "32-expired");
  await scene.vault.boxes.archiveBox(box.id, {});
  await page.goto(page.url());
  await page.getByText("This drop-box was archived").waitFor();
  await browser.look(page, "33-archived");
  await page.goto(`${scene.server.origin}/boxes/guessed`);
  await browser.look(page, "34-no-such-page");
});
