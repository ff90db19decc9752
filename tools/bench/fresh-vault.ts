import { mkdtemp, rm } from "node:fs/promises";
import { hostname, tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../provider/core/clock.js";
import { createEmbeddedVault } from "../../provider/vault/embedded/create.js";
import { openEmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";
import { newKeyText, writeKeyFile } from "../../provider/vault/embedded/key-file.js";
import type { Vault } from "../../provider/vault/port.js";

/**
 * An embedded vault `bench` in a folder of its own, opened; both are gone afterwards. `reopen` opens it once more;
 * {@link commandEnvironment} is for a `coffre` on it.
 */
export async function onFreshVault<T>(
  work: (vault: Vault, reopen: () => Vault, folder: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "coffre-bench-"));
  const keyText = newKeyText();
  const options = {
    path: vaultFile(folder),
    key: { keyText },
    actor: `${userInfo().username}@${hostname()} (bench)`,
    clock: systemClock,
  };
  writeKeyFile(keyFile(folder), keyText);
  await createEmbeddedVault({ ...options, name: "bench" });
  const reopen = () => openEmbeddedVault(options);
  const vault = reopen();
  try {
    await vault.identity();
    return await work(vault, reopen, folder);
  } finally {
    await vault.close();
    await rm(folder, { recursive: true });
  }
}

/** What a `coffre` needs that is to work on the vault in this folder, and to leave nothing elsewhere. */
export function commandEnvironment(folder: string): Record<string, string> {
  return {
    PATH: process.env["PATH"] ?? "",
    HOME: folder,
    COFFRE_URL: `file://${vaultFile(folder)}`,
    COFFRE_KEY_FILE: keyFile(folder),
  };
}

/** Where that vault and its key are. */
export function vaultPlace(folder: string): { path: string; keyFile: string } {
  return { path: vaultFile(folder), keyFile: keyFile(folder) };
}

const vaultFile = (folder: string) => join(folder, "bench.db");
const keyFile = (folder: string) => join(folder, "bench.key");
