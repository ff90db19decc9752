import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { Secret } from "../../provider/core/secret.js";
import { v1Front } from "../../provider/server/v1/front.js";
import type { Vault } from "../../provider/vault/port.js";
import { openRemoteVault } from "../../provider/vault/remote/remote-vault.js";
import { newSeal, outgoingFiles, sendFiles } from "../../provider/vault/send-files.js";
import { collect } from "../contract/vault-cases/setup.js";
import { between } from "../fixtures/between.js";
import { ServerScene } from "../fixtures/server-scene.js";

let scene: ServerScene;
let folder: string;
let path: string;
let close: () => Promise<void>;
beforeEach(async () => {
  scene = await ServerScene.start({ fronts: [v1Front] });
  folder = await mkdtemp(join(tmpdir(), "coffre-send-"));
  path = join(folder, "report.txt");
  await writeFile(path, "figures");
  close = async () => undefined;
});
afterEach(async () => {
  await close();
  await scene.close();
  await rm(folder, { recursive: true });
});

/** The server through something between that loses the answers to so many of these requests, which are carried out. */
async function losing(operation: string, count: number, also = ""): Promise<{ vault: Vault; asked: () => number }> {
  let left = count;
  const proxy = await between(scene, (_method, asked) =>
    (asked === `/v1/${operation}` && left-- > 0) || asked === `/v1/${also}` ? { status: 0, lose: true } : undefined,
  );
  const token = new Secret(await scene.token("ana", { role: "administrator" }));
  const vault = openRemoteVault({ origin: proxy.origin, token: () => token });
  close = async () => {
    await vault.close();
    proxy.close();
  };
  return { vault, asked: () => proxy.asked.filter((line) => line.endsWith(operation)).length };
}

const input = async (endToEnd: boolean) => ({
  categoryId: null,
  from: "Ana",
  expiresAt: new Date(Date.now() + 86_400_000).toISOString(),
  ...(endToEnd ? { encryptedFor: (await newSeal()).recipient } : {}),
});

test.each([
  [true, "report.txt.age"],
  [false, "report.txt"],
])("files are sent (end to end: %s) though nobody hears that one is finished", async (endToEnd, name) => {
  const { vault, asked } = await losing("boxes/finish-file", 2);
  const { transfer } = await sendFiles(vault, { files: outgoingFiles([path]), input: await input(endToEnd) });
  expect(transfer).toMatchObject({ status: "open", files: [{ name }] });
  expect(asked()).toBe(3);
  const events = await collect(scene.vault.listEvents());
  expect(events.filter(({ action }) => action === "file.finished")).toHaveLength(1);
});

test("files aren't sent where it never answers that one is finished, and what came is taken away", async () => {
  const { vault, asked } = await losing("boxes/finish-file", Infinity);
  const sent = sendFiles(vault, { files: outgoingFiles([path]), input: await input(true) });
  await expect(sent).rejects.toMatchObject({ code: "UNREACHABLE" });
  expect(asked()).toBe(6);
  expect(await collect(scene.vault.boxes.transfers.list())).toEqual([]);
});

test.each([2, Infinity])("a transfer is sent once though the answer to that is lost %s times", async (count) => {
  const { vault, asked } = await losing("transfers/send", count);
  const { transfer } = await sendFiles(vault, { files: outgoingFiles([path]), input: await input(false) });
  expect(transfer).toMatchObject({ status: "open", files: [{ name: "report.txt" }] });
  expect(asked()).toBe(Math.min(count + 1, 6));
  const events = await collect(scene.vault.listEvents());
  expect(events.filter(({ action }) => action === "transfer.sent")).toHaveLength(1);
});

test("a transfer of which nobody knows whether it is sent stays, and the error names it", async () => {
  const { vault } = await losing("transfers/send", Infinity, "transfers/read");
  const sent = sendFiles(vault, { files: outgoingFiles([path]), input: await input(false) });
  await expect(sent).rejects.toMatchObject({
    code: "UNREACHABLE",
    problem: expect.stringContaining("didn't answer whether the transfer tr_"),
  });
  expect(await collect(scene.vault.boxes.transfers.list())).toMatchObject([{ status: "open" }]);
});
