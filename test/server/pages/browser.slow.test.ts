import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from "@jest/globals";
import type * as Axe from "axe-core";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import type { DropBox } from "../../../provider/vault/port.js";
import { ANA, BO, MO, PagesScene } from "../../fixtures/pages-scene.js";

jest.setTimeout(900_000);

const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
/** Kept for whoever wants to look at them: not part of the repository. */
const PICTURES = join(import.meta.dirname, "../../.work/pages");
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const FILES = ["march.pdf", "april.txt", "very-long-name-of-a-statement-that-nobody-shortened-before-sending-it.txt"];

let browser: Browser;
let scene: PagesScene;
let box: DropBox;
const contexts: BrowserContext[] = [];
/** What a browser complained of, such as a breach of the content security policy. */
const complaints: string[] = [];
/** Whom a page has asked for something. */
const asked = new Set<string>();

beforeAll(async () => {
  if (CHROMIUM === undefined) throw new Error("there is no Chromium: apt-get install chromium");
  mkdirSync(PICTURES, { recursive: true });
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
});
afterAll(() => browser.close());

beforeEach(async () => {
  scene = await PagesScene.start({
    style: {
      brand: { name: "Example Ltd", colour: "#123f6d" },
      logo: {
        mime: "image/svg+xml",
        bytes: Buffer.from(
          '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#123f6d"/>' +
            '<path d="M9 21V11h13M9 16h9" stroke="#fff" stroke-width="3" fill="none"/></svg>',
        ),
      },
      language: "en",
      timeZone: "Europe/Paris",
      secure: false,
    },
  });
  box = await scene.box({
    description: "The signed statements of March, one PDF or text file each.\nPlease name the account in the note.",
    expiresAt: "2031-06-30T16:00:00Z",
    partitioned: true,
  });
});
afterEach(async () => {
  await Promise.all(contexts.splice(0).map((context) => context.close()));
  await scene.close();
  expect(complaints.splice(0)).toEqual([]);
  expect([...asked]).toEqual([scene.server.origin]);
  asked.clear();
});

async function open(options: { javaScriptEnabled?: boolean; locale?: string } = {}): Promise<Page> {
  const context = await browser.newContext({ locale: "en-GB", viewport: { width: 1000, height: 900 }, ...options });
  contexts.push(context);
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  page.on("console", (message) => {
    // A refused form is an answer of 4xx, which a browser notes, too.
    if (message.type() === "error" && !message.text().includes("the server responded with"))
      complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => {
    if (!request.url().startsWith("data:")) asked.add(new URL(request.url()).origin);
  });
  return page;
}

async function signIn(page: Page, address: string): Promise<void> {
  await page.goto(`${scene.server.origin}/boxes/${box.id}`);
  await page.locator("#email").fill(address);
  await page.locator("#email").press("Enter");
  await page.locator("#code").fill((await scene.codeTo(address)) ?? "");
  await page.locator("#code").press("Enter");
  await page.locator(".account").waitFor();
}

/** A picture of the page, and what axe-core says of it: light and dark, wide and at 320 pixels. */
async function look(page: Page, name: string): Promise<void> {
  for (const width of [1000, 320]) {
    for (const colorScheme of ["light", "dark"] as const) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme });
      const at = `${name}-${width}-${colorScheme}`;
      await page.screenshot({ path: join(PICTURES, `${at}.png`), fullPage: true });
      await page.evaluate(axe);
      const serious = await page.evaluate(async () => {
        const { axe: tool } = globalThis as unknown as { axe: typeof Axe };
        const { violations } = await tool.run();
        return violations
          .filter(({ impact }) => impact === "serious" || impact === "critical")
          .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
      });
      const wide = await page.evaluate<number>("document.documentElement.scrollWidth");
      expect({ at, serious, fits: wide <= width }).toEqual({ at, serious: [], fits: true });
    }
  }
  await page.setViewportSize({ width: 1000, height: 900 });
  await page.emulateMedia({ colorScheme: "light" });
}

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
  const page = await open();
  await page.goto(`${scene.server.origin}/boxes/${box.id}`);
  await look(page, "01-sign-in");
  await page.locator("#email").fill(ANA);
  await page.keyboard.press("Enter");
  await page.locator("#code").waitFor();
  await look(page, "02-code");
  await page.locator("#code").fill("0000 0000");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").waitFor();
  await look(page, "03-wrong-code");
  await page.locator("#code").fill((await scene.codeTo(ANA)) ?? "");
  await page.keyboard.press("Enter");
  await page.locator(".account").waitFor();
  await look(page, "04-empty");

  await page.locator("#files").setInputFiles(upload);
  await page.locator("#running .file").first().waitFor();
  await page.screenshot({ path: join(PICTURES, "05-uploading.png"), fullPage: true });
  await page.locator("#collected .file").nth(2).waitFor();
  await page.locator("#note").fill("Account 4711");
  await look(page, "06-collected");
  await page.getByRole("button", { name: "Hand in" }).click();
  await expectReceipt(page);
  await look(page, "07-receipt");
  await page.getByRole("link", { name: "Back to the drop-box" }).click();
  await look(page, "08-own-deposits");

  const other = await open({ locale: "fr-FR" });
  await signIn(other, BO);
  expect(await other.locator("main").innerText()).not.toContain("march.pdf");
  await look(other, "09-partitioned-french");

  const manager = await open();
  await signIn(manager, MO);
  await look(manager, "10-manager");
  const [download] = await Promise.all([
    manager.waitForEvent("download"),
    manager.getByRole("link", { name: "Download march.pdf" }).click(),
  ]);
  expect(readFileSync(await download.path())).toEqual(contentOf("march.pdf"));
  await manager.getByRole("link", { name: "Show the minutes" }).click();
  await manager.getByRole("heading", { name: "Minutes" }).waitFor();
  expect(await manager.locator("main").innerText()).toContain(MO);
  await look(manager, "11-minutes");
  await manager.getByRole("link", { name: "Back to the drop-box" }).click();
  await manager.getByRole("button", { name: "Close the drop-box" }).click();
  await manager.getByText("This drop-box is closed").waitFor();
  await look(manager, "12-manager-closed");

  await page.goto(`${scene.server.origin}/boxes/${box.id}`);
  await page.getByText("This drop-box is closed").waitFor();
  await look(page, "13-closed");
});

test("a page that isn't for everybody would be found", async () => {
  const page = await open();
  await page.goto(`${scene.server.origin}/boxes/${box.id}`);
  await page.evaluate('document.querySelector("label").remove()');
  await expect(look(page, "00-broken")).rejects.toThrow(/label/);
});

test("without JavaScript the same way leads to the same receipt", async () => {
  const page = await open({ javaScriptEnabled: false });
  await signIn(page, ANA);
  await page.screenshot({ path: join(PICTURES, "20-without-script.png"), fullPage: true });
  await page.locator("#files").setInputFiles(upload);
  await page.getByRole("button", { name: "Upload" }).click();
  await page.locator("#collected .file").nth(2).waitFor();
  await page.screenshot({ path: join(PICTURES, "21-without-script-collected.png"), fullPage: true });
  await page.locator("#note").fill("Account 4711");
  await page.getByRole("button", { name: "Hand in" }).click();
  await expectReceipt(page);

  const manager = await open({ javaScriptEnabled: false });
  await signIn(manager, MO);
  const [download] = await Promise.all([
    manager.waitForEvent("download"),
    manager.getByRole("link", { name: "Download april.txt" }).click(),
  ]);
  expect(readFileSync(await download.path())).toEqual(contentOf("april.txt"));
  await manager.getByRole("button", { name: "Close the drop-box" }).click();
  await manager.getByText("This drop-box is closed").waitFor();
});

test("a box that takes nothing says why: idle, expired, full, archived, no such page", async () => {
  const page = await open();
  await signIn(page, ANA);
  await scene.vault.boxes.updateBox(box.id, { maxBytes: 3 });
  await page.locator("#files").setInputFiles({ name: "a.txt", mimeType: "text/plain", buffer: Buffer.from("abc") });
  await page
    .locator("#collected .file")
    .waitFor({ state: "attached" })
    .catch(() => undefined);
  await page.goto(page.url());
  await page.getByText("This drop-box is full").waitFor();
  await look(page, "30-full");
  scene.clock.advance(16 * 60_000);
  await page.goto(page.url());
  await page.getByText("nothing happened for 15 minutes").waitFor();
  await look(page, "31-idle");
  scene.clock.set("2031-07-01T00:00:00Z");
  await page.goto(page.url());
  await page.getByText("The time for deposits is over").waitFor();
  await look(page, "32-expired");
  await scene.vault.boxes.archiveBox(box.id, {});
  await page.goto(page.url());
  await page.getByText("This drop-box was archived").waitFor();
  await look(page, "33-archived");
  await page.goto(`${scene.server.origin}/boxes/guessed`);
  await look(page, "34-no-such-page");
});
