import { systemClock } from "../../provider/core/clock.js";
import { Secret } from "../../provider/core/secret.js";
import { readKeyFile } from "../../provider/vault/embedded/key-file.js";
import type { HashicorpPlace } from "../../provider/vault/hashicorp/hashicorp-vault.js";
import type { LockselfPlace } from "../../provider/vault/lockself/lockself-vault.js";
import type { Vault } from "../../provider/vault/port.js";
import type { VaultOpening } from "./vaults.ts";

/** Opens a proof's vault once more, for the process that asks; it loads the code of this kind only, since processes are many. */
export async function openProvenVault(opening: VaultOpening, actor: string): Promise<Vault> {
  switch (opening.kind) {
    case "embedded": {
      const { openEmbeddedVault } = await import("../../provider/vault/embedded/embedded-vault.js");
      const { path, keyFile } = opening;
      return openEmbeddedVault({ path, key: { keyFile }, actor, clock: systemClock });
    }
    case "served": {
      const { openRemoteVault } = await import("../../provider/vault/remote/remote-vault.js");
      return openRemoteVault({ origin: opening.origin, token: () => tokenIn(opening.tokenFile) });
    }
    case "lockself": {
      const { openLockselfVault } = await import("../../provider/vault/lockself/lockself-vault.js");
      return openLockselfVault({ ...(await lockselfPlaceOf(opening)), actor, clock: systemClock });
    }
    case "openbao": {
      const { openHashicorpVault } = await import("../../provider/vault/hashicorp/hashicorp-vault.js");
      return openHashicorpVault({ ...placeOf(opening), actor, clock: systemClock });
    }
  }
}

export function placeOf({ origin, mount, tokenFile }: Extract<VaultOpening, { kind: "openbao" }>): HashicorpPlace {
  const login: HashicorpPlace["login"] = {
    method: { by: "token" },
    secret: () => tokenIn(tokenFile),
  };
  return { server: { origin }, mount, root: [], login };
}

function tokenIn(file: string): Secret {
  return new Secret(readKeyFile(file).reveal().trim());
}

export async function lockselfPlaceOf({
  origin,
  space,
  tokenFile,
}: Extract<VaultOpening, { kind: "lockself" }>): Promise<LockselfPlace> {
  const { LOCKSELF_ROUTES } = await import("../../provider/vault/lockself/routes.js");
  const token = () => tokenIn(tokenFile);
  return {
    http: { origin, routes: LOCKSELF_ROUTES, tokens: () => ({ auth: token(), ls: token() }) },
    api: { settleMs: 0 },
    space: [space],
  };
}
