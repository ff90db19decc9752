import { createHmac, type KeyObject, randomBytes } from "node:crypto";
import { newId } from "../../core/id.js";
import { Secret } from "../../core/secret.js";

const SECRET_BYTES = 32;
/** `cft_`, the id's 22 letters and digits, `_`, and the 43 characters of 256 random bits in base64url. */
const SHAPE = /^cft_([A-Za-z0-9]{22})_([A-Za-z0-9_-]{43})$/;

/** A token, taken apart. */
export interface TokenParts {
  /** `tk_…`: which one it is. No secret. */
  id: string;
  secret: Buffer;
}

/** Draws a new token; its text is shown once, and kept nowhere. */
export function drawToken(): TokenParts & { text: Secret } {
  const id = newId("tk_");
  const secret = randomBytes(SECRET_BYTES);
  return { id, secret, text: new Secret(`cft_${id.slice("tk_".length)}_${secret.toString("base64url")}`) };
}

/** `undefined` for what can't be a token. */
export function parseToken(text: string): TokenParts | undefined {
  const [, id = "", secret = ""] = SHAPE.exec(text) ?? [];
  return id === "" ? undefined : { id: `tk_${id}`, secret: Buffer.from(secret, "base64url") };
}

/** What is kept of a token: HMAC-SHA-256 of its secret under a key that only the vault's holders have. */
export function tokenDigest(key: KeyObject, { id, secret }: TokenParts): Buffer {
  return createHmac("sha256", key).update(`token ${id} `).update(secret).digest();
}
