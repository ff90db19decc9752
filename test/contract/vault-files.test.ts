import { randomBytes } from "node:crypto";
import {
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import type { EmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";
import { filesFolder } from "../../provider/vault/embedded/sealed-files.js";
import { box, contentOf, deposit, pieces } from "./vault-cases/boxes.js";
import { collect, failure } from "./vault-cases/setup.js";
import { asRoot, FileScene, onTmpfs } from "./vault-scene.js";

/** The folder beside a vault's file, where what people deposited lies sealed. */

jest.setTimeout(60_000); // for a busy machine

const SEALED = 64 * 1024 + 28;
const content = randomBytes(3 * 64 * 1024 + 100);

let scene: FileScene;
let vault: EmbeddedVault;
beforeEach(async () => {
  scene = await FileScene.make();
  vault = scene.open();
});
afterEach(() => scene.dispose());

/** Two files that are alike in everything but their ids. @returns their paths */
async function twoFiles(): Promise<{ id: string; path: string; other: string }> {
  const { files } = await deposit(vault, await box(vault), { a: content, b: content });
  const [id = "", other = ""] = files.map((file) => file.id);
  return { id, path: join(filesFolder(scene.path), id), other: join(filesFolder(scene.path), other) };
}

test("holds nothing that can be read, for this user only", async () => {
  const { path } = await twoFiles();
  const sealed = readFileSync(path);
  expect(sealed.length).toBe(content.length + 4 * 28);
  expect(sealed.includes(content.subarray(0, 32))).toBe(false);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(filesFolder(scene.path)).mode & 0o777).toBe(0o700);
});

test.each<[string, (path: string, other: string) => void]>([
  [
    "a byte that was changed",
    (path) => rewrite(path, (bytes) => bytes.writeUInt8(bytes.readUInt8(SEALED + 50) ^ 1, SEALED + 50)),
  ],
  ["chunks that were exchanged", (path) => rewrite(path, (bytes) => swap(bytes, SEALED))],
  ["another file's content", (path, other) => renameSync(other, path)],
])("%s: CORRUPT, and not one byte of the chunk is given", async (_what, damage) => {
  const { id, path, other } = await twoFiles();
  damage(path, other);
  const { content: read } = await vault.boxes.files.read(id);
  await failure(collect(read), "CORRUPT");
});

test.each<[string, (path: string) => void, RegExp]>([
  ["cut", (path) => truncateSync(path, 2 * SEALED), /is cut/],
  ["cut by its last chunk", (path) => truncateSync(path, 3 * SEALED), /is cut/],
  ["something added", (path) => writeFileSync(path, "x", { flag: "a" }), /is cut/],
  ["gone", (path) => rmSync(path), /missing/],
])("%s: CORRUPT when it is read, and `vault check` names it", async (_what, damage, problem) => {
  const { id, path } = await twoFiles();
  expect(await vault.check()).toMatchObject({ ok: true, damage: [] });
  damage(path);
  await failure(collect((await vault.boxes.files.read(id)).content), "CORRUPT");
  expect(await vault.check()).toMatchObject({
    ok: false,
    damage: [{ table: "stored_file", id, problem: expect.stringMatching(problem) }],
  });
});

test("an upload that is altered on the disk before it is finished doesn't become a file", async () => {
  const { id: boxId } = await box(vault);
  const { id: depositId } = await vault.boxes.openDeposit(boxId, { by: "ana@acme.example" });
  const { files } = vault.boxes;
  const { id } = await files.create({ depositId, name: "a" });
  await files.append(id, 0, pieces(content));
  rewrite(join(filesFolder(scene.path), id), (bytes) => bytes.writeUInt8(bytes.readUInt8(100) ^ 1, 100));
  await failure(files.finish(id), "CORRUPT");
  expect((await files.readFile(id)).state).toBe("uploading");
});

test("what was deleted is gone from the folder; a re-key leaves what is there readable", async () => {
  const { id } = await twoFiles();
  await vault.rekey();
  expect((await contentOf(vault, id)).equals(content)).toBe(true);
  await vault.boxes.files.deleteFile(id);
  expect(readdirSync(filesFolder(scene.path))).toHaveLength(1);
  const [only] = await collect(vault.boxes.listBoxes());
  await vault.boxes.deleteBox(only?.id ?? "", {});
  expect(readdirSync(filesFolder(scene.path))).toEqual([]);
  expect(await vault.check()).toMatchObject({ ok: true, damage: [] });
});

asRoot("a full disk is DISK_FULL: what was acknowledged stays, and the upload goes on once there is room", async () => {
  const small = new FileScene();
  await onTmpfs(small, "size=4m", async () => {
    const made = await FileScene.make({ path: small.path, key: { keyText: small.keyText } });
    const full = small.open();
    const { id: boxId } = await box(full);
    const { id: depositId } = await full.boxes.openDeposit(boxId, { by: "ana@acme.example" });
    const { files } = full.boxes;
    const { id } = await files.create({ depositId, name: "a" });
    await files.append(id, 0, pieces(content));
    writeFileSync(join(small.folder, "others"), Buffer.alloc(2 * 1024 * 1024));
    await failure(files.append(id, content.length, pieces(randomBytes(3 * 1024 * 1024))), "DISK_FULL");
    expect(await files.readFile(id)).toMatchObject({ received: content.length, state: "uploading" });
    rmSync(join(small.folder, "others"));
    await files.append(id, content.length, pieces("and more"));
    await files.finish(id);
    expect((await contentOf(full, id)).equals(Buffer.concat([content, Buffer.from("and more")]))).toBe(true);
    await made.dispose();
  });
  await small.dispose();
});

function rewrite(path: string, change: (bytes: Buffer) => void): void {
  const bytes = readFileSync(path);
  change(bytes);
  writeFileSync(path, bytes);
}

function swap(bytes: Buffer, size: number): void {
  const first = Buffer.from(bytes.subarray(0, size));
  bytes.copy(bytes, 0, size, 2 * size);
  first.copy(bytes, size);
}

test("what belongs to no file is set aside, comes back with its row, and goes after a week", async () => {
  const { id, path, other } = await twoFiles();
  const folder = filesFolder(scene.path);
  writeFileSync(join(folder, "fi_0123456789abcdefghijkl"), "left by a kill");
  writeFileSync(join(folder, "notes.txt"), "an operator's own");
  const names = () => readdirSync(folder).sort();
  await vault.boxes.tidy();
  expect(names()).toEqual(["fi_0123456789abcdefghijkl.left", id, basename(other), "notes.txt"].sort());
  renameSync(path, `${path}.left`); // as where an older copy of the vault's file stood here for a while
  await vault.boxes.tidy();
  expect((await contentOf(vault, id)).equals(content)).toBe(true);
  const left = join(folder, "fi_0123456789abcdefghijkl.left");
  const sinceDays = (days: number) => utimesSync(left, new Date(), Date.now() / 1000 - days * 86_400);
  sinceDays(6);
  await vault.boxes.tidy();
  expect(names()).toContain(basename(left));
  sinceDays(7);
  await vault.boxes.tidy();
  expect(names()).toEqual([id, basename(other), "notes.txt"].sort());
});
