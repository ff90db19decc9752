import { Secret } from "../../provider/core/secret.js";
import { v1Front } from "../../provider/server/v1/front.js";
import { openRemoteVault, type RemoteVault } from "../../provider/vault/remote/remote-vault.js";
import { ServerScene } from "../fixtures/server-scene.js";
import { vaultContract } from "./vault-contract.js";

/** Administrators, each named as the case names who asks, since events carry the identity. */
vaultContract(
  "behind a server",
  async () => {
    const opened: RemoteVault[] = [];
    let scene: ServerScene | undefined;
    return {
      async open({ clock, actor, source }) {
        scene ??= await ServerScene.start({ clock, fronts: [v1Front] });
        const text = new Secret(await scene.token(actor, { role: "administrator" }));
        const vault = openRemoteVault({ origin: scene.origin, token: () => text, source });
        opened.push(vault);
        return vault;
      },
      async dispose() {
        await Promise.all(opened.map((vault) => vault.close()));
        await scene?.close();
      },
    };
  },
  { dropBoxes: true },
);
