import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from "@jest/globals";
import { LANGUAGES } from "../../../provider/server/html/locale.js";
import { writeMail } from "../../../provider/server/mail/letters.js";
import type { MailContent } from "../../../provider/server/mail/mails.js";
import type { DropBox } from "../../../provider/vault/port.js";
import { deposit } from "../../contract/vault-cases/boxes.js";
import { COMPANY, PageBrowser, signIn } from "../../fixtures/page-browser.js";
import { ANA, BO, MO, PagesScene } from "../../fixtures/pages-scene.js";

jest.setTimeout(600_000);

const LONG = `${"relevé-de-compte-des-filiales-".repeat(6)}mars.txt`;
const ARABIC = "كشف الحساب (مارس).txt";
const AT = "2031-05-06T08:00:00Z";

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
    name: "Relevés de mars : siège, filiales et bureaux de représentation",
    description: "Les relevés signés de mars, un fichier par compte.\nكشوف الحساب الموقعة لشهر مارس.",
    expiresAt: "2031-06-30T16:00:00Z",
    fileTypes: ["pdf", "txt", "xlsx"],
    maxFileBytes: 25_000_000,
    partitioned: true,
  });
});
afterEach(async () => {
  await browser.closePages(scene.server.origin);
  await scene.close();
});

test("a manager who reads French sees every state of a box and of its files, and its minutes", async () => {
  const { boxes } = scene.vault;
  await deposit(scene.vault, box, { "mars.txt": "un", [ARABIC]: "deux", [LONG]: "trois" });
  scene.vault.ruleFiles({ scanner: { arrived: () => undefined } });
  const { files } = await deposit(scene.vault, box, { "à vérifier.txt": "quatre", "infecté.txt": "cinq" });
  await boxes.files.judge(files[1]?.id ?? "", { clean: false, reason: "stream: Eicar-Test-Signature FOUND" });

  const page = await browser.open({ locale: "fr-FR" });
  await signIn(page, { scene, box }, MO);
  for (const state of ["en cours d'analyse antivirus", "refusé par l'antivirus"])
    await page.getByText(state, { exact: true }).waitFor();
  await browser.look(page, "60-manager-french");
  await page.getByRole("link", { name: "Voir le procès-verbal" }).click();
  await page.getByRole("heading", { name: "Procès-verbal" }).waitFor();
  await page.getByText("Fichier refusé par l'antivirus").waitFor();
  await browser.look(page, "61-minutes-french");
  await page.getByRole("link", { name: "Retour à la boîte de dépôt" }).click();
  await page.getByRole("link", { name: "Reçu" }).first().click();
  await page.getByRole("heading", { name: "Reçu" }).waitFor();
  await browser.look(page, "62-receipt-of-another-french");

  const shows = async (title: string, name: string) => {
    await page.goto(`${scene.server.origin}/boxes/${box.id}`);
    await page.getByText(title).waitFor();
    await browser.look(page, name);
  };
  await boxes.updateBox(box.id, { maxBytes: 3 });
  await shows("Cette boîte de dépôt est pleine", "63-manager-full-french");
  await boxes.updateBox(box.id, { enabled: false });
  await shows("Cette boîte de dépôt est fermée", "64-manager-closed-french");
  const expiresAt = new Date(scene.clock.now().getTime() + 60_000).toISOString();
  await boxes.updateBox(box.id, { enabled: true, expiresAt });
  scene.clock.advance(61_000);
  await shows("Le délai de dépôt est passé", "65-manager-expired-french");
  await boxes.archiveBox(box.id, {});
  await shows("Cette boîte de dépôt est archivée", "66-manager-archived-french");
});

test("a recipient who reads French uploads by keyboard and by dropping, and sees what is refused and what is under way", async () => {
  const page = await browser.open({ locale: "fr-FR" });
  await page.goto(`${scene.server.origin}/boxes/${box.id}`);
  await browser.look(page, "70-sign-in-french");
  await page.locator("#email").fill(ANA);
  await page.locator("#email").press("Enter");
  await page.locator("#code").fill("0000 0000");
  await page.locator("#code").press("Enter");
  await page.getByRole("alert").waitFor();
  await browser.look(page, "71-wrong-code-french");
  await page.locator("#code").fill((await scene.codeTo(ANA)) ?? "");
  await page.locator("#code").press("Enter");
  await page.locator(".account").waitFor();

  const isFocused = () => page.evaluate<boolean>('document.activeElement.id === "files"');
  for (let tabs = 0; tabs < 20 && !(await isFocused()); tabs++) await page.keyboard.press("Tab");
  expect(await isFocused()).toBe(true);
  const opening = page.waitForEvent("filechooser"); // a while before the key: a busy browser takes a moment to hand choosers over
  await browser.look(page, "72-chooser-focused-french");
  await page.keyboard.press("Space");
  const chooser = await opening;
  await chooser.setFiles({ name: ARABIC, mimeType: "text/plain", buffer: Buffer.from("one") });
  await page.locator("#collected .file").waitFor();
  const dropped = await page.evaluateHandle(
    '(() => { const data = new DataTransfer(); data.items.add(new File(["two"], "déposé.txt")); return data; })()',
  );
  await page.dispatchEvent("#drop", "drop", { dataTransfer: dropped });
  await page.locator("#collected .file").nth(1).waitFor();

  const held = Promise.withResolvers<void>();
  await page.route("**/uploads/*", async (route) => {
    if (route.request().method() === "PATCH") await held.promise;
    await route.continue();
  });
  const chosen = (name: string, buffer: Buffer) => ({ name, mimeType: "application/octet-stream", buffer });
  await page
    .locator("#files")
    .setInputFiles([chosen(LONG, Buffer.alloc(2_000_000, "x ")), chosen("vidéo.pdf", Buffer.alloc(9))]);
  await page.locator("#running .file").nth(1).waitFor();
  await browser.look(page, "73-under-way-french");
  const bar = page.locator("#running progress").first();
  const setBar = (to: number) => bar.evaluate((element, value) => void Object.assign(element, { value }), to);
  for (const colours of [{ colorScheme: "light" }, { colorScheme: "dark" }, { forcedColors: "active" }] as const) {
    await page.emulateMedia(colours);
    const card = await page.evaluate<string>('getComputedStyle(document.querySelector("main")).backgroundColor');
    expect(await browser.coloursAcross(bar, [0.1, 0.5, 0.9])).toEqual([card, card, card]); // nothing has come
    await setBar(0.5);
    const [come, left] = await browser.coloursAcross(bar, [0.25, 0.75]);
    expect({ ...colours, come, left }).toEqual({ ...colours, come: expect.not.stringContaining(card), left: card });
    await setBar(0);
  }
  await page.emulateMedia({ colorScheme: "light", forcedColors: "none" });
  held.resolve();
  await page.getByText("aucun de ces types").first().waitFor();
  await page.locator("#collected .file").nth(2).waitFor();
  await browser.look(page, "74-refused-french");
  expect(await page.getByRole("button", { name: /^Réessayer/ }).count()).toBe(0); // its content would be the same
  await page.locator("#running").getByRole("button", { name: "Retirer vidéo.pdf" }).click();
  expect(await page.locator("#running .file").count()).toBe(0);
  await page.getByRole("button", { name: "Remettre" }).click();
  await page.getByRole("heading", { name: "Reçu" }).waitFor();
  await browser.look(page, "75-receipt-french");
  scene.clock.advance(16 * 60_000);
  await page.goto(`${scene.server.origin}/boxes/${box.id}`);
  await page.getByText("15 minutes sans activité").waitFor();
  await browser.look(page, "76-idle-french");
});

test("without JavaScript a narrow page has the same, in French", async () => {
  const page = await browser.open({ javaScriptEnabled: false, locale: "fr-FR" });
  await page.setViewportSize({ width: 320, height: 900 });
  await page.goto(`${scene.server.origin}/boxes/${box.id}`);
  await page.locator("#email").fill(BO);
  await page.locator("#email").press("Enter");
  await page.locator("#code").fill((await scene.codeTo(BO)) ?? "");
  await page.locator("#code").press("Enter");
  await page.locator(".account").waitFor();
  await page.locator("#files").setInputFiles({ name: LONG, mimeType: "text/plain", buffer: Buffer.from("one") });
  await page.getByRole("button", { name: "Envoyer" }).click();
  await page.locator("#collected .file").waitFor();
  await browser.picture(page, "77-without-script-french-320");
});

test("every mail can be read by everybody, in both languages, on a telephone too", async () => {
  const about = { boxId: box.id, box: box.name };
  const files: [string, number, string][] = [
    [ARABIC, 1_234, "ab".repeat(32)],
    [LONG, 1_234_567, "cd".repeat(32)],
  ];
  const handedIn = {
    ...about,
    depositId: `dp_${"a".repeat(22)}`,
    by: ANA,
    submittedAt: AT,
    note: "Compte 4711\nمع تحياتي",
    files,
  };
  const contents: MailContent[] = [
    { template: "box-opened", ...about, description: box.description ?? null, expiresAt: AT, manager: false },
    { template: "box-opened", ...about, description: null, expiresAt: null, manager: true },
    { template: "box-code", ...about, code: "2718 2818", minutes: 10, language: "en" },
    { template: "deposit-receipt", ...handedIn },
    { template: "deposit-received", ...handedIn },
    { template: "file-downloaded", ...about, name: LONG, by: MO, at: AT },
    { template: "file-refused", ...about, name: ARABIC, by: ANA, at: AT, reason: "Eicar FOUND", manager: false },
    {
      template: "transfer-sent",
      link: `tr_${"a".repeat(22)}.${"b".repeat(43)}`,
      from: "Ana Martin, Example Ltd",
      message: "Voici les chiffres.",
      expiresAt: AT,
      password: true,
      maxDownloads: 2,
      encrypted: true,
      files,
    },
  ];
  const page = await browser.open();
  await page.goto(`${scene.server.origin}/boxes/${box.id}`);
  for (const language of LANGUAGES) {
    for (const [number, content] of contents.entries()) {
      const { html } = writeMail(content.template === "box-code" ? { ...content, language } : content, {
        brand: COMPANY.brand,
        language,
        timeZone: "Europe/Paris",
        pageOf: (id) => `https://drop.example.com/boxes/${id}`,
        transferPageOf: (link) => `https://drop.example.com/transfers/${link}`,
      });
      await page.goto("about:blank"); // without the policy of the pages
      await page.setContent(html);
      await browser.look(page, `8${number}-mail-${content.template}-${language}`);
      if (!("files" in content)) continue;
      const [label, value] = [page.getByText("SHA-256", { exact: true }).first(), page.getByText("abab").first()];
      const places = async () => [await label.boundingBox(), await value.boundingBox()];
      const overflowing = () =>
        page.evaluate<number>(
          '[...document.querySelectorAll("div")].filter((each) => each.scrollWidth > each.clientWidth).length',
        );
      const [beside, digest] = await places(); // at 1,000 pixels
      expect(await overflowing()).toBe(0);
      expect(digest?.y).toBe(beside?.y);
      await page.setViewportSize({ width: 320, height: 900 });
      const [over, under] = await places();
      expect(await overflowing()).toBe(0);
      expect(under?.x).toBe(over?.x);
      expect(under?.y).toBeGreaterThan(over?.y ?? Infinity);
      await page.setViewportSize({ width: 1000, height: 900 });
    }
  }
});
