import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { FastifyInstance } from "fastify";
import type { DropBox } from "../../../provider/vault/port.js";
import { ANA, BO, MO, PagesScene, type PlainBrowser } from "../../fixtures/pages-scene.js";

/** Who asks; the box is partitioned, and what is asked for is Ana's. */
const CALLERS = ["stranger", "signed out", "of another box", "other recipient", "recipient", "manager"] as const;
type Caller = (typeof CALLERS)[number];

const GUESTS: readonly Caller[] = ["other recipient", "recipient", "manager"];
const SEES: readonly Caller[] = ["recipient", "manager"];

/** One row a route: who gets further than a refusal, whether with a page or with what is wrong in the request. */
const ROWS: Record<string, readonly Caller[]> = {
  "GET /boxes/:boxId": CALLERS, // each sees what is theirs: the question for an address, or the box
  "POST /boxes/:boxId/code": CALLERS,
  "POST /boxes/:boxId/again": CALLERS,
  "POST /boxes/:boxId/sign-in": [], // without a code nobody
  "POST /boxes/:boxId/sign-out": GUESTS,
  "POST /boxes/:boxId/submit": GUESTS,
  "POST /boxes/:boxId/files": GUESTS,
  "POST /boxes/:boxId/files/:fileId/remove": [], // it was handed in
  "POST /boxes/:boxId/state": ["manager"],
  "GET /boxes/:boxId/minutes": ["manager"],
  "GET /boxes/:boxId/deposits/:depositId": SEES,
  "GET /boxes/:boxId/files/:fileId": SEES,
  "POST /boxes/:boxId/uploads": GUESTS,
  "HEAD /boxes/:boxId/uploads/:fileId": [],
  "PATCH /boxes/:boxId/uploads/:fileId": [],
  "DELETE /boxes/:boxId/uploads/:fileId": [],
};
/** Without a guard: files that pages use. */
const ASSETS = /^GET \/pages\//;

let scene: PagesScene;
let box: DropBox;
let ids: Record<string, string>;
const routes = new Set<string>();
/** For requests that leave the visit as it is. */
const browsers = new Map<Caller, PlainBrowser>();

beforeAll(async () => {
  scene = await PagesScene.start({
    onRoute: (app: FastifyInstance) =>
      app.addHook("onRoute", ({ method, url }) => {
        for (const each of [method].flat()) routes.add(`${each} ${url}`);
      }),
  });
  box = await scene.box({ partitioned: true });
  const { id: depositId } = await scene.vault.boxes.openDeposit(box.id, { by: ANA });
  const { id: fileId } = await scene.vault.boxes.files.create({ depositId, name: "a.txt" });
  await scene.vault.boxes.files.finish(fileId);
  await scene.vault.boxes.submitDeposit(depositId);
  ids = { boxId: box.id, depositId, fileId };
});
afterAll(() => scene.close());

async function browserOf(caller: Caller): Promise<PlainBrowser> {
  if (caller === "of another box") return scene.signIn(await scene.box({ name: `Other ${Math.random()}` }), ANA);
  if (caller === "stranger") return scene.browser();
  const browser = await scene.signIn(box, { "other recipient": BO, manager: MO }[caller as string] ?? ANA);
  await browser.get(`/boxes/${box.id}`);
  if (caller === "signed out") {
    const { cookie, token } = browser;
    await browser.post(`/boxes/${box.id}/sign-out`);
    const copy = scene.browser({ cookie });
    copy.token = token;
    return copy;
  }
  return browser;
}

async function statusOf(route: string, caller: Caller): Promise<number> {
  const [method = "", url = ""] = route.split(" ");
  const path = url.replaceAll(/:(\w+)/g, (_all, name: string) => ids[name] ?? "");
  const changesVisit = /code|again|sign-/.test(url);
  const browser = (changesVisit ? undefined : browsers.get(caller)) ?? (await browserOf(caller));
  if (!changesVisit) browsers.set(caller, browser);
  if (caller === "stranger" || caller === "of another box") await browser.get(`/boxes/${box.id}`);
  if (method === "GET") return (await browser.get(path)).status;
  if (url.endsWith("/files")) return (await browser.upload(path, { "b.txt": "b" })).status;
  if (url.includes("/uploads")) {
    const headers = { "tus-resumable": "1.0.0", "x-form-token": browser.token, "upload-offset": "0" };
    const sized = method === "POST" ? { ...headers, "upload-length": "1" } : headers;
    const content = { "content-type": "application/offset+octet-stream" };
    const init = method === "PATCH" ? { headers: { ...headers, ...content }, body: "x" } : { headers: sized };
    return (await browser.send(path, { method, ...init })).status;
  }
  return (await browser.post(path, { email: "eve@example.org", code: "1", enabled: "yes" })).status;
}

test("every route of the pages has its row, and every row its route", () => {
  const heads = [...routes].filter((route) => route.startsWith("HEAD ") && routes.has(route.replace("HEAD", "GET")));
  const own = [...routes].filter((route) => !ASSETS.test(route) && !heads.includes(route));
  expect(own.sort()).toEqual(Object.keys(ROWS).sort());
});

describe.each(Object.entries(ROWS))("%s", (route, may) => {
  test("is for those who may", async () => {
    const seen: Record<string, boolean> = {};
    for (const caller of CALLERS) {
      const status = await statusOf(route, caller);
      expect(status).toBeLessThan(500);
      seen[caller] = ![401, 403, 404].includes(status);
    }
    expect(seen).toEqual(Object.fromEntries(CALLERS.map((caller) => [caller, may.includes(caller)])));
  });
});
