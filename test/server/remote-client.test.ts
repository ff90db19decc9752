import { createServer as createHttp, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline, Readable } from "node:stream";
import { afterEach, describe, expect, test } from "@jest/globals";
import { Secret } from "../../provider/core/secret.js";
import { v1Front } from "../../provider/server/v1/front.js";
import { openRemoteVault, type RemoteVault } from "../../provider/vault/remote/remote-vault.js";
import { collect, failure } from "../contract/vault-cases/setup.js";
import { Proxy } from "../crash/proxy.ts";
import { ServerScene } from "../fixtures/server-scene.js";

let scene: ServerScene | undefined;
let proxy: Proxy | undefined;
let vault: RemoteVault | undefined;
let other: Server | undefined;

afterEach(async () => {
  await vault?.close();
  await proxy?.close();
  await scene?.close();
  other?.closeAllConnections();
  other?.close();
  [scene, proxy, vault, other] = [undefined, undefined, undefined, undefined];
});

/** A client whose traffic with the server passes a proxy that can cut it. */
async function behindProxy(): Promise<{ scene: ServerScene; proxy: Proxy; vault: RemoteVault }> {
  scene = await ServerScene.start({ fronts: [v1Front] });
  proxy = await Proxy.start({ host: "127.0.0.1", port: Number(new URL(scene.origin).port) });
  const text = new Secret(await scene.token("ana", { role: "administrator" }));
  vault = openRemoteVault({ origin: `http://127.0.0.1:${proxy.port}`, token: () => text });
  await vault.identity();
  return { scene, proxy, vault };
}

/** Something at the address that is no `coffre serve`. */
async function stranger(
  status: number,
  body: string,
  headers: Record<string, string> = {},
): Promise<{ vault: RemoteVault; asked: () => number }> {
  let count = 0;
  other = createHttp((request, response) => {
    count += 1;
    request.resume();
    response.writeHead(status, headers).end(body);
  });
  await new Promise<void>((resolve) => other?.listen(0, "127.0.0.1", resolve));
  vault = openRemoteVault({ origin: `http://127.0.0.1:${(other.address() as AddressInfo).port}` });
  return { vault, asked: () => count };
}

/** Something that answers with one text and never stops. */
async function endless(): Promise<{ vault: RemoteVault; sent: () => number }> {
  const part = Buffer.alloc(1024 * 1024, '"');
  let count = 0;
  function* parts(): Iterable<Buffer> {
    for (; ; count += part.length) yield part;
  }
  other = createHttp((request, response) => {
    request.resume();
    pipeline(Readable.from(parts()), response, () => undefined); // ends with the client's patience
  });
  await new Promise<void>((resolve) => other?.listen(0, "127.0.0.1", resolve));
  vault = openRemoteVault({
    origin: `http://127.0.0.1:${(other.address() as AddressInfo).port}`,
    longestAnswer: 4 * 1024 * 1024,
  });
  return { vault, sent: () => count };
}

describe("a change whose answer is lost", () => {
  test("is sent again under its id, carried out once, and answered with the first one's outcome", async () => {
    const cut = await behindProxy();
    let drops = 1;
    // The first answer is broken off after the server has carried it out.
    cut.proxy.watcher = { before: ({ direction }) => (direction === "in" && drops-- > 0 ? "drop" : "pass") };
    const made = await cut.vault.createCategory({ name: "Databases", parentId: null });
    expect(await collect(cut.scene.vault.listCategories())).toEqual([made]);
    const events = await collect(cut.scene.vault.listEvents());
    expect(events.filter(({ action }) => action === "category.created")).toHaveLength(1);
  });

  test("is refused by a server that was started anew, which doesn't know what became of it", async () => {
    const { scene: first } = await behindProxy();
    const token = await first.token("bo", { role: "administrator" });
    const ask = { token, body: { input: { name: "Databases", parentId: null } } };
    const sent = (start: string) =>
      first.send("/v1/create-category", {
        ...ask,
        headers: { "x-coffre-request": "a-random-id-of-its-own", "x-coffre-server": start },
      });
    const start = (await first.send("/v1/identity", { token, body: {} })).headers.get("x-coffre-server") ?? "";
    expect(await sent("an-earlier-start")).toMatchObject({ status: 503, body: { error: { code: "INTERRUPTED" } } });
    expect(await collect(first.vault.listCategories())).toEqual([]);
    expect((await sent(start)).status).toBe(200);
    expect((await sent(start)).status).toBe(200);
    expect(await collect(first.vault.listCategories())).toHaveLength(1);
  });

  test("keeps its id for itself: another change under it is a CONFLICT, and none at all is refused", async () => {
    const { scene: first } = await behindProxy();
    const token = await first.token("bo", { role: "administrator" });
    const named = (name: string, id?: string) =>
      first.send("/v1/create-category", {
        token,
        body: { input: { name, parentId: null } },
        headers: id === undefined ? {} : { "x-coffre-request": id },
      });
    expect((await named("a", "a-random-id-of-its-own")).status).toBe(200);
    expect((await named("b", "a-random-id-of-its-own")).status).toBe(409);
    expect((await named("b")).status).toBe(400);
  });
});

describe("an answer that is none of ours", () => {
  test("a page of HTML from a proxy is a BAD_RESPONSE that names the call, and nothing of the page", async () => {
    const { vault: wrong } = await stranger(200, "<html>hunter2</html>", { "content-type": "text/html" });
    const error = await failure(wrong.identity(), "BAD_RESPONSE");
    expect(error.message).toContain("/v1/identity");
    expect(error.message).not.toContain("hunter2");
  });

  test("a redirection isn't followed: the token is for this server", async () => {
    const { vault: wrong, asked } = await stranger(307, "", { location: "http://127.0.0.1:1/" });
    await failure(wrong.identity(), "BAD_RESPONSE");
    expect(asked()).toBe(1);
  });

  test("a list that breaks off is UNREACHABLE, never a shorter list", async () => {
    const { vault: wrong } = await stranger(200, '{"item":{"id":"ct_1"');
    await failure(collect(wrong.listCategories()), "UNREACHABLE");
  });

  test("one that never ends is a BAD_RESPONSE, and not read on", async () => {
    for (const ask of [
      (wrong: RemoteVault) => wrong.identity(),
      (wrong: RemoteVault) => collect(wrong.listCategories()),
    ]) {
      const { vault: wrong, sent } = await endless();
      await failure(ask(wrong), "BAD_RESPONSE");
      expect(sent()).toBeLessThan(40 * 1024 * 1024);
      await wrong.close();
      other?.closeAllConnections();
      other?.close();
    }
  });

  test("429 is waited for, as long as it says, and not for ever", async () => {
    const { vault: wrong, asked } = await stranger(429, "", { "retry-after": "0" });
    await failure(wrong.createCategory({ name: "a", parentId: null }), "UNREACHABLE");
    expect(asked()).toBe(4);
  });

  test("429 for an hour ends at once, and one without a word about it is tried again for some seconds", async () => {
    const long = await stranger(429, "", { "retry-after": "3600" });
    await failure(long.vault.identity(), "UNREACHABLE");
    expect(long.asked()).toBe(1);
    await long.vault.close();
    other?.close();
    const silent = await stranger(429, "<html>slow down</html>");
    await failure(silent.vault.identity(), "UNREACHABLE");
    expect(silent.asked()).toBe(4);
  });

  test("a gateway's 502 to a change isn't repeated where the server has never named its start", async () => {
    const { vault: wrong, asked } = await stranger(502, "bad gateway");
    await failure(wrong.createCategory({ name: "a", parentId: null }), "UNREACHABLE");
    expect(asked()).toBe(1);
  });

  test("one without TLS where TLS is asked for is said to have none, not to be untrusted", async () => {
    await stranger(200, "");
    vault = openRemoteVault({ origin: `https://127.0.0.1:${(other?.address() as AddressInfo).port}` });
    expect((await failure(vault.identity(), "UNREACHABLE")).message).toContain("doesn't speak TLS");
  });

  test("nobody there is UNREACHABLE", async () => {
    vault = openRemoteVault({ origin: "http://127.0.0.1:1" });
    await failure(vault.identity(), "UNREACHABLE");
  });
});
