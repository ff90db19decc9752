import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect, jest, test } from "@jest/globals";
import { contentHash, PageUpload } from "../../../tools/served/page-upload.ts";
import type { EmbeddedVault } from "../../../provider/vault/embedded/embedded-vault.js";
import { createEmbeddedVault } from "../../../provider/vault/embedded/create.js";
import type { DropBox } from "../../../provider/vault/port.js";
import { asRoot, FileScene, onTmpfs } from "../../contract/vault-scene.js";
import { ANA, MO, PagesScene, type PlainBrowser } from "../../fixtures/pages-scene.js";

jest.setTimeout(60_000);

const MIB = 1024 * 1024;

interface Begun {
  scene: PagesScene;
  box: DropBox;
  browser: PlainBrowser;
  upload: PageUpload;
}

/** A recipient on the pages over this vault, with a file of `size` bytes announced. */
async function onPages(vault: EmbeddedVault, size: number, work: (begun: Begun) => Promise<void>): Promise<void> {
  const scene = await PagesScene.start({ vault });
  try {
    const box = await scene.box({ recipients: [ANA], managers: [MO] });
    const browser = await scene.signIn(box, ANA);
    await browser.get(`/boxes/${box.id}`);
    const upload = await PageUpload.begin(scene.server.origin, { browser, boxId: box.id, name: "a.bin", size });
    await work({ scene, box, browser, upload });
  } finally {
    await scene.close();
  }
}

test("a box that is closed within the request that brings a file keeps what was acknowledged, and no byte more", async () => {
  const size = 20 * MIB;
  const disk = await FileScene.make();
  const vault = disk.open();
  const received = async (id: string) => (await vault.boxes.files.readFile(id)).received;
  await onPages(vault, size, async ({ scene, box, upload }) => {
    const manager = await scene.signIn(box, MO);
    await manager.get(`/boxes/${box.id}`);
    const change = (enabled: string) => manager.post(`/boxes/${box.id}/state`, { enabled });
    let before = 0;
    const sending = upload.send(0, {
      sent: async (at) => {
        if (at !== 17 * MIB) return; // 16 are acknowledged at once
        for (; before === 0; await pause(5)) before = await received(upload.id);
        await change("no");
      },
    });
    await expect(sending).rejects.toThrow("403: This drop-box is closed. Nothing can be handed in at present.");
    expect(await received(upload.id)).toBe(before);
    expect(before).toBeLessThan(size);
    await change("yes");
    expect(await upload.offset()).toBe(before);
    await upload.send(before);
    expect(await vault.boxes.files.readFile(upload.id)).toMatchObject({ state: "ready", sha256: contentHash(size) });
  });
  await disk.dispose();
});

asRoot("a disk that is full is told of in plain words, and what was acknowledged is handed in later", async () => {
  const size = 9 * MIB;
  const small = new FileScene();
  await onTmpfs(small, "size=24m", async () => {
    await createEmbeddedVault({ ...small.options(), name: "small" });
    const vault = small.open();
    await onPages(vault, size, async ({ box, browser, upload }) => {
      await upload.send(0, { cutAt: 4 * MIB });
      const before = await upload.offset();
      expect(before).toBeGreaterThan(0);
      const others = join(small.folder, "others");
      expect(() => writeFileSync(others, Buffer.alloc(64 * MIB))).toThrow("ENOSPC");
      await expect(upload.send(before)).rejects.toThrow("507: The server has no room left at present");
      expect(await upload.offset()).toBeGreaterThanOrEqual(before);
      const page = await browser.upload(`/boxes/${box.id}/files`, { "b.bin": Buffer.alloc(4 * MIB) });
      expect(page).toMatchObject({ status: 507, text: expect.stringContaining("What has arrived is kept") });
      rmSync(others);
      await upload.send(await upload.offset());
      await browser.get(`/boxes/${box.id}`);
      expect((await browser.post(`/boxes/${box.id}/submit`)).text).toContain(contentHash(size));
    });
  });
  await small.dispose();
});
