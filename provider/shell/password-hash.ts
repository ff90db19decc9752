import { createHash } from "node:crypto";
import { sha512Crypt } from "../core/sha512-crypt.js";

/** How a machine's user-data takes a password without seeing it. */
export type PasswordHashScheme = "sha512crypt";

/** Twelve bytes are the sixteen characters that a salt of crypt(3) has at most. */
const SALT_BYTES = 12;

/**
 * The password in the form of `/etc/shadow`. The salt comes from the credential's id and the version's number, so that a
 * preview finds the same hash again; nothing of the password is in it, which would be a quicker way to guess at that. A
 * salt needn't be secret, only another one for each hash, and an id is random.
 */
export function hashPassword(password: string, id: string, version: number): string {
  const digest = createHash("sha256")
    .update(`coffre sha512crypt salt\n${id}\n${String(version)}`)
    .digest();
  const salt = digest.subarray(0, SALT_BYTES).toString("base64").replaceAll("+", ".");
  return sha512Crypt(password, salt);
}
