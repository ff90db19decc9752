import { afterEach, describe, expect, test } from "@jest/globals";
import { newId } from "../../../provider/core/id.js";
import { collect } from "../../../provider/core/collect.js";
import { ANA, BO, MO, PagesScene } from "../../fixtures/pages-scene.js";

let scene: PagesScene;
afterEach(() => scene.close());

const MINUTE = 60_000;

describe("somebody who was invited", () => {
  test.each([ANA, MO])("gets in by a code from the mail: %s", async (address) => {
    scene = await PagesScene.start();
    const box = await scene.box();
    const browser = await scene.signIn(box, address);
    const page = await browser.get(`/boxes/${box.id}`);
    expect(page).toMatchObject({ status: 200 });
    expect(page.text).toContain("<h1>March statements</h1>");
    expect(page.text).toContain(address);
  });

  test("types the address in other capitals, and the code with a space", async () => {
    scene = await PagesScene.start();
    const { id } = await scene.box();
    const browser = scene.browser();
    await browser.get(`/boxes/${id}`);
    await browser.post(`/boxes/${id}/code`, { email: " ANA@Acme.Example " });
    const code = (await scene.codeTo(ANA)) ?? "";
    expect(code).toMatch(/^\d{8}$/);
    const page = await browser.post(`/boxes/${id}/sign-in`, { code: `${code.slice(0, 4)} ${code.slice(4)}` });
    expect(page.text).toContain("<h1>March statements</h1>");
  });

  test("reads it in the browser's language", async () => {
    scene = await PagesScene.start();
    const box = await scene.box();
    const page = await (await scene.signIn(box, ANA, "de, fr-CH;q=0.8, en;q=0.5")).get(`/boxes/${box.id}`);
    expect(page.text).toContain('<html lang="fr">');
    expect(page.text).toContain("Ce qui vous est demandé");
  });

  test("is in no longer once the box doesn't name them any more", async () => {
    scene = await PagesScene.start();
    const box = await scene.box();
    const browser = await scene.signIn(box, ANA);
    await scene.vault.boxes.updateBox(box.id, { recipients: [BO] });
    expect((await browser.get(`/boxes/${box.id}`)).text).toContain("Send me a code");
    expect((await browser.post(`/boxes/${box.id}/submit`)).status).toBe(401);
  });

  test("is signed out after 15 minutes without a request, and told why; not while requests come", async () => {
    scene = await PagesScene.start();
    const box = await scene.box();
    const browser = await scene.signIn(box, ANA);
    for (let asked = 0; asked < 4; asked++) {
      scene.clock.advance(14 * MINUTE);
      expect((await browser.get(`/boxes/${box.id}`)).text).toContain("Signed in as");
    }
    scene.clock.advance(15 * MINUTE);
    const page = await browser.get(`/boxes/${box.id}`);
    expect(page.text).toContain("15 minutes without activity");
    expect(page.text).not.toContain("March statements");
  });

  test("is signed out by the button, and a copy of the cookie signs nobody in", async () => {
    scene = await PagesScene.start();
    const box = await scene.box();
    const browser = await scene.signIn(box, ANA);
    await browser.get(`/boxes/${box.id}`);
    const { cookie } = browser;
    expect((await scene.browser({ cookie }).get(`/boxes/${box.id}`)).text).toContain("Signed in as");
    expect((await browser.post(`/boxes/${box.id}/sign-out`)).text).toContain("Send me a code");
    expect((await scene.browser({ cookie }).get(`/boxes/${box.id}`)).text).toContain("Send me a code");
  });

  test("stays signed in when the server starts anew, and nowhere else", async () => {
    scene = await PagesScene.start();
    const [box, other] = [await scene.box(), await scene.box({ name: "Another" })];
    const browser = await scene.signIn(box, ANA);
    const { cookie } = browser;
    expect((await scene.browser({ cookie }).get(`/boxes/${other.id}`)).text).toContain("Send me a code");
  });
});

describe("a stranger", () => {
  test("learns nothing of who was invited: the same answer, and no mail", async () => {
    scene = await PagesScene.start();
    const { id } = await scene.box();
    const mails = async () => (await collect(scene.vault.outbox.list())).length;
    const before = await mails();
    const answers = [];
    for (const email of ["eve@evil.example", ANA]) {
      const browser = scene.browser();
      await browser.get(`/boxes/${id}`);
      const { status, text } = await browser.post(`/boxes/${id}/code`, { email });
      answers.push({ status, text: text.replaceAll(email, "…").replaceAll(/value="[^"]*"/g, "") });
      for (let tried = 0; tried < 6; tried++) {
        const refused = await browser.post(`/boxes/${id}/sign-in`, { code: "12345678" });
        answers.at(-1)!.text += refused.text.replaceAll(email, "…").replaceAll(/value="[^"]*"/g, "");
      }
    }
    expect(answers[0]).toEqual(answers[1]);
    expect(await mails()).toBe(before + 1);
  });

  test("who guesses a link sees that there is no such page", async () => {
    scene = await PagesScene.start();
    for (const id of [newId("bx_"), "x", "..%2f..%2fetc", "%00"]) {
      const { status, text } = await scene.browser().get(`/boxes/${id}`);
      expect(status).toBe(404);
      expect(text).not.toContain("etc");
    }
  });

  test("with an altered cookie is a stranger", async () => {
    scene = await PagesScene.start();
    const box = await scene.box();
    const browser = await scene.signIn(box, ANA);
    const cookie = `${browser.cookie.slice(0, -3)}${browser.cookie.endsWith("AAA") ? "BBB" : "AAA"}`;
    expect((await scene.browser({ cookie }).get(`/boxes/${box.id}`)).text).toContain("Send me a code");
  });

  test("is told that no code can come where the server sends no mail", async () => {
    scene = await PagesScene.start({ sendsMail: false });
    const { id } = await scene.box();
    expect(await scene.browser().get(`/boxes/${id}`)).toMatchObject({ status: 503 });
  });
});

describe("a box that isn't open", () => {
  test.each([
    ["closed", { enabled: false }, "This drop-box is closed"],
    ["archived", { expiresAt: "2031-05-06T08:00:00Z", archivesAt: "2031-05-06T08:00:00Z" }, "was archived"],
  ])("lets in those who look after it, and says so: %s", async (_status, input, text) => {
    scene = await PagesScene.start();
    const box = await scene.box(input);
    scene.clock.advance(60 * MINUTE);
    expect((await scene.browser().get(`/boxes/${box.id}`)).text).toContain(text);
    expect((await (await scene.signIn(box, ANA)).get(`/boxes/${box.id}`)).text).not.toContain("Signed in as");
    const page = await (await scene.signIn(box, MO)).get(`/boxes/${box.id}`);
    expect(page.text).toContain("Signed in as");
    expect(page.text).not.toContain('id="files"');
  });

  test("because its time is over still shows recipients what they handed in", async () => {
    scene = await PagesScene.start();
    const box = await scene.box({ expiresAt: "2031-05-06T08:00:00Z" });
    scene.clock.advance(60 * MINUTE);
    const page = await (await scene.signIn(box, ANA)).get(`/boxes/${box.id}`);
    expect(page.text).toContain("The time for deposits is over");
    expect(page.text).not.toContain('id="files"');
  });
});

describe("a form that no page of the visit has sent", () => {
  test("does nothing: without its token, with another visit's, from another site", async () => {
    scene = await PagesScene.start();
    const box = await scene.box();
    const [browser, other] = [await scene.signIn(box, MO), await scene.signIn(box, ANA)];
    await Promise.all([browser, other].map((one) => one.get(`/boxes/${box.id}`)));
    const close = (fields: Record<string, string>, headers = {}) =>
      browser.post(`/boxes/${box.id}/state`, { enabled: "no", ...fields }, headers);
    expect((await close({ token: "" })).status).toBe(403);
    expect((await close({ token: other.token })).status).toBe(403);
    await browser.get(`/boxes/${box.id}`);
    expect((await close({}, { "sec-fetch-site": "cross-site" })).status).toBe(403);
    expect((await scene.vault.boxes.readBox(box.id)).status).toBe("open");
    expect((await close({}, { "sec-fetch-site": "same-origin" })).status).toBe(200);
    expect((await scene.vault.boxes.readBox(box.id)).status).toBe("closed");
  });
});

test("a page comes with a strict policy, no referrer, no cache, and a cookie for nobody else", async () => {
  scene = await PagesScene.start({
    style: {
      brand: { name: "Example Ltd", colour: "#123456" },
      language: "en",
      timeZone: "UTC",
      secure: true,
    },
  });
  const { id } = await scene.box();
  const { headers, text } = await scene.browser().get(`/boxes/${id}`);
  expect(headers.get("content-security-policy")).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
  expect(headers.get("referrer-policy")).toBe("no-referrer");
  expect(headers.get("cache-control")).toBe("no-store");
  const cookie = headers.getSetCookie()[0] ?? "";
  expect(cookie).toMatch(/HttpOnly/i);
  expect(cookie).toMatch(/Secure/i);
  expect(cookie).toMatch(/SameSite=Strict/i);
  expect(cookie).toContain(`Path=/boxes/${id}`);
  expect(text).toContain("Example Ltd");
  expect(text).not.toMatch(/style="|<style|onclick|javascript:|https?:\/\//);
  const css = /href="(\/pages\/brand\.css[^"]*)"/.exec(text)?.[1] ?? "";
  expect((await scene.browser().get(css)).text).toContain("--brand: #123456; --on-brand: #ffffff");
});
