import { MemoryRows } from "../../provider/vault/memory/memory-rows.js";
import { RecordVault } from "../../provider/vault/records/record-vault.js";
import { vaultContract } from "./vault-contract.js";

vaultContract(
  "in memory",
  async () => {
    const rows = new MemoryRows("memory");
    return {
      open: async (options) => new RecordVault(rows, options, rows.contents),
      dispose: () => rows.close(),
    };
  },
  { dropBoxes: true, outbox: true },
);
