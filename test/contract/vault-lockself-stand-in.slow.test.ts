import { createLockselfVault } from "../../provider/vault/lockself/create.js";
import { type LockselfVault, openLockselfVault } from "../../provider/vault/lockself/lockself-vault.js";
import { systemClock } from "../../provider/core/clock.js";
import { LockselfStandIn } from "../fixtures/lockself-stand-in.js";
import { vaultContract } from "./vault-contract.js";

vaultContract(
  "LockSelf, a stand-in whose names aren't unique",
  async () => {
    const server = await LockselfStandIn.start();
    await createLockselfVault({ ...server.place(), name: "contract", clock: systemClock });
    const opened: LockselfVault[] = [];
    return {
      open: async (options) => {
        const vault = openLockselfVault({ ...server.place(), ...options });
        opened.push(vault);
        return vault;
      },
      dispose: async () => {
        await Promise.all(opened.map((vault) => vault.close()));
        await server.close();
      },
    };
  },
  { events: "server" },
);
