import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "@jest/globals";
import { systemClock } from "../../provider/core/clock.js";
import type { Secret } from "../../provider/core/secret.js";
import { createEmbeddedVault } from "../../provider/vault/embedded/create.js";
import {
  type EmbeddedVault,
  type EmbeddedVaultOptions,
  openEmbeddedVault,
  type VaultKey,
} from "../../provider/vault/embedded/embedded-vault.js";
import { newKeyText } from "../../provider/vault/embedded/key-file.js";

/** A vault's file in a folder of its own, which can be damaged, copied and put back. */
export class FileScene {
  readonly folder = mkdtempSync(join(tmpdir(), "coffre-vault-"));
  readonly path = join(this.folder, "coffre.db");
  readonly keyText: Secret;
  readonly #opened: EmbeddedVault[] = [];

  constructor(keyText = newKeyText()) {
    this.keyText = keyText;
  }

  static async make(options: Partial<Parameters<typeof createEmbeddedVault>[0]> = {}): Promise<FileScene> {
    const scene = new FileScene();
    await createEmbeddedVault({ ...scene.options(), name: "test", ...options });
    return scene;
  }

  options(): { path: string; key: VaultKey; actor: string; clock: typeof systemClock; source: string } {
    return {
      path: this.path,
      key: { keyText: this.keyText },
      actor: "ana@host (test)",
      clock: systemClock,
      source: "host",
    };
  }

  open(options: Partial<EmbeddedVaultOptions> = {}): EmbeddedVault {
    const vault = openEmbeddedVault({ ...this.options(), ...options });
    this.#opened.push(vault);
    return vault;
  }

  /** Opens the vault for one use. */
  async with<T>(work: (vault: EmbeddedVault) => Promise<T>): Promise<T> {
    const vault = this.open();
    try {
      return await work(vault);
    } finally {
      await vault.close();
    }
  }

  /** Looks into the file, or changes it, as somebody can who has the file but no key. */
  sql<T>(work: (db: DatabaseSync) => T): T {
    const db = this.sqlite();
    try {
      return work(db);
    } finally {
      db.close();
    }
  }

  /** A connection of somebody else's, who closes it. */
  sqlite(): DatabaseSync {
    return new DatabaseSync(this.path, { defensive: false });
  }

  /** Everything that lies in the folder, as bytes. */
  bytes(): Buffer {
    return Buffer.concat(
      ["", "-wal", "-shm"].flatMap((suffix) => {
        const path = this.path + suffix;
        return existsSync(path) ? [readFileSync(path)] : [];
      }),
    );
  }

  /** A second scene on a copy of the closed file. */
  copy(): FileScene {
    const other = new FileScene(this.keyText);
    cpSync(this.path, other.path);
    return other;
  }

  async closeAll(): Promise<void> {
    await Promise.all(this.#opened.splice(0).map((vault) => vault.close()));
  }

  async dispose(): Promise<void> {
    await this.closeAll();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Runs `work` with the folder on a small or read-only file system of its own. Needs root, else the case says so. */
export function onTmpfs(scene: FileScene, options: string, work: () => Promise<void>): Promise<void> {
  execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", scene.folder]);
  return work().finally(async () => {
    await scene.closeAll();
    execFileSync("umount", [scene.folder]);
  });
}

/** For cases that mount something. */
export const asRoot = process.getuid?.() === 0 ? test : test.skip;
