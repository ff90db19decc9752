import {
  type Configuration,
  isRemote,
  type KdbxUrl,
  type LockselfUrl,
  type RemoteUrl,
  requireUrl,
  type ServerUrl,
  type TransitUrl,
} from "../config/index.js";
import type { Clock } from "../core/clock.js";
import { CoffreError } from "../core/errors.js";
import type { Secret } from "../core/secret.js";
import { agentVault } from "./agent-vault.js";
import { openEmbeddedVault, type TransitKey, type VaultKey } from "./embedded/embedded-vault.js";
import { type HashicorpPlace, openHashicorpVault } from "./hashicorp/hashicorp-vault.js";
import { TransitEngineKey } from "./hashicorp/transit.js";
import { type KdbxKey, openKeepassVault, readKeyFile } from "./keepass/open.js";
import { type LockselfPlace, openLockselfVault, SETTLE_MS } from "./lockself/lockself-vault.js";
import { correctRoutes } from "./lockself/routes.js";
import type { Vault } from "./port.js";
import { openRemoteVault, type RemoteVault } from "./remote/remote-vault.js";

/** Who opens a vault. */
export interface OpenOptions {
  /** For the event log: `ana@runner-3 (cli)`. */
  actor: string;
  clock: Clock;
}

/**
 * The vault that the configuration names: by {@link agentVault}, else as {@link openVault} opens it.
 * @throws CoffreError as both
 */
export async function connectVault(configuration: Configuration, options: OpenOptions): Promise<Vault> {
  return (await agentVault(configuration)) ?? openVault(configuration, options);
}

/**
 * The vault that the configuration names, by the scheme of its URL. Nothing is opened, and no key read, before the
 * first call.
 * @throws CoffreError CONFIGURATION if no vault is configured. The first call throws what the key's source does, and
 * CONFIGURATION if there is none
 */
export function openVault(configuration: Configuration, { actor, clock }: OpenOptions): Vault {
  const url = requireUrl(configuration); // a URL that no adapter opens was refused when it was parsed
  if (url.scheme === "kdbx") {
    return openKeepassVault({ path: url.path, key: () => kdbxKeyOf(url, configuration), actor, clock });
  }
  if (isRemote(url)) return openServed(url, configuration);
  if ("space" in url) {
    return openLockselfVault({ ...lockselfPlace(url, configuration), actor, clock });
  }
  if (url.scheme !== "file") return openHashicorpVault({ ...serverPlace(url, configuration), actor, clock });
  return openEmbeddedVault({ path: url.path, key: () => keyOf(configuration), actor, clock });
}

/** A vault behind `coffre serve`, whose own token says who asks. */
function openServed({ origin, caFile }: RemoteUrl, { token }: Configuration): RemoteVault {
  return openRemoteVault({
    origin,
    ...(caFile === undefined ? {} : { caFile }),
    token() {
      if (token) return token.read();
      throw new CoffreError("CONFIGURATION", `No token for ${origin} is configured`, {
        hint: "Set COFFRE_TOKEN_FILE, or give --token-file: `coffre token create` makes one, on the server.",
      });
    },
  });
}

/** A server's vault as its adapter wants to know it. */
export function serverPlace(url: ServerUrl, { token }: Pick<Configuration, "token">): HashicorpPlace {
  const { origin, mount, root, namespace, caFile, login } = url;
  return {
    server: serverOptions({ origin, namespace, caFile }),
    mount,
    root,
    login: { method: login, secret: token && (() => token.read()) },
  };
}

/** The key in a transit engine, with the login's secret that is configured. */
export function transitKeyAt(url: TransitUrl, { token }: Pick<Configuration, "token">): TransitKey {
  const { origin, mount, key, namespace, caFile, login } = url;
  return new TransitEngineKey({
    server: serverOptions({ origin, namespace, caFile }),
    mount,
    key,
    login: { method: login, secret: token && (() => token.read()) },
  });
}

function serverOptions({
  origin,
  namespace,
  caFile,
}: { origin: string } & Record<"namespace" | "caFile", string | undefined>) {
  return {
    origin,
    ...(namespace === undefined ? {} : { namespace }),
    ...(caFile === undefined ? {} : { caFile }),
  };
}

/** A vault in LockSelf as its adapter wants to know it. @throws CoffreError CONFIGURATION for routes that can't be right */
export function lockselfPlace(url: LockselfUrl, { lockself }: Pick<Configuration, "lockself">): LockselfPlace {
  const { origin, space, auth, caFile, organizationId, settleMs = SETTLE_MS } = url;
  return {
    http: {
      origin,
      auth,
      routes: correctRoutes(lockself.routes),
      tokens: () => ({
        auth: required(lockself.authToken, "COFFRE_LOCKSELF_AUTH_TOKEN"),
        ls: required(lockself.lsToken, "COFFRE_LOCKSELF_LS_TOKEN"),
      }),
      ...(caFile === undefined ? {} : { caFile }),
    },
    api: { settleMs, ...(organizationId === undefined ? {} : { organizationId }) },
    space,
  };
}

function required(source: { read(): Secret } | undefined, variable: string): Secret {
  if (source) return source.read();
  throw new CoffreError("CONFIGURATION", "LockSelf asks for two tokens, and one isn't configured", {
    hint: `Set ${variable}_FILE to the path of a file that holds it, or ${variable}.`,
  });
}

function keyOf(configuration: Configuration): VaultKey {
  const { key, transitKey } = configuration;
  if (transitKey) return { transit: transitKeyAt(transitKey, configuration) };
  if (!key) {
    throw new CoffreError("CONFIGURATION", "No key for the vault is configured", {
      hint: "Set COFFRE_KEY_FILE, COFFRE_PASSPHRASE_FILE or COFFRE_TRANSIT_KEY, or give --key-file.",
    });
  }
  return key.kind === "key" ? { keyText: key.read() } : { passphrase: key.read() };
}

function kdbxKeyOf({ keyFile }: KdbxUrl, { key }: Configuration): KdbxKey {
  if (key?.kind === "key" && keyFile === undefined) {
    throw new CoffreError("CONFIGURATION", "A KeePass file opens with its passphrase, and a key is configured", {
      hint: "Give --passphrase-file (--from-passphrase-file, COFFRE_PASSPHRASE_FILE); a KeePass key file is named in the URL: kdbx:///path/to.kdbx?keyFile=/path/to.keyx.",
    });
  }
  if (key === undefined && keyFile === undefined) {
    throw new CoffreError("CONFIGURATION", "Nothing is configured that opens the KeePass file", {
      hint: "Set COFFRE_PASSPHRASE_FILE, or give --passphrase-file.",
    });
  }
  return {
    ...(key?.kind === "passphrase" ? { passphrase: key.read() } : {}),
    ...(keyFile === undefined ? {} : { keyFile: readKeyFile(keyFile) }),
  };
}
