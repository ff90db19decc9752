import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from "node:crypto";

/** Length of a private and of a public key, on both curves. */
export const CURVE_KEY_BYTES = 32;

type Curve = "x25519" | "ed25519";

// RFC 8410: what stands before the 32 bytes of a private (PKCS #8) and of a public key (SPKI) in DER.
const PRIVATE_PREFIX = {
  x25519: Buffer.from("302e020100300506032b656e04220420", "hex"),
  ed25519: Buffer.from("302e020100300506032b657004220420", "hex"),
};
const PUBLIC_PREFIX = {
  x25519: Buffer.from("302a300506032b656e032100", "hex"),
  ed25519: Buffer.from("302a300506032b6570032100", "hex"),
};

/** A private key from 32 random bytes, which stay the caller's to wipe. */
export function privateKeyOf(curve: Curve, seed: Uint8Array): KeyObject {
  const der = Buffer.concat([PRIVATE_PREFIX[curve], seed]);
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  der.fill(0);
  return key;
}

export function publicKeyOf(curve: Curve, bytes: Uint8Array): KeyObject {
  const key = Buffer.concat([PUBLIC_PREFIX[curve], bytes]);
  return createPublicKey({ key, format: "der", type: "spki" });
}

/** The 32 bytes of the public key that belongs to a private one. */
export function publicBytesOf(privateKey: KeyObject): Buffer {
  const der = createPublicKey(privateKey).export({ format: "der", type: "spki" });
  return der.subarray(-CURVE_KEY_BYTES);
}

/** @returns `undefined` for a public key that no honest party has: one of small order */
export function sharedSecret(privateKey: KeyObject, publicBytes: Uint8Array): Buffer | undefined {
  try {
    return diffieHellman({ privateKey, publicKey: publicKeyOf("x25519", publicBytes) });
  } catch {
    return undefined;
  }
}
