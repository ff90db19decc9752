import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createEmbeddedVault } from "../../provider/vault/embedded/create.js";
import { type EmbeddedVault, openEmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";
import { newKeyText } from "../../provider/vault/embedded/key-file.js";
import { vaultContract } from "./vault-contract.js";

vaultContract(
  "in a file",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "coffre-vault-"));
    const path = join(folder, "coffre.db");
    const key = { keyText: newKeyText() };
    const opened: EmbeddedVault[] = [];
    return {
      async open(options) {
        if (opened.length === 0) await createEmbeddedVault({ path, name: "test", key, ...options });
        const vault = openEmbeddedVault({ path, key, ...options });
        opened.push(vault);
        return vault;
      },
      async dispose() {
        await Promise.all(opened.map((vault) => vault.close()));
        await rm(folder, { recursive: true });
      },
    };
  },
  { dropBoxes: true, outbox: true },
);
