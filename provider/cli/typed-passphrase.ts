import { existsSync } from "node:fs";
import { type Configuration, requireUrl } from "../config/index.js";
import { askHidden } from "./prompt.js";
import type { Terminal } from "./terminal.js";

/** With the passphrase that a person types, where a file needs one and nothing is configured. @throws CoffreError CONFIGURATION */
export async function withTypedPassphrase(found: Configuration, { canAsk }: Terminal): Promise<Configuration> {
  const { path } = requireUrl(found);
  const hasKey = found.key !== undefined || found.transitKey !== undefined;
  if (hasKey || !canAsk || path === undefined || !existsSync(path)) return found;
  const passphrase = await askHidden("Passphrase of the vault: ");
  return { ...found, key: { kind: "passphrase", source: "typed", read: () => passphrase } };
}
