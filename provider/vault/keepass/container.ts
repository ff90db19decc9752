import { createHash } from "node:crypto";
import { CoffreError } from "../../core/errors.js";

/** More than people keep: everything is held in memory several times while it is read. */
export const LARGEST_BYTES = 256 * 1024 * 1024;

const SIGNATURE = Buffer.from("03d9a29a67fb4bb5", "hex");
const HASH_BYTES = 32;
const BLOCK_HEAD_BYTES = HASH_BYTES + 4;

/**
 * Looks at what can be seen without a key, so that a file that was cut or altered isn't taken for a wrong passphrase.
 * Layout: https://keepass.info/help/kb/kdbx.html
 * @returns `isChecked`: a key that doesn't open it can only be the wrong one
 * @throws CoffreError CORRUPT, NOT_SUPPORTED
 */
export function checkContainer(data: Uint8Array, what: string): { isChecked: boolean } {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (bytes.length < SIGNATURE.length + 4 || !bytes.subarray(0, SIGNATURE.length).equals(SIGNATURE)) {
    throw damaged(what, bytes.length === 0 ? "is empty" : "isn't a KeePass file");
  }
  const version = bytes.readUInt16LE(10);
  if (version === 3) return { isChecked: false };
  if (version !== 4) {
    throw new CoffreError("NOT_SUPPORTED", `The KeePass file ${what} is of version ${version}`, {
      hint: "Save it anew with a current KeePass or KeePassXC, as KDBX 4.",
    });
  }
  const end = headerEnd(bytes, what);
  const digest = createHash("sha256").update(bytes.subarray(0, end)).digest();
  if (!digest.equals(bytes.subarray(end, end + HASH_BYTES))) throw damaged(what, "has an altered header");
  checkBlocks(bytes, end + 2 * HASH_BYTES, what);
  return { isChecked: true };
}

/** The header is fields of a type, a length and bytes; type 0 ends it. */
function headerEnd(bytes: Buffer, what: string): number {
  let at = SIGNATURE.length + 4;
  while (at + 5 <= bytes.length) {
    const type = bytes.readUInt8(at);
    at += 5 + bytes.readUInt32LE(at + 1);
    if (type === 0 && at + 2 * HASH_BYTES <= bytes.length) return at;
    if (type === 0) break;
  }
  throw damaged(what, "is cut short");
}

/** Blocks of a hash, a length and bytes; one of length 0 ends the file. */
function checkBlocks(bytes: Buffer, start: number, what: string): void {
  let at = start;
  while (at + BLOCK_HEAD_BYTES <= bytes.length) {
    const length = bytes.readUInt32LE(at + HASH_BYTES);
    at += BLOCK_HEAD_BYTES + length;
    if (length === 0 && at <= bytes.length) return;
  }
  throw damaged(what, "is cut short");
}

/** @param problem the end of a sentence: `is cut short` */
export function damaged(what: string, problem: string): CoffreError {
  return new CoffreError("CORRUPT", `The KeePass file ${what} ${problem}`, {
    hint: "Fetch it again, or take an earlier copy of it.",
  });
}
