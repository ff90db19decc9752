import { afterEach, describe, expect, test } from "@jest/globals";
import { collect } from "../../../provider/core/collect.js";
import { ANA, MO, PagesScene, type PlainBrowser } from "../../fixtures/pages-scene.js";

let scene: PagesScene;
afterEach(() => scene.close());

const MINUTE = 60_000;

async function wrong(browser: PlainBrowser, page: string, times: number): Promise<void> {
  for (let tried = 0; tried < times; tried++) {
    const seen = await browser.post(`${page}/sign-in`, { code: "00000000" });
    expect(seen.status).toBe(403);
    expect(seen.text).toMatch(/This code is wrong|5 wrong codes were entered/);
  }
}

describe("a code", () => {
  test("is good once", async () => {
    scene = await PagesScene.start();
    const { id } = await scene.box();
    const browser = scene.browser();
    await browser.get(`/boxes/${id}`);
    await browser.post(`/boxes/${id}/code`, { email: ANA });
    const [code = "", before] = [await scene.codeTo(ANA), browser.cookie];
    const { token } = browser;
    await browser.post(`/boxes/${id}/sign-in`, { code });
    const again = scene.browser({ cookie: before });
    expect((await again.post(`/boxes/${id}/sign-in`, { code, token })).status).toBe(403);
  });

  test("is good for ten minutes", async () => {
    scene = await PagesScene.start();
    const { id } = await scene.box();
    const browser = scene.browser();
    await browser.get(`/boxes/${id}`);
    await browser.post(`/boxes/${id}/code`, { email: ANA });
    const code = (await scene.codeTo(ANA)) ?? "";
    scene.clock.advance(10 * MINUTE);
    expect((await browser.post(`/boxes/${id}/sign-in`, { code })).status).toBe(403);
  });

  test("is good in the browser that asked for it", async () => {
    scene = await PagesScene.start();
    const { id } = await scene.box();
    const [browser, other] = [scene.browser(), scene.browser()];
    for (const one of [browser, other]) {
      await one.get(`/boxes/${id}`);
      await one.post(`/boxes/${id}/code`, { email: ANA });
    }
    const codeOfOther = (await scene.codeTo(ANA)) ?? "";
    expect((await browser.post(`/boxes/${id}/sign-in`, { code: codeOfOther })).status).toBe(403);
    expect((await other.post(`/boxes/${id}/sign-in`, { code: codeOfOther })).status).toBe(200);
  });

  test("that was tried ten times lets nobody in, not even when it is the right one", async () => {
    scene = await PagesScene.start();
    const { id } = await scene.box();
    const browser = scene.browser();
    await browser.get(`/boxes/${id}`);
    await browser.post(`/boxes/${id}/code`, { email: ANA });
    await wrong(browser, `/boxes/${id}`, 4);
    const good = (await scene.codeTo(ANA)) ?? "";
    await wrong(browser, `/boxes/${id}`, 6);
    expect((await browser.get(`/boxes/${id}`)).text).not.toContain('id="code"');
    expect((await browser.post(`/boxes/${id}/sign-in`, { code: good })).status).toBe(403);
    await browser.post(`/boxes/${id}/again`);
    await browser.post(`/boxes/${id}/code`, { email: ANA });
    const fresh = (await scene.codeTo(ANA)) ?? "";
    expect((await browser.post(`/boxes/${id}/sign-in`, { code: fresh })).text).toContain("March statements");
  });

  test("that was wrong for the fifth time is dead, which the page says then and not before", async () => {
    scene = await PagesScene.start();
    const { id } = await scene.box();
    const browser = scene.browser();
    const enter = async (code: string) => (await browser.post(`/boxes/${id}/sign-in`, { code })).text;
    await browser.get(`/boxes/${id}`);
    await browser.post(`/boxes/${id}/code`, { email: ANA });
    for (let tried = 1; tried < 5; tried++) expect(await enter("00000000")).toContain("This code is wrong");
    for (const code of ["00000000", (await scene.codeTo(ANA)) ?? ""]) {
      const text = await enter(code);
      expect(text).toContain("5 wrong codes were entered, so the code that was sent opens nothing any more");
      expect(text).toContain("ask for a new code");
      expect(text).not.toContain('id="code"');
    }
    await browser.post(`/boxes/${id}/again`);
    await browser.post(`/boxes/${id}/code`, { email: ANA });
    expect(await enter("00000000")).toContain("This code is wrong");
    expect(await enter((await scene.codeTo(ANA)) ?? "")).toContain("Signed in as");
  });

  test("leaves events of sign-ins and of wrong tries, none of strangers, and never the code", async () => {
    scene = await PagesScene.start();
    const box = await scene.box();
    const stranger = scene.browser();
    await stranger.get(`/boxes/${box.id}`);
    await stranger.post(`/boxes/${box.id}/code`, { email: "eve@evil.example" });
    await wrong(stranger, `/boxes/${box.id}`, 6);
    const browser = scene.browser();
    await browser.get(`/boxes/${box.id}`);
    await browser.post(`/boxes/${box.id}/code`, { email: ANA });
    const typed = ["13579246", "00000000"];
    for (const code of typed) await browser.post(`/boxes/${box.id}/sign-in`, { code });
    typed.push((await scene.codeTo(ANA)) ?? "");
    await browser.post(`/boxes/${box.id}/sign-in`, { code: typed[2] ?? "" });
    const events = (await collect(scene.vault.listEvents({ credentialId: box.id }))).filter(({ action }) =>
      /signed|code/.test(action),
    );
    expect(events).toMatchObject([
      { actor: "whoever has the link", action: "box.code-refused", detail: `1 of 5 for ${ANA}, from 127.0.0.1` },
      { action: "box.code-refused", detail: `2 of 5 for ${ANA}, from 127.0.0.1` },
      { actor: ANA, action: "box.signed-in", detail: "from 127.0.0.1", ids: [box.id] },
    ]);
    const manager = await scene.signIn(box, MO, "fr");
    const { text } = await manager.get(`/boxes/${box.id}/minutes`);
    for (const part of ["Connexion", "Code incorrect", `Pour ${ANA}, 2 sur 5`, "quelqu&#39;un qui a le lien"])
      expect(text).toContain(part);
    for (const code of typed) expect(text + JSON.stringify(events)).not.toContain(code);
    expect(text).not.toContain("127.0.0.1");
  });

  test("is sent five times in a quarter of an hour, and twenty a day", async () => {
    scene = await PagesScene.start();
    const { id } = await scene.box();
    const browser = scene.browser();
    await browser.get(`/boxes/${id}`);
    const sent = async () =>
      (await collect(scene.vault.outbox.list())).filter(({ template }) => template === "box-code").length;
    const ask = async (times: number) => {
      for (let asked = 0; asked < times; asked++) {
        await browser.post(`/boxes/${id}/again`);
        expect((await browser.post(`/boxes/${id}/code`, { email: ANA })).text).toContain("a code is on its way");
      }
      return sent();
    };
    expect(await ask(7)).toBe(5);
    for (let quarter = 0; quarter < 6; quarter++) {
      scene.clock.advance(16 * MINUTE);
      await ask(5);
    }
    expect(await sent()).toBe(20);
  });
});
