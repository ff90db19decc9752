import { dirname, resolve } from "node:path";
import { CoffreError } from "../core/errors.js";
import { checkName } from "../core/name.js";
import { Secret } from "../core/secret.js";
import {
  checkTrusted,
  homeFolder,
  projectFolder,
  readSettings,
  sharedConfigurationPath,
  userConfigurationPath,
} from "./files.js";
import type { Environment } from "./files.js";
import { readSecretFile } from "./secret-file.js";
import { FLAG_NAMES, SETTING_NAMES, flagOf, parseSettings, variableOf } from "./settings.js";
import type { AllSettings, SecretName, SettingName } from "./settings.js";
import { parseTransitUrl, type TransitUrl } from "./transit-url.js";
import { parseVaultUrl } from "./vault-url.js";
import type { VaultUrl } from "./vault-url.js";

/** Where configuration may come from; what is left out holds nothing. */
export interface ConfigurationInput {
  /** Parsed options of a command, by setting: `keyFile` for `--key-file`. What is no setting is not looked at. */
  flags?: Readonly<Record<string, unknown>>;
  env: Environment;
  /** The stack's configuration with its namespaces: `coffre:url`. Other namespaces are not looked at. */
  stack?: Readonly<Record<string, string>>;
  cwd: string;
}

/** A secret, not read before it is needed: a command that needs no key asks for none. */
export interface SecretSource<Kind extends string> {
  kind: Kind;
  /** Where it comes from, for `coffre doctor`. */
  source: string;
  /** Absolute path, if it stands in a file. */
  file?: string;
  /** @throws CoffreError CONFIGURATION for a file that is missing, empty, or open to others */
  read(): Secret;
}

export interface Configuration {
  /** `undefined`: nobody said which vault; {@link requireUrl} says so. */
  url: VaultUrl | undefined;
  /** Names from the root down; empty is the root itself. */
  rootCategory: string[];
  previewReads: boolean;
  rotateDue: boolean;
  verifyOnRefresh: boolean;
  onDrift: "mend" | "report";
  /** `coffre:owner`. */
  owner: string | undefined;
  /** What opens the vault. */
  key: SecretSource<"key" | "passphrase"> | undefined;
  /** What opens it instead, with the token: never both. */
  transitKey?: (TransitUrl & { source: string }) | undefined;
  /** What a vault's server asks for. */
  token: SecretSource<"token"> | undefined;
  /** What LockSelf asks for, and where it differs from the table of its routes. */
  lockself: {
    authToken: SecretSource<"lockselfAuthToken"> | undefined;
    lsToken: SecretSource<"lockselfLsToken"> | undefined;
    routes: Readonly<Record<string, string>>;
  };
  /** `COFFRE_AGENT`: the socket of an agent, which answers for its vault in this one's place. Only the environment names it. */
  agent?: string;
  /** For each setting that has a value, where it came from: `environment variable COFFRE_URL`, a file's path, `default`. */
  sources: Partial<Record<SettingName, string>>;
}

/** One place that settings come from. */
interface Level {
  values: AllSettings;
  /** Where a setting of this place stands, for messages. */
  describe(name: string): string;
  /** What relative URLs, and relative paths of secrets, start from. */
  urlFolder: string;
  pathFolder: string;
}

/**
 * The one precedence, for program, plugin and CLI: flag, environment, stack configuration, `coffre.yaml`, the user's
 * configuration. The first that says something of a setting decides it; nothing is mixed within a setting. A key, a
 * passphrase and a transit key are one setting in this, and so are a secret and the file that holds it: two at one place
 * contradict.
 * Relative URLs start from the folder of the file that names them; for flags, environment and stack from the folder of
 * `Pulumi.yaml`, else `cwd`. Relative paths of secrets do the same, only a flag's start from `cwd`.
 * @throws CoffreError CONFIGURATION, NOT_SUPPORTED for the vault's URL
 */
export function resolveConfiguration(input: ConfigurationInput): Configuration {
  return configurationOf(listLevels(input), input.env);
}

/** Files that hold a vault's own key or token, as options of a command or a resource name them. */
export type VaultKeys = Partial<Record<"keyFile" | "passphraseFile" | "tokenFile", string>>;

/**
 * Another vault than the one in force: by its URL, or by the name that `vaults:` gives it, by the same precedence. Without
 * a key of its own it is opened with the key in force; flags about the other vault's key are not looked at.
 * @throws CoffreError CONFIGURATION, also for a name that nobody configured; NOT_SUPPORTED
 */
export function resolveOtherVault(input: ConfigurationInput, where: string, keys: VaultKeys = {}): Configuration {
  const isUrl = where.includes("://");
  const given = resolveConfiguration({ ...input, flags: { ...keys, ...(isUrl ? { url: where } : {}) } });
  if (isUrl) return given;
  const named = resolveNamedVault(input, where);
  const hasOwn = keys.keyFile !== undefined || keys.passphraseFile !== undefined;
  const { key, transitKey } = !hasOwn && (named.key ?? named.transitKey) ? named : given;
  const lockself = {
    authToken: named.lockself.authToken ?? given.lockself.authToken,
    lsToken: named.lockself.lsToken ?? given.lockself.lsToken,
    routes: { ...given.lockself.routes, ...named.lockself.routes },
  };
  return {
    ...named,
    lockself,
    key,
    transitKey,
    token: keys.tokenFile === undefined ? (named.token ?? given.token) : given.token,
  };
}

function resolveNamedVault(input: ConfigurationInput, name: string): Configuration {
  const levels = listLevels(input);
  const named = levels.map((level) => {
    const values: AllSettings = level.values.vaults?.[name] ?? {};
    return { ...level, values, describe: (setting: string) => `${level.describe("vaults")}, ${name}.${setting}` };
  });
  if (named.some(({ values }) => values.url !== undefined)) return configurationOf(named, input.env);
  const known = [...new Set(levels.flatMap(({ values }) => Object.keys(values.vaults ?? {})))];
  const hint = "Write its url: under vaults: in coffre.yaml, or give the vault's URL.";
  // What was typed may be anything; a name is repeated, a secret isn't.
  const shown = /^[A-Za-z][\w.-]{0,30}$/.test(name) ? `the name ${name}` : "that name";
  throw new CoffreError("CONFIGURATION", `No vault is configured under ${shown}`, {
    hint: known.length === 0 ? hint : `Configured are ${known.join(", ")}. ${hint}`,
  });
}

function configurationOf(levels: readonly Level[], env: Environment): Configuration {
  const home = homeFolder(env);
  const agent = env["COFFRE_AGENT"];
  const sources: Configuration["sources"] = {};

  function find<Name extends SettingName>(name: Name) {
    for (const level of levels) {
      const value = level.values[name];
      if (value === undefined) continue;
      sources[name] = level.describe(name);
      return { value, level, source: level.describe(name) };
    }
    return undefined;
  }

  function findSecret<Kind extends SecretName>(kinds: readonly Kind[]): SecretSource<Kind> | undefined {
    for (const level of levels) {
      const given = kinds.flatMap((kind) => secretsOf(level, kind, home));
      const opens = (kinds as readonly string[]).includes("key") && level.values.transitKey !== undefined;
      const places = [...given.map(({ source }) => source), ...(opens ? [level.describe("transitKey")] : [])];
      if (places.length > 1) {
        throw new CoffreError("CONFIGURATION", `${places.join(" and ")} contradict each other`, {
          hint: "Keep one of them.",
        });
      }
      if (opens) return undefined; // findTransitKey finds it
      const [only] = given;
      if (only === undefined) continue;
      sources[only.file === undefined ? only.kind : (`${only.kind}File` as const)] = only.source;
      return only;
    }
    return undefined;
  }

  /** The transit key, unless a key or a passphrase stands in a place that comes before. */
  function findTransitKey(): Configuration["transitKey"] {
    for (const level of levels) {
      const { transitKey, key, keyFile, passphrase, passphraseFile } = level.values;
      if ([key, keyFile, passphrase, passphraseFile].some((value) => value !== undefined)) return undefined;
      if (transitKey === undefined) continue;
      const source = level.describe("transitKey");
      sources.transitKey = source;
      return { ...parseTransitUrl(transitKey, { folder: level.urlFolder, home, source }), source };
    }
    return undefined;
  }

  const url = find("url");
  const rootCategory = find("rootCategory");
  const previewReads = find("previewReads")?.value;
  const rotateDue = find("rotateDue")?.value;
  const verifyOnRefresh = find("verifyOnRefresh")?.value;
  const onDrift = find("onDrift")?.value;
  if (verifyOnRefresh === undefined) sources.verifyOnRefresh = "default";
  if (onDrift === undefined) sources.onDrift = "default";
  if (previewReads === undefined) sources.previewReads = "default";
  if (rotateDue === undefined) sources.rotateDue = "default";
  return {
    url:
      url === undefined
        ? undefined
        : parseVaultUrl(url.value, { folder: url.level.urlFolder, home, source: url.source }),
    rootCategory: rootCategory === undefined ? [] : parseCategoryPath(rootCategory.value, rootCategory.source),
    previewReads: previewReads ?? true,
    rotateDue: rotateDue ?? false,
    verifyOnRefresh: verifyOnRefresh ?? false,
    onDrift: onDrift ?? "mend",
    owner: find("owner")?.value,
    key: findSecret(["key", "passphrase"]),
    transitKey: findTransitKey(),
    token: findSecret(["token"]),
    lockself: {
      authToken: findSecret(["lockselfAuthToken"]),
      lsToken: findSecret(["lockselfLsToken"]),
      routes: find("lockselfRoutes")?.value ?? {},
    },
    ...(agent ? { agent } : {}), // an empty variable is an unset one
    sources,
  };
}

/** A transit key's URL as a command's option names it. @throws CoffreError CONFIGURATION */
export function readTransitUrl(
  text: string,
  { cwd, env, source }: ConfigurationInput & { source: string },
): TransitUrl {
  return parseTransitUrl(text, { folder: projectFolder(cwd), home: homeFolder(env), source });
}

/** The vault's URL. @throws CoffreError CONFIGURATION that names all the places where it may stand */
export function requireUrl(configuration: Configuration): VaultUrl {
  if (configuration.url !== undefined) return configuration.url;
  throw new CoffreError("CONFIGURATION", "No vault is configured", {
    hint:
      `Give ${flagOf("url")}, set ${variableOf("url")}, run \`pulumi config set coffre:url file://./coffre.db\`, or write ` +
      "url: into coffre.yaml beside Pulumi.yaml. `coffre vault init` makes a vault.",
  });
}

function listLevels({ flags = {}, env, stack = {}, cwd }: ConfigurationInput): Level[] {
  const project = projectFolder(cwd);
  const describeVariable = (name: string) => `environment variable ${variableOf(name)}`;
  const describeStack = (name: string) => `stack configuration coffre:${name}`;
  const describeFlag = (name: string) => `flag ${flagOf(name)}`;

  // An empty variable is an unset one, as everywhere in shells.
  const variables = SETTING_NAMES.flatMap((name) => (env[variableOf(name)] ? [[name, env[variableOf(name)]]] : []));
  const options = FLAG_NAMES.flatMap((name) => (flags[name] === undefined ? [] : [[name, flags[name]]]));
  const ours = Object.entries(stack).flatMap(([key, value]) =>
    key.startsWith("coffre:") ? [[key.slice("coffre:".length), value]] : [],
  );
  const levels: Level[] = [
    {
      values: parseSettings("flags", Object.fromEntries(options), describeFlag),
      describe: describeFlag,
      urlFolder: project,
      pathFolder: resolve(cwd),
    },
    {
      values: parseSettings("all", Object.fromEntries(variables), describeVariable),
      describe: describeVariable,
      urlFolder: project,
      pathFolder: project,
    },
    {
      values: parseSettings("all", Object.fromEntries(ours), describeStack),
      describe: describeStack,
      urlFolder: project,
      pathFolder: project,
    },
  ];
  const shared = sharedConfigurationPath(cwd);
  if (shared !== undefined) {
    checkTrusted(shared);
    levels.push(fileLevel(shared));
  }
  return [...levels, fileLevel(userConfigurationPath(env))];
}

function fileLevel(path: string): Level {
  const folder = dirname(path);
  return { values: readSettings(path), describe: () => path, urlFolder: folder, pathFolder: folder };
}

const WORDS: Readonly<Record<SecretName, string>> = {
  key: "key file",
  passphrase: "passphrase's file",
  token: "token's file",
  lockselfAuthToken: "file of LockSelf's auth token",
  lockselfLsToken: "file of LockSelf's LS token",
};

function secretsOf<Kind extends SecretName>(level: Level, kind: Kind, home: string): SecretSource<Kind>[] {
  const found: SecretSource<Kind>[] = [];
  const value = level.values[kind];
  if (value !== undefined) found.push({ kind, source: level.describe(kind), read: () => new Secret(value) });
  const named = level.values[`${kind}File`];
  if (named !== undefined) {
    const file = named.startsWith("~/") ? resolve(home, named.slice(2)) : resolve(level.pathFolder, named);
    const what = WORDS[kind];
    found.push({ kind, source: level.describe(`${kind}File`), file, read: () => readSecretFile(file, what) });
  }
  return found;
}

function parseCategoryPath(text: string, source: string): string[] {
  try {
    return text.split("/").map((name) => checkName("category", name));
  } catch (error) {
    const problem = error instanceof CoffreError ? error.problem : "it can't be read";
    throw new CoffreError("CONFIGURATION", `rootCategory (${source}) isn't a path of categories: ${problem}`, {
      hint: "Write names with / between them: Production/Databases.",
      cause: error,
    });
  }
}
