import { join } from "node:path";
import { systemClock } from "../../provider/core/clock.js";
import { createEmbeddedVault } from "../../provider/vault/embedded/create.js";
import { openEmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";
import { newKeyText, writeKeyFile } from "../../provider/vault/embedded/key-file.js";
import type { Vault } from "../../provider/vault/port.js";

/** How a process opens a proof's vault; a job carries it as JSON. */
export interface VaultOpening {
  kind: "embedded";
  path: string;
  keyFile: string;
}

/** A vault that a proof works on. */
export interface ProvenVault {
  /** For the processes that rotate. */
  opening: VaultOpening;
  /** A second handle, in the controller's process: it looks, and prepares what a point starts from. */
  vault: Vault;
  close(): Promise<void>;
}

/** The vault's name in references. */
export const VAULT_NAME = "crash";

/** Makes a vault of each kind that a proof can work on, in this folder. */
export const VAULTS = {
  embedded: async (folder: string): Promise<ProvenVault> => {
    const keyFile = join(folder, "vault.key");
    const opening: VaultOpening = { kind: "embedded", path: join(folder, "vault.db"), keyFile };
    writeKeyFile(keyFile, newKeyText());
    const { path } = opening;
    await createEmbeddedVault({ path, name: VAULT_NAME, key: { keyFile }, actor: "controller", clock: systemClock });
    const vault = openProvenVault(opening, "controller");
    return { opening, vault, close: () => vault.close() };
  },
};

/** Opens it once more, for the process that asks. */
export function openProvenVault({ path, keyFile }: VaultOpening, actor: string): Vault {
  return openEmbeddedVault({ path, key: { keyFile }, actor, clock: systemClock });
}
