import { type Configuration, resolveConfiguration } from "../config/index.js";
import { type Lookup, OWN_PREFIX, SETTING_NAMES, STACK_PREFIX } from "./settings-keys.js";

/** What a provider instance is configured to. @throws CoffreError CONFIGURATION, NOT_SUPPORTED */
export function configurationOf(lookup: Lookup): Configuration {
  return resolveConfiguration({
    flags: collect(lookup, OWN_PREFIX, ""),
    stack: collect(lookup, STACK_PREFIX, STACK_PREFIX),
    env: process.env,
    cwd: process.cwd(),
  });
}

function collect(lookup: Lookup, prefix: string, newPrefix: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of SETTING_NAMES) {
    const value = lookup(`${prefix}${name}`);
    if (value !== undefined) found[`${newPrefix}${name}`] = value;
  }
  return found;
}
