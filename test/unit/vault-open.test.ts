import { expect, test } from "@jest/globals";
import type { Configuration } from "../../provider/config/index.js";
import { systemClock } from "../../provider/core/clock.js";
import { Secret } from "../../provider/core/secret.js";
import { EmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";
import { newKeyText } from "../../provider/vault/embedded/key-file.js";
import { openVault } from "../../provider/vault/open.js";
import { FileScene } from "../contract/vault-scene.js";

const who = { actor: "test", clock: systemClock };

function configuration(path: string | undefined, key?: Configuration["key"]): Configuration {
  return {
    url: path === undefined ? undefined : { scheme: "file", path, href: `file://${path}` },
    rootCategory: [],
    previewReads: true,
    rotateDue: false,
    verifyOnRefresh: false,
    onDrift: "mend",
    owner: undefined,
    key,
    token: undefined,
    lockself: { authToken: undefined, lsToken: undefined, routes: {} },
    sources: {},
  };
}

test("a file's URL is opened as an embedded vault, with the configured key or passphrase, read when it is needed", async () => {
  const scene = await FileScene.make();
  let reads = 0;
  const read = (text: Secret) => () => {
    reads += 1;
    return text;
  };
  const vault = openVault(configuration(scene.path, { kind: "key", source: "test", read: read(scene.keyText) }), who);
  expect(vault).toBeInstanceOf(EmbeddedVault);
  expect(reads).toBe(0);
  expect((await vault.identity()).name).toBe("test");
  expect(reads).toBe(1);
  await vault.close();

  const passphrase = { kind: "passphrase", source: "test", read: read(new Secret("not this vault's")) } as const;
  await expect(openVault(configuration(scene.path, passphrase), who).identity()).rejects.toMatchObject({
    code: "WRONG_KEY",
  });
  await scene.dispose();
});

test("a vault or a key that nobody configured is named, with where it may stand", async () => {
  const key = { kind: "key", source: "test", read: newKeyText } as const;
  expect(() => openVault(configuration(undefined, key), who)).toThrow("CONFIGURATION");
  const scene = await FileScene.make();
  await expect(openVault(configuration(scene.path), who).identity()).rejects.toMatchObject({
    code: "CONFIGURATION",
    message: expect.stringContaining("COFFRE_KEY_FILE") as unknown,
  });
  await scene.dispose();
});
