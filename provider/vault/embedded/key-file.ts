import { hash, randomBytes } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, statSync, writeSync } from "node:fs";
import { CoffreError } from "../../core/errors.js";
import { Secret } from "../../core/secret.js";
import { KEY_BYTES } from "./keys.js";
import { systemCode } from "./native-error.js";

const PREFIX = "coffre-key-1:";
const CHECKSUM_BYTES = 4;
const GROUP_AND_OTHERS = 0o077;

/** A new key: 32 random bytes as one line of text that says what it is, `coffre-key-1:` and 48 characters. */
export function newKeyText(): Secret {
  const key = randomBytes(KEY_BYTES);
  return new Secret(PREFIX + Buffer.concat([key, checksum(key)]).toString("base64url"));
}

/** @returns the key's bytes, for the caller to wipe. @throws CoffreError WRONG_KEY for a text that is no key, or is cut or mistyped */
export function parseKeyText(text: Secret): Buffer {
  const line = text.reveal().trim();
  if (!line.startsWith(PREFIX)) {
    throw new CoffreError("WRONG_KEY", `The key isn't one of Coffre's: those start with ${PREFIX}`, {
      hint: "Give the content of a key file; a passphrase has a setting of its own.",
    });
  }
  const encoded = line.slice(PREFIX.length);
  const bytes = Buffer.from(encoded, "base64url");
  const key = bytes.subarray(0, KEY_BYTES);
  // Written back, so that no character is skipped over: the decoder takes any.
  if (bytes.toString("base64url") !== encoded || !checksum(key).equals(bytes.subarray(KEY_BYTES))) {
    throw new CoffreError("WRONG_KEY", "The key is cut or mistyped: its checksum doesn't fit", {
      hint: "Copy the key file again, as a whole.",
    });
  }
  return key;
}

/** Writes a key file that only its owner may read. @throws CoffreError CONFLICT if there is a file already */
export function writeKeyFile(path: string, key: Secret): void {
  let file: number;
  try {
    file = openSync(path, "wx", 0o600);
  } catch (error) {
    if (systemCode(error) === "EEXIST") {
      throw new CoffreError("CONFLICT", `There is a file at ${path} already`, {
        hint: "Choose another path for the key.",
      });
    }
    throw new CoffreError("READ_ONLY", `The key file ${path} can't be written`, {
      hint: "Check that its folder exists and may be written.",
      cause: error,
    });
  }
  try {
    writeSync(file, `${key.reveal()}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** @throws CoffreError CONFIGURATION for a file that is missing, unreadable, or open to others than its owner */
export function readKeyFile(path: string): Secret {
  try {
    const { mode } = statSync(path);
    // Windows has no such bits.
    if (process.platform !== "win32" && (mode & GROUP_AND_OTHERS) !== 0) {
      throw new CoffreError("CONFIGURATION", `The key file ${path} may be opened by others than its owner`, {
        hint: `Run: chmod 600 ${path}`,
      });
    }
    return new Secret(readFileSync(path, "utf8"));
  } catch (error) {
    if (error instanceof CoffreError) throw error;
    throw new CoffreError("CONFIGURATION", `The key file ${path} can't be read`, {
      hint: "Check its path and its owner.",
      cause: error,
    });
  }
}

/** Against mistakes in copying only; whether it is the right key is for the slot to say. */
function checksum(key: Uint8Array): Buffer {
  return hash("sha256", Buffer.concat([Buffer.from("coffre key file"), key]), "buffer").subarray(0, CHECKSUM_BYTES);
}
