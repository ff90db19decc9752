import { randomBytes } from "node:crypto";
import { copyFile } from "node:fs/promises";
import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import { Secret } from "../../provider/core/secret.js";
import type { VaultKey } from "../../provider/vault/embedded/embedded-vault.js";
import { newKeyText } from "../../provider/vault/embedded/key-file.js";
import { TransitEngineKey } from "../../provider/vault/hashicorp/transit.js";
import { sharedServer, VaultServer } from "../fixtures/openbao.js";
import { collect, createOne, failure, readValue, withValue } from "./vault-cases/setup.js";
import { FileScene } from "./vault-scene.js";

afterAll(async () => (await sharedServer()).stop());

const scenes: FileScene[] = [];
afterEach(() => Promise.all(scenes.splice(0).map((scene) => scene.dispose())));

async function makeScene(options: Parameters<typeof FileScene.make>[0] = {}): Promise<FileScene> {
  const scene = await FileScene.make(options);
  scenes.push(scene);
  return scene;
}

/** A new engine with one key, and how Coffre uses it. */
async function newEngine(options: { server?: VaultServer; type?: object } = {}) {
  const server = options.server ?? (await sharedServer());
  const mount = `transit-${randomBytes(6).toString("hex")}`;
  await server.api("POST", `sys/mounts/${mount}`, { type: "transit" });
  await server.api("POST", `${mount}/keys/coffre`, options.type ?? {});
  const transit = (key = "coffre", token = server.rootToken) =>
    new TransitEngineKey({
      server: { origin: server.origin },
      mount,
      key,
      login: { method: { by: "token" }, secret: () => new Secret(token) },
    });
  const key = (name?: string, token?: string): VaultKey => ({ transit: transit(name, token) });
  return { server, mount, transit, key };
}

describe("a key slot that a transit engine wraps", () => {
  test("opens the vault beside other keys, is listed as what it is, and outlives a re-key", async () => {
    const { key } = await newEngine();
    const scene = await makeScene();
    const vault = scene.open();
    const made = await createOne(vault, { name: "a", ...withValue("v") });
    await vault.addSlot({ label: "runners", key: key() });
    const runner = scene.open({ key: key() });
    expect(await readValue(runner, made.id)).toBe("v");
    expect((await runner.listSlots()).map(({ label, kind, opened }) => [label, kind, opened])).toEqual([
      ["first", "key-file", false],
      ["runners", "transit", true],
    ]);
    await vault.rekey(); // without a word to the server
    expect(await readValue(scene.open({ key: key() }), made.id)).toBe("v");
    expect(await scene.open().check()).toMatchObject({ ok: true });
    await scene.open().removeSlot("runners");
    await failure(scene.open({ key: key() }).identity(), "WRONG_KEY");
  });

  test("can be the only one", async () => {
    const { key } = await newEngine();
    const scene = await makeScene({ key: key() });
    expect((await scene.open({ key: key() }).identity()).name).toBe("test");
    await failure(scene.open().identity(), "WRONG_KEY");
  });

  test("opens with its own key only: another one of the engine, or one made anew under its name, doesn't", async () => {
    const { server, mount, key } = await newEngine();
    const scene = await makeScene({ key: key() });
    await server.api("POST", `${mount}/keys/other`, {});
    const error = await failure(scene.open({ key: key("other") }).identity(), "WRONG_KEY");
    expect(error.message).toContain(`${scene.path} opens with this transit key`);
    await server.api("POST", `${mount}/keys/coffre/config`, { deletion_allowed: true });
    await server.api("DELETE", `${mount}/keys/coffre`);
    const gone = await failure(scene.open({ key: key() }).identity(), "WRONG_KEY");
    expect(gone.message).toContain(`There is no transit key coffre at ${server.origin}/${mount}`);
    await server.api("POST", `${mount}/keys/coffre`, {});
    await failure(scene.open({ key: key() }).identity(), "WRONG_KEY");
  });

  test("is bound to its vault and slot: what the engine wrapped for another is refused", async () => {
    const { key, transit } = await newEngine();
    const [one, other] = [await makeScene({ key: key() }), await makeScene({ key: key() })];
    const salt = other.sql((db) => db.prepare("SELECT salt FROM slot").get())?.["salt"];
    one.sql((db) => db.prepare("UPDATE slot SET salt = ?").run(salt ?? null));
    await failure(one.open({ key: key() }).identity(), "CORRUPT");
    const wrapped = await transit().wrap(Buffer.from("x"), "slot 1");
    expect((await transit().unwrap(wrapped, "slot 1"))?.toString()).toBe("x");
    expect(await transit().unwrap(wrapped, "slot 2")).toBeUndefined();
  });

  test("is wrapped anew by the newest version of its key; then the server may refuse earlier ones, and older copies", async () => {
    const { server, mount, key, transit } = await newEngine();
    const scene = await makeScene();
    const vault = scene.open();
    const made = await createOne(vault, { name: "a", ...withValue("v") });
    await vault.addSlot({ label: "runners", key: key() });
    await vault.close();
    const copy = `${scene.path}.copy`;
    await copyFile(scene.path, copy);

    await server.api("POST", `${mount}/keys/coffre/rotate`, {});
    expect(await readValue(scene.open({ key: key() }), made.id)).toBe("v"); // an earlier version opens as before
    const again = scene.open();
    await again.rewrapSlot("runners", transit());
    await server.api("POST", `${mount}/keys/coffre/config`, { min_decryption_version: 2 });
    expect(await readValue(scene.open({ key: key() }), made.id)).toBe("v");
    expect(await again.check()).toMatchObject({ ok: true });
    expect((await collect(again.listEvents())).map(({ action, detail }) => [action, detail])).toContainEqual([
      "slot.rewrapped",
      "runners",
    ]);
    const old = scene.open({ path: copy, key: key() });
    expect((await failure(old.identity(), "WRONG_KEY")).hint).toContain("min_decryption_version");

    await failure(again.rewrapSlot("first", transit()), "CONFLICT");
    await failure(again.rewrapSlot("nobody", transit()), "NOT_FOUND");
    await server.api("POST", `${mount}/keys/other`, {});
    await failure(again.rewrapSlot("runners", transit("other")), "WRONG_KEY");
    expect(await readValue(scene.open({ key: key() }), made.id)).toBe("v");
  });

  test("asks for no more rights than to unwrap, and says which one is missing", async () => {
    const { server, mount, key } = await newEngine();
    const scene = await makeScene();
    await scene.open().addSlot({ label: "runners", key: key() });
    const decrypt = await server.token(`path "${mount}/decrypt/coffre" { capabilities = ["update"] }`);
    expect((await scene.open({ key: key("coffre", decrypt) }).identity()).name).toBe("test");
    const add = await failure(scene.open().addSlot({ label: "x", key: key("coffre", decrypt) }), "FORBIDDEN");
    expect(add.hint).toContain(`${mount}/encrypt/coffre (update)`);
    const nothing = await server.token(`path "${mount}/keys/*" { capabilities = ["read"] }`);
    const error = await failure(scene.open({ key: key("coffre", nothing) }).identity(), "FORBIDDEN");
    expect(error.hint).toContain(`${mount}/decrypt/coffre (update)`);
    const stranger = await failure(scene.open({ key: key("coffre", "s.nobodys") }).identity(), "FORBIDDEN");
    expect(stranger.message).toContain("The token for");
    expect(stranger.message).not.toContain("s.nobodys");
  });

  test("makes no key: a name that isn't there, or a key that binds nothing, is refused", async () => {
    const { server, mount, key } = await newEngine({ type: { type: "rsa-2048" } });
    const scene = await makeScene();
    const vault = scene.open();
    expect((await failure(vault.addSlot({ label: "x", key: key() }), "CONFIGURATION")).message).toContain("rsa-2048");
    await failure(vault.addSlot({ label: "x", key: key("typo") }), "WRONG_KEY");
    expect((await server.api("GET", `${mount}/keys/typo`)).status).toBe(404);
    await server.api("POST", `${mount}/keys/derived`, { derived: true });
    await failure(vault.addSlot({ label: "x", key: key("derived") }), "CONFIGURATION");
    await server.api("POST", `${mount}/keys/exportable`, { exportable: true });
    await failure(vault.addSlot({ label: "x", key: key("exportable") }), "CONFIGURATION");
    expect(await vault.listSlots()).toHaveLength(1);
  });

  test("doesn't open while the server is sealed or gone, and says so; other keys do", async () => {
    const server = await VaultServer.start();
    const { key } = await newEngine({ server });
    const keyText = newKeyText();
    const scene = await makeScene({ key: key() });
    await scene.open({ key: key() }).addSlot({ label: "safe", key: { keyText } });
    await server.api("PUT", "sys/seal");
    expect((await failure(scene.open({ key: key() }).identity(), "UNREACHABLE")).message).toContain("is sealed");
    await server.stop();
    expect((await failure(scene.open({ key: key() }).identity(), "UNREACHABLE")).message).toContain("ECONNREFUSED");
    expect((await scene.open({ key: { keyText } }).identity()).name).toBe("test");
  });
});
