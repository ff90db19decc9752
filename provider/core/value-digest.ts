import { hash, randomBytes } from "node:crypto";

/** Characters of a digest: 60 bits in base64url, so that no two texts of a comparison are taken for each other by accident. */
export const DIGEST_LENGTH = 10;
/** Shorter texts stand in any tree by accident, and tell nothing where they do. Characters. */
export const SHORTEST_COMPARED = 8;
/** Longer texts are no passwords; the lines of a longer value are compared one by one. Characters. */
export const LONGEST_COMPARED = 4_096;

const KEY_BYTES = 32;

/** A key for the digests of one comparison, base64url: what was sent for one means nothing in another. */
export function newDigestKey(): string {
  return randomBytes(KEY_BYTES).toString("base64url");
}

/**
 * Makes digests under a key of {@link newDigestKey}: the beginning of SHA-256 of the key and the text. All keys are of one length,
 * and a digest proves nothing to anybody: HMAC would only cost four times as much, for millions of texts.
 */
export function digester(key: string): (text: string) => string {
  return (text) => hash("sha256", key + text, "base64url").slice(0, DIGEST_LENGTH);
}
