import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { CoffreError } from "../core/errors.js";
import { Secret } from "../core/secret.js";
import { systemCode } from "./system-error.js";

const LARGEST_BYTES = 64 * 1024;
const GROUP_AND_OTHERS = 0o077;
const OTHERS = 0o007;
const OTHERS_OR_GROUP_WRITE = 0o027;

/**
 * Reads a key, a passphrase or a token from a file (or a pipe) that nobody but its owner may open. One line break at the
 * end is left out, since editors and `echo` add it.
 * @param what for the message, for example `key file`
 * @throws CoffreError CONFIGURATION that names the file and what to do
 */
export function readSecretFile(path: string, what: string): Secret {
  const bytes = readPrivate(path, what);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw wrongFile(what, path, "isn't UTF-8 text");
  }
  const secret = text.replace(/\r?\n$/, "");
  if (secret === "") throw wrongFile(what, path, "is empty");
  return new Secret(secret);
}

function readPrivate(path: string, what: string): Uint8Array {
  let descriptor: number;
  try {
    descriptor = openSync(path, "r");
  } catch (error) {
    throw unreadable(what, path, error);
  }
  try {
    // Asked of the open file, so that what was checked is what is read.
    const { mode } = fstatSync(descriptor);
    // Windows has no such bits: Node makes them up there.
    if (process.platform !== "win32" && (mode & (isServiceCredential(path) ? OTHERS : GROUP_AND_OTHERS)) !== 0) {
      const problem = `may be opened by others than its owner (mode ${(mode & 0o777).toString(8).padStart(4, "0")})`;
      throw wrongFile(what, path, problem, `Run: chmod 600 ${path} (where it is mounted: mount it with mode 0400).`);
    }
    return readUpTo(descriptor, LARGEST_BYTES, () => wrongFile(what, path, `is larger than ${LARGEST_BYTES} bytes`));
  } catch (error) {
    throw error instanceof CoffreError ? error : unreadable(what, path, error);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Whether systemd handed the file to this service (`LoadCredential=`). It lies in a folder that nobody else may enter, and newer
 * versions let the service read it by an access control list: stat(2) shows the list's mask in the place of a group's rights, 0440.
 */
function isServiceCredential(path: string): boolean {
  const folder = process.env["CREDENTIALS_DIRECTORY"];
  return folder !== undefined && dirname(path) === folder && (statSync(folder).mode & OTHERS_OR_GROUP_WRITE) === 0;
}

function readUpTo(descriptor: number, largest: number, tooLarge: () => CoffreError): Uint8Array {
  const buffer = new Uint8Array(largest + 1);
  let length = 0;
  for (;;) {
    const read = readSync(descriptor, buffer, length, buffer.length - length, null);
    length += read;
    if (read === 0) return buffer.subarray(0, length);
    if (length > largest) throw tooLarge();
  }
}

function unreadable(what: string, path: string, cause: unknown): CoffreError {
  const code = systemCode(cause);
  const problem = code === "ENOENT" ? "doesn't exist" : `can't be read (${code})`;
  return wrongFile(what, path, problem, "Check the path, or where it is configured: `coffre doctor` shows it.");
}

function wrongFile(what: string, path: string, problem: string, hint?: string): CoffreError {
  return new CoffreError("CONFIGURATION", `The ${what} ${path} ${problem}`, hint === undefined ? {} : { hint });
}
