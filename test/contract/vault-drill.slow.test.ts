import { test } from "@jest/globals";
import { BackupScene } from "./vault-backup-scene.js";
import { drillOf } from "./vault-drill-case.js";

test("a backup of 5,000 credentials is restored into a fresh vault, where every field and every value is the same", async () => {
  const scene = await BackupScene.make();
  try {
    await drillOf(scene, scene.open(), 5_000);
  } finally {
    await scene.dispose();
  }
}, 300_000);
