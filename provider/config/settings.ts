import * as z from "zod";
import { CoffreError } from "../core/errors.js";
import { issueText } from "../core/issue-text.js";

const Text = z.string({ error: "must be text" }).min(1, { error: "is empty" });
const Switch = z
  .union([z.boolean(), z.enum(["true", "false"])], { error: "must be true or false" })
  .transform((value) => value === true || value === "true");

const OnDrift = z.enum(["mend", "report"], { error: "must be mend or report" });

/** Variables and `pulumi config set` hand an object over as JSON. */
const Routes = z.preprocess(
  (given) => (typeof given === "string" ? parseJson(given) : given),
  z.record(z.string(), z.string(), { error: "must name routes, each with its method and path" }),
);

/** Which vault, and where its key is: paths and addresses, never a secret. */
const VaultSettings = z.strictObject({
  /** The vault's URL; relative to the folder of the file that names it. */
  url: Text.optional(),
  /** Path of a key file. */
  keyFile: Text.optional(),
  /** Path of a file that holds the passphrase. */
  passphraseFile: Text.optional(),
  /** URL of a transit key that opens a vault in a file. */
  transitKey: Text.optional(),
  /** Path of a file that holds a server's token. */
  tokenFile: Text.optional(),
  /** Paths of files that hold the two tokens of a LockSelf API user. */
  lockselfAuthTokenFile: Text.optional(),
  lockselfLsTokenFile: Text.optional(),
  /** Routes of LockSelf's API that are others than in the table, by name: `GET /api-key/…`. */
  lockselfRoutes: Routes.optional(),
});

/** Variables and `pulumi config set --path coffre:vaults.robots.url …` hand an object over as JSON. */
const OtherVaults = z.preprocess(
  (given) => (typeof given === "string" ? parseJson(given) : given),
  z.record(z.string(), VaultSettings, { error: "must name vaults, each with its url" }),
);

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // refused as what it isn't
  }
}

/** What `coffre.yaml` and the user's configuration may hold: paths and addresses, never a secret. */
export const FileSettings = VaultSettings.extend({
  /** The category under which everything is placed, `Production/Databases`. Default: the root. */
  rootCategory: Text.optional(),
  /** Whether a preview reads versions from the vault. Default true. */
  previewReads: Switch.optional(),
  /** Whether a refresh logs in to targets to see that they have what the vault has. Default false. */
  verifyOnRefresh: Switch.optional(),
  /** What an `up` does about a target that was changed behind Coffre's back. Default `mend`. */
  onDrift: OnDrift.optional(),
  /** Vaults besides the one in force, by the names that `coffre sync` and `VaultSync` call them by. */
  vaults: OtherVaults.optional(),
});
export type FileSettings = z.infer<typeof FileSettings>;

/** What a flag may say: no secret either, since every user of a machine can see arguments. */
export const FlagSettings = FileSettings.extend({
  /** Whether an `up` does the rotations that are due. Default false: it only shows them. */
  rotateDue: Switch.optional(),
});

/** What environment variables and the stack's configuration may hold. */
export const AllSettings = FlagSettings.extend({
  /** Tells two backends apart that hold a stack of the same name; part of the owner key. */
  owner: Text.optional(),
  key: Text.optional(),
  passphrase: Text.optional(),
  token: Text.optional(),
  lockselfAuthToken: Text.optional(),
  lockselfLsToken: Text.optional(),
});
export type AllSettings = z.infer<typeof AllSettings>;
export type SettingName = keyof AllSettings;

/** The settings that are secrets; the path of a file with one is named `…File`. */
export const SECRET_NAMES = ["key", "passphrase", "token", "lockselfAuthToken", "lockselfLsToken"] as const;
export type SecretName = (typeof SECRET_NAMES)[number];

/** The settings that are options of a command. */
export const FLAG_NAMES = FlagSettings.keyof().options;

/** Every setting, in the order in which they are shown. */
export const SETTING_NAMES = AllSettings.keyof().options;

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
export function parseSettings<T>(schema: z.ZodType<T>, raw: unknown, describe: (name: string) => string): T {
  const { data, error } = schema.safeParse(raw, { error: issueText });
  if (error === undefined) return data;
  const [issue] = error.issues;
  if (issue?.code === "unrecognized_keys") throw unknownSetting(issue.keys[0] ?? "", describe);
  const [name] = issue?.path ?? [];
  const where = name === undefined ? `${describe("")} must hold settings, one a line` : describe(String(name));
  throw new CoffreError("CONFIGURATION", `${where}${name === undefined ? "" : ` ${issue?.message ?? "is wrong"}`}`);
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
