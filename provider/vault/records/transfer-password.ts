import { argon2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import type { Secret } from "../../core/secret.js";
import { checkTransferPassword, isPasswordLength } from "../../core/transfer.js";
import type { Keyed } from "./owner.js";
import type { PasswordRow } from "./transfer-rows.js";

// OWASP's least for argon2id: a page computes it for whoever has a link, and guessing takes the vault's own key besides.
const MEMORY_KIB = 19_456;
const PASSES = 2;
const LANES = 1;
const SALT_BYTES = 16;
const DIGEST_BYTES = 32;

const derive = promisify(argon2);

/** @throws CoffreError INVALID_INPUT for one that is too short or too long; nothing of it is in the message */
export async function newPassword(keyed: Keyed, id: string, password: Secret, now: Date): Promise<PasswordRow> {
  checkTransferPassword(password);
  const salt = randomBytes(SALT_BYTES);
  return { salt: salt.toString("base64"), digest: await digestOf(keyed, id, password, salt), setAt: now.toISOString() };
}

/** Takes as long for a wrong one. */
export async function isPassword(keyed: Keyed, id: string, password: Secret, row: PasswordRow): Promise<boolean> {
  if (!isPasswordLength(password.reveal().length)) return false;
  const found = await digestOf(keyed, id, password, Buffer.from(row.salt, "base64"));
  return equalDigests(found, row.digest);
}

/** Two digests of one length, in a time that tells nothing of them. */
export function equalDigests(left: string, right: string): boolean {
  const [one, other] = [Buffer.from(left), Buffer.from(right)];
  return one.length === other.length && timingSafeEqual(one, other);
}

async function digestOf(keyed: Keyed, id: string, password: Secret, nonce: Buffer): Promise<string> {
  const derived = await derive("argon2id", {
    message: Buffer.from(password.reveal().normalize("NFC"), "utf8"),
    ...{ nonce, parallelism: LANES, tagLength: DIGEST_BYTES, memory: MEMORY_KIB, passes: PASSES },
  });
  try {
    return keyed("token", `transfer password ${id} ${derived.toString("hex")}`);
  } finally {
    derived.fill(0);
  }
}
