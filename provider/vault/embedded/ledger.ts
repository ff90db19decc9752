import { createCipheriv, type KeyObject } from "node:crypto";
import { TAG_BYTES } from "./seal.js";

/** What one transaction changed: for its block of the log, and for the census. */
export class Ledger {
  /** Table, id and new revision of each row that was written; revision 0 of one that was removed. */
  readonly writes: [table: string, id: string, revision: number][] = [];
  readonly #tags: Uint8Array[] = [];

  /** Notes a row's change by the tags of its old and new body. */
  note(table: string, id: string, revision: number, tags: { before?: Uint8Array; after?: Uint8Array }): void {
    this.writes.push([table, id, revision]);
    if (tags.before) this.#tags.push(tags.before);
    if (tags.after) this.#tags.push(tags.after);
  }

  /** The census after these changes. */
  count(censusKey: KeyObject, before: Buffer): Buffer {
    return xor(before, takeCensus(censusKey, this.#tags));
  }
}

/** The census of no rows. */
export const EMPTY_CENSUS: Buffer = Buffer.alloc(TAG_BYTES);

/**
 * One short digest of a whole set of rows, whatever their order: each row's tag goes through AES under a key of its
 * own, and all are combined by exclusive or. Adding or removing a row changes it by that row alone. It stands sealed, so
 * that nobody without the key can find another set with the same digest.
 */
export function takeCensus(censusKey: KeyObject, tags: readonly Uint8Array[]): Buffer {
  const cipher = createCipheriv("aes-256-ecb", censusKey, null).setAutoPadding(false);
  const blocks = cipher.update(Buffer.concat(tags));
  const census = Buffer.alloc(TAG_BYTES);
  for (let at = 0; at < blocks.length; at += TAG_BYTES) {
    for (let byte = 0; byte < TAG_BYTES; byte += 1) census[byte] = (census[byte] ?? 0) ^ (blocks[at + byte] ?? 0);
  }
  return census;
}

function xor(left: Buffer, right: Buffer): Buffer {
  return Buffer.from(left.map((byte, index) => byte ^ (right[index] ?? 0)));
}
