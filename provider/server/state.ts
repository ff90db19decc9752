import type { Clock } from "../core/clock.js";
import type { Vault } from "../vault/port.js";
import { deriveServerKeys, type ServerKeys } from "./identities/keys.js";
import { TOKEN_TABLE, TokenRow, Tokens } from "./identities/tokens.js";
import { PAGE_PERSON_TABLE } from "./pages/codes.js";
import { SealedRows, sealedTable } from "./sealed-rows.js";
import { StateFile } from "./state-file.js";

/** What the server keeps besides the vault. */
export interface ServerState {
  file: StateFile;
  /** For what fronts keep in the file besides. */
  keys: ServerKeys;
  tokens: Tokens;
}

/** Where it lies: beside the vault's file, `prod.db.serve`. */
export function statePath(vaultPath: string): string {
  return `${vaultPath}.serve`;
}

/** Opens the server's file, and makes it where there is none. @throws CoffreError READ_ONLY, CORRUPT; what the vault throws */
export async function openState(vault: Vault, path: string, clock: Clock): Promise<ServerState> {
  const keys = await deriveServerKeys(vault);
  const file = new StateFile(path, [sealedTable(TOKEN_TABLE), sealedTable(PAGE_PERSON_TABLE)]);
  return {
    file,
    keys,
    tokens: new Tokens(new SealedRows(file, keys.seal, TOKEN_TABLE, TokenRow), keys, clock),
  };
}
