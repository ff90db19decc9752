import { type Configuration, resolveConfiguration } from "../config/index.js";
import { SETTING_NAMES, type SettingName } from "../config/settings.js";

/**
 * The properties of a provider instance, by which its plugin learns what to do: an instance gets nothing else of the
 * stack's configuration. `coffre:<setting>` comes from there, `coffre:provider:<setting>` from the program, which wins.
 */
export const OWN_PREFIX = "coffre:provider:";
export const STACK_PREFIX = "coffre:";
/** `organization/project/stack` of the program, with `coffre:owner` before it. */
export const STACK_KEY = "coffre:stack";

/** Settings that are secrets, when somebody keeps them in the stack's configuration. */
export const SECRET_SETTINGS: ReadonlySet<SettingName> = new Set(["key", "passphrase", "token"]);

/** Looks up a property of a provider instance. */
export type Lookup = (key: string) => string | undefined;

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
