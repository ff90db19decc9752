import { mkdtemp, rm } from "node:fs/promises";
import { hostname, tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../provider/core/clock.js";
import { createEmbeddedVault } from "../../provider/vault/embedded/create.js";
import { openEmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";
import { newKeyText } from "../../provider/vault/embedded/key-file.js";
import type { Vault } from "../../provider/vault/port.js";

/** An embedded vault `bench` in a folder of its own, opened; both are gone afterwards. `reopen` opens it once more. */
export async function onFreshVault<T>(
  work: (vault: Vault, reopen: () => Vault, folder: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "coffre-bench-"));
  const options = {
    path: join(folder, "bench.db"),
    key: { keyText: newKeyText() },
    actor: `${userInfo().username}@${hostname()} (bench)`,
    clock: systemClock,
  };
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
