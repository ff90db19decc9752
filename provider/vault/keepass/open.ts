import { readFileSync } from "node:fs";
import { CoffreError } from "../../core/errors.js";
import { systemCode } from "../embedded/native-error.js";

export type { KdbxKey } from "./content.js";
export { openKeepassVault } from "./keepass-vault.js";

/** The bytes of a KeePass key file, whatever is in it. @throws CoffreError CONFIGURATION */
export function readKeyFile(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    const code = systemCode(error);
    const problem = code === "ENOENT" ? "doesn't exist" : `can't be read (${code ?? "unknown reason"})`;
    throw new CoffreError("CONFIGURATION", `The KeePass key file ${path} ${problem}`, { cause: error });
  }
}
