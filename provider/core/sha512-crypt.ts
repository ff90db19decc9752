import { createHash } from "node:crypto";

// crypt(3)'s `$6$`, after Ulrich Drepper's "Unix crypt using SHA-256 and SHA-512" (2008), whose steps are named below. Our
// own, since the library that was looked at is wrong for passwords of 64, 128, 192 bytes. This file imports nothing of ours:
// the makers of test hosts read it as it stands.

const BLOCK = 64;
const DEFAULT_ROUNDS = 5000;
const DIGITS = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/**
 * A password in the form of `/etc/shadow`: `$6$<salt>$<86 digits>`.
 * @param salt up to 16 of the characters `./0-9A-Za-z`
 * @param rounds 1,000 to 999,999,999; 5,000 by default, and then not written down
 */
export function sha512Crypt(password: string, salt: string, rounds: number = DEFAULT_ROUNDS): string {
  const key = Buffer.from(password, "utf8");
  const saltBytes = Buffer.from(salt, "ascii");
  const first = firstDigest(key, saltBytes); // steps 1 to 12
  const p = stretch(sha512(...new Array<Buffer>(key.length).fill(key)), key.length); // 13 to 16
  const s = stretch(sha512(...new Array<Buffer>(16 + (first[0] ?? 0)).fill(saltBytes)), saltBytes.length); // 17 to 20
  let digest = first;
  for (let round = 0; round < rounds; round++) {
    const isOdd = round % 2 === 1;
    const parts = [isOdd ? p : digest];
    if (round % 3 !== 0) parts.push(s);
    if (round % 7 !== 0) parts.push(p);
    parts.push(isOdd ? digest : p);
    digest = sha512(...parts); // 21
  }
  const setting = rounds === DEFAULT_ROUNDS ? "" : `rounds=${String(rounds)}$`;
  return `$6$${setting}${salt}$${encode(digest)}`;
}

function firstDigest(key: Buffer, salt: Buffer): Buffer {
  const alternate = sha512(key, salt, key);
  const parts = [key, salt, stretch(alternate, key.length)];
  for (let bits = key.length; bits > 0; bits >>= 1) parts.push(bits % 2 === 1 ? alternate : key);
  return sha512(...parts);
}

function sha512(...parts: readonly Buffer[]): Buffer {
  const hash = createHash("sha512");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** The bytes again and again, up to a length. */
function stretch(bytes: Buffer, length: number): Buffer {
  return Buffer.concat(new Array<Buffer>(Math.ceil(length / BLOCK)).fill(bytes)).subarray(0, length);
}

/** Step 22: three bytes as four digits, the last first, in an order of bytes that turns with each group. */
function encode(digest: Buffer): string {
  let text = "";
  for (let group = 0; group < 21; group++) {
    const turned = [0, 1, 2].map((place) => digest[group + 21 * ((place + group) % 3)] ?? 0);
    text += digits(turned, 4);
  }
  return text + digits([0, 0, digest[63] ?? 0], 2);
}

function digits([high = 0, middle = 0, low = 0]: readonly number[], count: number): string {
  const bits = (high << 16) | (middle << 8) | low;
  return Array.from({ length: count }, (_, index) => DIGITS[(bits >> (6 * index)) & 63]).join("");
}
