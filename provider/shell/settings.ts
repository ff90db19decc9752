import {
  type Configuration,
  type ConfigurationInput,
  resolveConfiguration,
  resolveOtherVault,
  type VaultKeys,
} from "../config/index.js";
import { type Lookup, OWN_PREFIX, SETTING_NAMES, STACK_PREFIX } from "./settings-keys.js";

/** What a provider instance is configured to. @throws CoffreError CONFIGURATION, NOT_SUPPORTED */
export function configurationOf(lookup: Lookup): Configuration {
  return resolveConfiguration(inputOf(lookup));
}

/** What another vault is configured to, for a resource that works on two. @throws CoffreError CONFIGURATION, NOT_SUPPORTED */
export function otherConfigurationOf(lookup: Lookup, where: string, keys: VaultKeys): Configuration {
  return resolveOtherVault(inputOf(lookup), where, keys);
}

function inputOf(lookup: Lookup): ConfigurationInput {
  return {
    flags: collect(lookup, OWN_PREFIX, ""),
    stack: collect(lookup, STACK_PREFIX, STACK_PREFIX),
    env: process.env,
    cwd: process.cwd(),
  };
}

function collect(lookup: Lookup, prefix: string, newPrefix: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of SETTING_NAMES) {
    const value = lookup(`${prefix}${name}`);
    if (value !== undefined) found[`${newPrefix}${name}`] = value;
  }
  return found;
}
