import { randomBytes } from "node:crypto";

const TOKEN_BYTES = 15; // 120 bits, 20 characters

/** A new token that proves, from a resource's state, that the state speaks of this very entry. */
export function newOwnerToken(): string {
  return randomBytes(TOKEN_BYTES).toString("base64url");
}
