import { resolve } from "node:path";
import { CoffreError } from "../core/errors.js";
import { parseRemoteUrl, type RemoteUrl } from "./remote-url.js";
import { parseServerUrl, type ServerUrl } from "./server-url.js";

/**
 * Every scheme that a vault's URL can have, and whether this release opens it: the one list.
 * A scheme is named before its adapter exists, so that a program meant for it isn't told that it made a mistake.
 */
export const VAULT_SCHEMES = {
  file: { opens: true, what: "an embedded vault, one SQLite file" },
  "coffre+https": { opens: true, what: "a vault behind `coffre serve`" },
  "coffre+http": { opens: true, what: "the same without TLS, on the machine itself" },
  "lockself+https": { opens: false, what: "LockSelf" },
  "vault+https": { opens: true, what: "HashiCorp Vault or OpenBao" },
  "vault+http": { opens: true, what: "the same without TLS, for a server on the machine itself" },
  kdbx: { opens: true, what: "a KeePass file, to read" },
} as const;

/** Where a vault is. */
export type VaultUrl = FileUrl | KdbxUrl | ServerUrl | RemoteUrl;

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
 * with `kdbx://` (and `?keyFile=…` where the file needs one), or what `parseServerUrl` and
 * `parseRemoteUrl` read.
 * @throws CoffreError CONFIGURATION for a URL that can't be right, NOT_SUPPORTED for a vault that this release doesn't
 * open. The text isn't repeated: a URL may hold a password.
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
  if (scheme === "kdbx") return parseKdbxUrl(text.slice("kdbx://".length), base, wrongUrl);
  if (scheme !== "file") {
    const { what } = VAULT_SCHEMES[scheme];
    throw new CoffreError("NOT_SUPPORTED", `This release doesn't open ${scheme}:// vaults yet (${what})`, {
      hint: `It opens ${listSchemes(true)}.`,
    });
  }
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

/** What can be used now, and what can't yet. */
function schemes(): string {
  return `${listSchemes(true)}. To come: ${listSchemes(false)}.`;
}

function listSchemes(opened: boolean): string {
  return Object.entries(VAULT_SCHEMES)
    .filter(([, { opens }]) => opens === opened)
    .map(([scheme]) => `${scheme}://`)
    .join(", ");
}
