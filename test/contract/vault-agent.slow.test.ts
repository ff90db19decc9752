import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startAgent } from "../../provider/server/agent/agent.js";
import { v1Front } from "../../provider/server/v1/front.js";
import { askAgent } from "../../provider/vault/agent/ask.js";
import { openAgentVault } from "../../provider/vault/agent/open.js";
import { MemoryRows } from "../../provider/vault/memory/memory-rows.js";
import { RecordVault } from "../../provider/vault/records/record-vault.js";
import { vaultContract } from "./vault-contract.js";

// Each handle of a case is an agent of its own before the same rows: as several users' processes have it.
vaultContract("through an agent", async () => {
  const folder = mkdtempSync(join(tmpdir(), "coffre-agent-"));
  const rows = new MemoryRows("memory");
  const closing: (() => Promise<void>)[] = [];
  return {
    async open(options) {
      const socket = join(folder, `${closing.length}.sock`);
      const agent = await startAgent({
        vault: new RecordVault(rows, options),
        url: "memory",
        user: options.actor,
        clock: options.clock,
        socket,
        fronts: [v1Front],
      });
      const vault = openAgentVault(socket, await askAgent(socket));
      closing.push(async () => {
        await vault.close();
        await agent.stop();
      });
      return vault;
    },
    async dispose() {
      for (const close of closing) await close();
      await rows.close();
      rmSync(folder, { recursive: true });
    },
  };
});
