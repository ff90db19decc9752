import { resolve } from "node:path";
import { CoffreError } from "../core/errors.js";
import { type LockselfUrl, parseLockselfUrl } from "./lockself-url.js";
import { parseRemoteUrl, type RemoteUrl } from "./remote-url.js";
import { parseServerUrl, type ServerUrl } from "./server-url.js";

/**
 * Every scheme that a vault's URL can have, and what it opens: the one list.
 */
export const VAULT_SCHEMES = {
  file: "an embedded vault, one SQLite file",
  "coffre+https": "a vault behind `coffre serve`",
  "coffre+http": "the same without TLS, on the machine itself",
  "lockself+https": "LockSelf",
  "lockself+http": "the same without TLS, for a server on the machine itself",
  "vault+https": "HashiCorp Vault or OpenBao",
  "vault+http": "the same without TLS, for a server on the machine itself",
  kdbx: "a KeePass file, to read",
} as const;

/** Where a vault is. */
export type VaultUrl = FileUrl | KdbxUrl | LockselfUrl | RemoteUrl | ServerUrl;

/** A vault in a file. */
export interface FileUrl {
  scheme: "file";
  /** Absolute path of the file. */
  path: string;
  /** The whole URL, absolute and canonical: the same for every way to write it. */
  href: string;
}

/** A KeePass file. */
export interface KdbxUrl {
  scheme: "kdbx";
  /** Absolute path of the file. */
  path: string;
  /** Absolute path of the KeePass key file that it needs besides, or instead of, its passphrase. */
  keyFile?: string;
  /** The whole URL, absolute and canonical. */
  href: string;
}

/** What a relative URL is relative to. */
export interface VaultUrlBase {
  /** The folder that `./` and `../` start from, absolute. */
  folder: string;
  /** The folder that `~/` means. */
  home: string;
  /** Where the URL stands, for messages: `environment variable COFFRE_URL`. */
  source?: string;
}

type WrongUrl = (problem: string, hint: string) => CoffreError;

/**
 * Reads a vault's URL: `file:///srv/coffre.db`, `file://./coffre.db`, `file://../coffre.db`, `file://~/coffre.db`, the same
 * with `kdbx://` (and `?keyFile=…` where the file needs one), or what `parseServerUrl`,
 * `parseRemoteUrl` and `parseLockselfUrl` read.
 * @throws CoffreError CONFIGURATION for a URL that can't be right. The text isn't repeated: a URL may hold a password.
 */
export function parseVaultUrl(text: string, base: VaultUrlBase): VaultUrl {
  const wrongUrl: WrongUrl = (problem, hint) => {
    const where = base.source === undefined ? "" : ` (${base.source})`;
    return new CoffreError("CONFIGURATION", `The vault's URL${where} ${problem}`, { hint });
  };
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) throw wrongUrl("has no scheme", `Start it with ${schemes()}`);
  if (!isKnown(scheme)) throw wrongUrl(`has the unknown scheme ${scheme}://`, `Start it with ${schemes()}`);
  if (scheme === "vault+https" || scheme === "vault+http") return parseServerUrl(text, scheme, { ...base, wrongUrl });
  if (scheme === "coffre+https" || scheme === "coffre+http") return parseRemoteUrl(text, scheme, { ...base, wrongUrl });
  if (scheme === "lockself+https" || scheme === "lockself+http") {
    return parseLockselfUrl(text, scheme, { ...base, wrongUrl });
  }
  if (scheme === "kdbx") return parseKdbxUrl(text.slice("kdbx://".length), base, wrongUrl);
  const path = parsePath(text.slice("file://".length), base, wrongUrl);
  return { scheme, path, href: `file://${encoded(path)}` };
}

function parseKdbxUrl(text: string, base: VaultUrlBase, wrongUrl: WrongUrl): KdbxUrl {
  const [place = "", query, ...more] = text.split("?");
  const given = query === undefined ? undefined : /^keyFile=([^&#]+)$/.exec(query)?.[1];
  if (more.length > 0 || (query !== undefined && given === undefined)) {
    throw wrongUrl("has a ? that isn't ?keyFile=<path>", "In a file's name write %3F or %23.");
  }
  const path = parsePath(place, base, wrongUrl);
  if (given === undefined) return { scheme: "kdbx", path, href: `kdbx://${encoded(path)}` };
  const keyFile = parsePath(given, base, wrongUrl);
  return { scheme: "kdbx", path, keyFile, href: `kdbx://${encoded(path)}?keyFile=${encoded(keyFile)}` };
}

function encoded(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}

function parsePath(text: string, { folder, home }: VaultUrlBase, wrongUrl: WrongUrl): string {
  if (!/^(\/|\.\.?\/|~\/)/.test(text)) {
    throw wrongUrl(
      "names no file",
      "Write file:///absolute/path, file://./relative/path or file://~/path; kdbx:// for a KeePass file.",
    );
  }
  if (/[?#]/.test(text)) throw wrongUrl("has a ? or a #", "In a file's name write %3F or %23.");
  let path: string;
  try {
    path = decodeURIComponent(text);
  } catch {
    throw wrongUrl("has a % that doesn't begin an encoded character", "Write a % itself as %25.");
  }
  if (/\p{Cc}/u.test(path)) throw wrongUrl("has a control character", "Give the file another name.");
  if (/(^|\/)\.{0,2}$/.test(path))
    throw wrongUrl("names a folder", "Name the vault's file in it, for example coffre.db.");
  return path.startsWith("~/") ? resolve(home, path.slice(2)) : resolve(folder, path);
}

function isKnown(scheme: string): scheme is keyof typeof VAULT_SCHEMES {
  return Object.hasOwn(VAULT_SCHEMES, scheme);
}

function schemes(): string {
  return `${Object.keys(VAULT_SCHEMES)
    .map((scheme) => `${scheme}://`)
    .join(", ")}.`;
}
