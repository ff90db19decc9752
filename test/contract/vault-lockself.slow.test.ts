import { systemClock } from "../../provider/core/clock.js";
import { Secret } from "../../provider/core/secret.js";
import { createLockselfVault } from "../../provider/vault/lockself/create.js";
import {
  type LockselfPlace,
  type LockselfVault,
  openLockselfVault,
} from "../../provider/vault/lockself/lockself-vault.js";
import { LOCKSELF_ROUTES } from "../../provider/vault/lockself/routes.js";
import { LockselfScene } from "../fixtures/lockself-scene.js";
import { vaultContract } from "./vault-contract.js";

vaultContract(
  "LockSelf, as `coffre serve` speaks it",
  async () => {
    const scene = await LockselfScene.start({ limits: { requestsPerMinute: 1_000_000 } });
    const token = new Secret(scene.token);
    const place: LockselfPlace = {
      http: { origin: scene.server.origin, routes: LOCKSELF_ROUTES, tokens: () => ({ auth: token, ls: token }) },
      api: { settleMs: 0 },
      space: ["Coffre"],
    };
    await createLockselfVault({ ...place, name: "contract", clock: systemClock });
    const opened: LockselfVault[] = [];
    return {
      open: async (options) => {
        const vault = openLockselfVault({ ...place, ...options });
        opened.push(vault);
        return vault;
      },
      dispose: async () => {
        await Promise.all(opened.map((vault) => vault.close()));
        await scene.close();
      },
    };
  },
  { events: "server" },
);
