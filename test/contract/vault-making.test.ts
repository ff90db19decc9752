import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import { Secret } from "../../provider/core/secret.js";
import { createEmbeddedVault } from "../../provider/vault/embedded/create.js";
import { collect, createOne, failure, readValue, withValue } from "./vault-cases/setup.js";
import { asRoot, FileScene, onTmpfs } from "./vault-scene.js";

const scenes: FileScene[] = [];

async function makeScene(options: Parameters<typeof FileScene.make>[0] = {}): Promise<FileScene> {
  const scene = await FileScene.make(options);
  scenes.push(scene);
  return scene;
}

afterEach(async () => {
  await Promise.all(scenes.splice(0).map((scene) => scene.dispose()));
});

describe("making a vault", () => {
  test("the file is for its owner only, and so is a folder that is made for it", async () => {
    const scene = await makeScene();
    const path = join(scene.folder, "new", "deeper", "coffre.db");
    await createEmbeddedVault({ ...scene.options(), path, name: "second" });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(scene.folder, "new", "deeper")).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(scene.folder, "new", "deeper"))).toEqual(["coffre.db"]);
  });

  test.each(["coffre.db", "coffre.db-wal", "coffre.db-shm"])("nothing is overwritten: %s", async (name) => {
    const scene = new FileScene();
    scenes.push(scene);
    writeFileSync(join(scene.folder, name), "precious");
    await failure(createEmbeddedVault({ ...scene.options(), name: "x" }), "CONFLICT");
    expect(readdirSync(scene.folder)).toEqual([name]);
    expect(readFileSync(join(scene.folder, name), "utf8")).toBe("precious");
  });

  test("wrong input leaves nothing behind", async () => {
    const scene = new FileScene();
    scenes.push(scene);
    await failure(createEmbeddedVault({ ...scene.options(), name: "Not a name" }), "INVALID_INPUT");
    await failure(createEmbeddedVault({ ...scene.options(), name: "x", label: "two\nlines" }), "INVALID_INPUT");
    const key = { passphrase: new Secret("short") };
    await failure(createEmbeddedVault({ ...scene.options(), name: "x", key }), "INVALID_INPUT");
    expect(readdirSync(scene.folder)).toEqual([]);
  });

  test.each([
    ["/proc/coffre/none/coffre.db", "ENOENT"], // where Node's own recursive making never ends
    ["file/coffre.db", "ENOTDIR"],
  ])("a folder that can't be made is named, and no mistake of Coffre's: %s", async (name, code) => {
    const scene = new FileScene();
    scenes.push(scene);
    writeFileSync(join(scene.folder, "file"), "");
    const path = resolve(scene.folder, name);
    await expect(createEmbeddedVault({ ...scene.options(), path, name: "x" })).rejects.toMatchObject({
      code: "READ_ONLY",
      problem: `No vault can be made at ${path} (${code})`,
    });
  });

  test("of two that make it at once, one does", async () => {
    const scene = new FileScene();
    scenes.push(scene);
    const outcomes = await Promise.allSettled(
      ["a", "b", "c"].map((name) => createEmbeddedVault({ ...scene.options(), name })),
    );
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(readdirSync(scene.folder)).toEqual(["coffre.db"]);
  });
});

describe("a full disk", () => {
  test("is DISK_FULL at SQLite's page limit; what was there stays, and there is room again later", async () => {
    const scene = await makeScene();
    const vault = scene.open({ maxPages: 60 });
    const first = await createOne(vault, { name: "first", ...withValue("kept") });
    const many = Array.from({ length: 300 }, (_, index) => ({
      name: `n${index}`,
      categoryId: null,
      ...withValue("x".repeat(500)),
    }));
    await failure(vault.createCredentials(many), "DISK_FULL");
    expect(await readValue(vault, first.id)).toBe("kept");
    expect(await collect(vault.listCredentials())).toHaveLength(1);
    await vault.close();
    const roomy = scene.open();
    expect(await roomy.createCredentials(many)).toHaveLength(300);
    expect((await roomy.check()).damage).toEqual([]);
  });

  asRoot("is DISK_FULL on a real small file system too", async () => {
    const scene = new FileScene();
    scenes.push(scene);
    await onTmpfs(scene, "size=1m", async () => {
      await createEmbeddedVault({ ...scene.options(), name: "x" });
      const vault = scene.open();
      const first = await createOne(vault, { name: "first", ...withValue("kept") });
      const filled = async () => {
        for (let batch = 0; batch < 100; batch += 1) {
          await vault.createCredentials([{ name: `n${batch}`, categoryId: null, ...withValue("x".repeat(20_000)) }]);
        }
      };
      await failure(filled(), "DISK_FULL");
      const listed = (await collect(vault.listCredentials())).length;
      await vault.close();
      const again = scene.open();
      expect((await again.check()).damage).toEqual([]);
      expect(await collect(again.listCredentials())).toHaveLength(listed);
      expect((await again.readCredential(first.id)).status).toBe("current");
      await again.close();
      await failure(
        createEmbeddedVault({ ...scene.options(), path: join(scene.folder, "b.db"), name: "b" }),
        "DISK_FULL",
      );
      expect(existsSync(join(scene.folder, "b.db"))).toBe(false);
    });
  });
});
