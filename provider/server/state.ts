import type { Clock } from "../core/clock.js";
import type { Vault } from "../vault/port.js";
import { deriveServerKeys, type ServerKeys } from "./identities/keys.js";
import { Tokens, TOKEN_SCHEMA } from "./identities/tokens.js";
import { StateFile } from "./state-file.js";

/** What the server keeps besides the vault. */
export interface ServerState {
  file: StateFile;
  tokens: Tokens;
  /** For what fronts keep in the file besides. */
  keys: ServerKeys;
}

/** Where it lies: beside the vault's file, `prod.db.serve`. */
export function statePath(vaultPath: string): string {
  return `${vaultPath}.serve`;
}

/** Opens the server's file, and makes it where there is none. @throws CoffreError READ_ONLY, CORRUPT; what the vault throws */
export async function openState(vault: Vault, path: string, clock: Clock): Promise<ServerState> {
  const keys = await deriveServerKeys(vault);
  const file = new StateFile(path, [TOKEN_SCHEMA]);
  return { file, tokens: new Tokens(file, keys, clock), keys };
}
