import type { SettingName } from "../config/index.js";

/**
 * The properties of a provider instance, by which its plugin learns what to do: an instance gets nothing else of the
 * stack's configuration. `coffre:<setting>` comes from there, `coffre:provider:<setting>` from the program, which wins.
 */
export const STACK_PREFIX = "coffre:";
export const OWN_PREFIX = "coffre:provider:";
/** `organization/project/stack` of the program, with `coffre:owner` before it. */
export const STACK_KEY = "coffre:stack";

/** Looks up a property of a provider instance. */
export type Lookup = (key: string) => string | undefined;

/**
 * Every setting, and whether it is a secret when somebody keeps it in the stack's configuration. Written out, so that a
 * program doesn't load what parses them; the type keeps the list whole.
 */
const SETTINGS: Record<SettingName, "plain" | "secret"> = {
  url: "plain",
  rootCategory: "plain",
  previewReads: "plain",
  verifyOnRefresh: "plain",
  onDrift: "plain",
  keyFile: "plain",
  passphraseFile: "plain",
  transitKey: "plain",
  tokenFile: "plain",
  lockselfAuthTokenFile: "plain",
  lockselfLsTokenFile: "plain",
  lockselfRoutes: "plain",
  vaults: "plain",
  rotateDue: "plain",
  owner: "plain",
  key: "secret",
  passphrase: "secret",
  token: "secret",
  lockselfAuthToken: "secret",
  lockselfLsToken: "secret",
};

/** The names of all settings. */
export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[]; // the record's own type

/** Whether there is a setting of this name. */
export function isSetting(name: string): name is SettingName {
  return Object.hasOwn(SETTINGS, name);
}

export function isSecretSetting(name: SettingName): boolean {
  return SETTINGS[name] === "secret";
}
