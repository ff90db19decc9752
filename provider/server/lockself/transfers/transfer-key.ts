import { argon2, createHmac, createSecretKey, hash, type KeyObject, randomBytes } from "node:crypto";
import { promisify } from "node:util";
import type { Secret } from "../../../core/secret.js";
import { open, seal } from "../../../vault/embedded/seal.js";

// OWASP's least for argon2id; guessing takes the server's own key besides.
const MEMORY_KIB = 19_456;
const PASSES = 2;
const LANES = 1;
const KEY_BYTES = 32;

const derive = promisify(argon2);

/** A new key for one file, and what is kept of it. */
export async function newFileKey(
  serverKey: KeyObject,
  place: string,
  password: Secret,
): Promise<{ key: KeyObject; salt: string; wrappedKey: string }> {
  const salt = randomBytes(16);
  const bytes = randomBytes(KEY_BYTES);
  const wrappedKey = seal(await wrappingKey(serverKey, password, salt), place, bytes).toString("base64");
  const key = createSecretKey(bytes);
  bytes.fill(0);
  return { key, salt: salt.toString("base64"), wrappedKey };
}

/** `undefined` for a wrong password. */
export async function openFileKey(
  serverKey: KeyObject,
  place: string,
  password: Secret,
  kept: { salt: string; wrappedKey: string },
): Promise<KeyObject | undefined> {
  const wrapping = await wrappingKey(serverKey, password, Buffer.from(kept.salt, "base64"));
  const bytes = open(wrapping, place, Buffer.from(kept.wrappedKey, "base64"));
  return bytes && createSecretKey(bytes);
}

/** What is kept of a link's secret. */
export function linkDigest(secret: string): string {
  return hash("sha256", secret);
}

/** From the password and the server's key together: neither opens a file alone. */
async function wrappingKey(serverKey: KeyObject, password: Secret, nonce: Buffer): Promise<KeyObject> {
  const derived = await derive("argon2id", {
    message: Buffer.from(password.reveal().normalize("NFC"), "utf8"),
    ...{ nonce, parallelism: LANES, tagLength: KEY_BYTES, memory: MEMORY_KIB, passes: PASSES },
  });
  const key = createHmac("sha256", serverKey).update("transfer ").update(derived).digest();
  derived.fill(0);
  return createSecretKey(key);
}
