import { createHash } from "node:crypto";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import type { EmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";
import { box } from "./vault-cases/boxes.js";
import { kill, startProgram } from "./vault-child.js";
import { FileScene } from "./vault-scene.js";
import { blocks } from "./vault-uploader.js";

jest.setTimeout(300_000);

const SIZE = 600 * 1024 * 1024 + 12_345;
/** A process that holds what it took holds no more than this. Its memory itself is a figure of the bench. */
const MOST_AHEAD_BYTES = 20 * 1024 * 1024;
/** How far the upload has come when it is killed, each time. */
const KILLED_AT = [1, 100 * 1024 * 1024, 333 * 1024 * 1024];

let scene: FileScene;
let vault: EmbeddedVault;
beforeEach(async () => {
  scene = await FileScene.make();
  vault = scene.open();
});
afterEach(() => scene.dispose());

/** @returns all that it said, once it said what `until` waits for */
async function uploader(id: string, until: (said: string) => boolean): Promise<string> {
  const child = startProgram("vault-uploader.ts", {
    args: [scene.path, id, String(SIZE)],
    lines: [scene.keyText.reveal()],
  });
  let said = "";
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on("data", (chunk) => {
      said += String(chunk);
      if (until(said)) resolve();
    });
    child.on("close", () => (until(said) ? resolve() : reject(new Error(`it ended: ${said.slice(-200)}`))));
  });
  if (child.exitCode === null && !said.includes("done")) await kill(child);
  return said;
}

/** The last offset that it was told. */
function offsetOf(said: string): number {
  return Number([...said.matchAll(/^at (\d+)$/gm)].at(-1)?.[1] ?? 0);
}

test("an upload that is killed three times has lost nothing that was acknowledged, and is never far ahead of it", async () => {
  const { id: boxId } = await box(vault);
  const { id: depositId } = await vault.boxes.openDeposit(boxId, { by: "ana@acme.example" });
  const { id } = await vault.boxes.files.create({ depositId, name: "large", size: SIZE });
  for (const at of KILLED_AT) {
    const said = await uploader(id, (text) => offsetOf(text) >= at);
    const { received } = await vault.boxes.files.readFile(id);
    expect(received).toBeGreaterThanOrEqual(offsetOf(said));
    expect(received).toBeLessThan(SIZE);
  }
  const [, sha256, mostAhead] =
    /^done (\w+) (\d+)$/m.exec(await uploader(id, (text) => /^done .*\n/m.test(text))) ?? [];
  const expected = createHash("sha256");
  for (const part of blocks(0, SIZE)) expected.update(part);
  expect(sha256).toBe(expected.digest("hex"));
  expect(Number(mostAhead)).toBeGreaterThan(0);
  expect(Number(mostAhead)).toBeLessThan(MOST_AHEAD_BYTES);
  const { content } = await vault.boxes.files.read(id);
  const read = createHash("sha256");
  for await (const part of content) read.update(part);
  expect(read.digest("hex")).toBe(sha256);
});
