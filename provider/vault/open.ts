import { type Configuration, requireUrl } from "../config/index.js";
import type { Clock } from "../core/clock.js";
import { CoffreError } from "../core/errors.js";
import { openEmbeddedVault, type VaultKey } from "./embedded/embedded-vault.js";
import type { Vault } from "./port.js";

/** Who opens a vault. */
export interface OpenOptions {
  /** For the event log: `ana@runner-3 (cli)`. */
  actor: string;
  clock: Clock;
}

/**
 * The vault that the configuration names, by the scheme of its URL. Nothing is opened, and no key read, before the
 * first call.
 * @throws CoffreError CONFIGURATION if no vault is configured. The first call throws what the key's source does, and
 * CONFIGURATION if there is none
 */
export function openVault(configuration: Configuration, { actor, clock }: OpenOptions): Vault {
  const { path } = requireUrl(configuration); // a URL that no adapter opens was refused when it was parsed
  return openEmbeddedVault({ path, key: () => keyOf(configuration), actor, clock });
}

function keyOf({ key }: Configuration): VaultKey {
  if (!key) {
    throw new CoffreError("CONFIGURATION", "No key for the vault is configured", {
      hint: "Set COFFRE_KEY_FILE or COFFRE_PASSPHRASE_FILE, or give --key-file.",
    });
  }
  return key.kind === "key" ? { keyText: key.read() } : { passphrase: key.read() };
}
