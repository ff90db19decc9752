import { createHash } from "node:crypto";
import type { Secret } from "../../core/secret.js";

const sha1 = (...parts: Buffer[]) => parts.reduce((hash, part) => hash.update(part), createHash("sha1")).digest();

/**
 * What the server keeps in place of a password for `mysql_native_password`, made here so that the password never travels:
 * an asterisk and SHA1(SHA1(password)) in hexadecimal (`PASSWORD()` in the manual).
 */
export function nativeHash(password: Secret): string {
  return `*${sha1(sha1(Buffer.from(password.reveal())))
    .toString("hex")
    .toUpperCase()}`;
}

/**
 * The answer to a login's challenge: SHA1(password) XOR SHA1(challenge, SHA1(SHA1(password))), from which only somebody who has the
 * hash too can compute SHA1(password) (the protocol's "Secure Password Authentication").
 */
export function nativeProof(password: Secret, challenge: Buffer): Buffer {
  const text = password.reveal();
  if (text === "") return Buffer.alloc(0);
  const once = sha1(Buffer.from(text));
  const mask = sha1(challenge, sha1(once));
  return Buffer.from(once.map((byte, index) => byte ^ (mask[index] ?? 0)));
}
