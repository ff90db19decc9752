import { CoffreError } from "../core/errors.js";
import { isRecord, isText } from "../core/guards.js";
import { issueText } from "../core/issue-text.js";
import { type AllSettings, type FileSettings, type FlagSettings, settingsSchemas } from "./settings-schemas.js";

export type { AllSettings, FileSettings } from "./settings-schemas.js";

/** The settings of a place, by the place: a file, the flags of a command, or environment variables and the stack's configuration. */
export interface SettingsOf {
  file: FileSettings;
  flags: FlagSettings;
  all: AllSettings;
}
export type SettingName = keyof AllSettings;

/** The settings that are secrets; the path of a file with one is named `…File`. */
export const SECRET_NAMES = ["key", "passphrase", "token", "lockselfAuthToken", "lockselfLsToken"] as const;
export type SecretName = (typeof SECRET_NAMES)[number];

/** The settings that are options of a command. */
export const FLAG_NAMES = [
  "url",
  "keyFile",
  "passphraseFile",
  "transitKey",
  "tokenFile",
  "lockselfAuthTokenFile",
  "lockselfLsTokenFile",
  "lockselfRoutes",
  "rootCategory",
  "previewReads",
  "verifyOnRefresh",
  "onDrift",
  "vaults",
  "rotateDue",
] as const satisfies readonly SettingName[];

/** Every setting, in the order in which they are shown. */
export const SETTING_NAMES: readonly SettingName[] = [...FLAG_NAMES, "owner", ...SECRET_NAMES];

/** Those that are more than a text of any form. */
const OF_A_FORM: ReadonlySet<string> = new Set<SettingName>([
  "lockselfRoutes",
  "previewReads",
  "verifyOnRefresh",
  "onDrift",
  "vaults",
  "rotateDue",
]);

/** `keyFile` is `COFFRE_KEY_FILE`. */
export function variableOf(name: string): string {
  return `COFFRE_${name.replace(/[A-Z]/g, "_$&").toUpperCase()}`;
}

/** `keyFile` is `--key-file`; the URL's is `--vault`, the first of its two names. */
export function flagOf(name: string): string {
  if (name === "url") return "--vault";
  return `--${name.replace(/[A-Z]/g, "-$&").toLowerCase()}`;
}

/**
 * Parses one source of settings.
 * @param describe names a setting where it stands, for example `environment variable COFFRE_URL`
 * @throws CoffreError CONFIGURATION that names the setting and its source; never a value
 */
export function parseSettings<Place extends keyof SettingsOf>(
  place: Place,
  raw: unknown,
  describe: (name: string) => string,
): SettingsOf[Place] {
  // As most are: the library of schemas takes longer to load than the rest of a short command.
  if (isTexts(raw, place === "all" ? SETTING_NAMES : FLAG_NAMES)) return raw as SettingsOf[Place];
  const { data, error } = settingsSchemas()[place].safeParse(raw, { error: issueText });
  if (error === undefined) return data;
  const [issue] = error.issues;
  if (issue?.code === "unrecognized_keys") throw unknownSetting(issue.keys[0] ?? "", describe);
  const [name] = issue?.path ?? [];
  const where = name === undefined ? `${describe("")} must hold settings, one a line` : describe(String(name));
  throw new CoffreError("CONFIGURATION", `${where}${name === undefined ? "" : ` ${issue?.message ?? "is wrong"}`}`);
}

function isTexts(raw: unknown, names: readonly string[]): boolean {
  if (!isRecord(raw)) return false;
  const isOne = ([name, value]: [string, unknown]) =>
    names.includes(name) && !OF_A_FORM.has(name) && isText(value) && value !== "";
  return Object.entries(raw).every(isOne);
}

function unknownSetting(name: string, describe: (name: string) => string): CoffreError {
  const isSecret = (SECRET_NAMES as readonly string[]).includes(name);
  if (isSecret) {
    return new CoffreError("CONFIGURATION", `${describe(name)} would be a secret in a file that is shared`, {
      hint: `Write ${name}File: with the path of a file that only its owner may open.`,
    });
  }
  return new CoffreError("CONFIGURATION", `${describe(name)} is unknown`, {
    hint: `Known are ${SETTING_NAMES.join(", ")}.`,
  });
}
