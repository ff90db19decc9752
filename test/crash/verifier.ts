import { createHash, createHmac, pbkdf2Sync } from "node:crypto";

/**
 * Whether PostgreSQL's stored verifier (`SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey`, RFC 5802) was made of this
 * password. Computed here and not by the provider's code, and without a login, so that looking costs no refused one.
 */
export function isMadeOf(verifier: string, password: string): boolean {
  const parts = /^SCRAM-SHA-256\$(\d+):([^$]+)\$([^:]+):(.+)$/.exec(verifier);
  if (!parts) throw new Error(`PostgreSQL keeps something else than a SCRAM verifier: ${verifier.slice(0, 14)}`);
  const [, iterations, salt = "", storedKey] = parts;
  const salted = pbkdf2Sync(password, Buffer.from(salt, "base64"), Number(iterations), 32, "sha256");
  const clientKey = createHmac("sha256", salted).update("Client Key").digest();
  return createHash("sha256").update(clientKey).digest("base64") === storedKey;
}
