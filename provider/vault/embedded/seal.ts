import { createCipheriv, createDecipheriv, type KeyObject, randomFillSync } from "node:crypto";
import { giveBack } from "../../core/give-back.js";
import { corrupt, encodeParts } from "./format.js";
import type { VaultKeys } from "./keys.js";

export const NONCE_BYTES = 12;
export const TAG_BYTES = 16;

/** A row's place: whatever of it changes, the sealed text no longer opens. */
export interface Place {
  table: string;
  id: string;
  /** Rises with each write of the row. */
  revision: number;
  /** The row's other columns, in the table's order. */
  columns: readonly (string | number | null)[];
}

/** Seals a row's text by AES-256-GCM under the record's own key, bound to its place: nonce, ciphertext, tag. */
export function sealRow(keys: VaultKeys, place: Place, text: string): Buffer {
  return seal(keys.recordKey(place.table, place.id), associatedData(keys, place), Buffer.from(text, "utf8"));
}

/** @throws CoffreError CORRUPT that names table and record */
export function openRow(keys: VaultKeys, place: Place, sealed: Uint8Array): string {
  const opened = open(keys.keepRecordKey(place.table, place.id), associatedData(keys, place), sealed);
  if (!opened) throw corrupt(place.table, place.id, "it was altered, or moved from another place");
  const text = opened.toString("utf8");
  opened.fill(0);
  return text;
}

/** The tag at a sealed row's end, by which the census knows the row. */
export function tagOf(sealed: Uint8Array): Uint8Array {
  return new Uint8Array(sealed.subarray(-TAG_BYTES)); // a copy: it is kept, the row is not
}

export function seal(key: KeyObject, data: string, plain: Uint8Array): Buffer {
  return Buffer.concat(sealedParts(key, data, plain));
}

/** The same, written to `into`, which others fill again later: of a large file no chunk keeps memory of its own. */
export function sealInto(into: Uint8Array, key: KeyObject, data: string, plain: Uint8Array): void {
  let at = 0;
  for (const part of sealedParts(key, data, plain)) {
    into.set(part, at);
    at += part.length;
    giveBack(part);
  }
}

/** Nonce, ciphertext and tag. */
function sealedParts(key: KeyObject, data: string, plain: Uint8Array): Buffer[] {
  const nonce = freshNonce();
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  cipher.setAAD(Buffer.from(data, "utf8"));
  const sealed = cipher.update(plain);
  cipher.final(); // a stream mode: nothing is left over
  return [nonce, sealed, cipher.getAuthTag()];
}

/** @returns `undefined` for another key, other associated data, or an altered text */
export function open(key: KeyObject, data: string, sealed: Uint8Array): Buffer | undefined {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(data, "utf8"));
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  const plain = decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES));
  try {
    decipher.final();
  } catch {
    plain.fill(0);
    return undefined;
  }
  return plain;
}

function associatedData(keys: VaultKeys, { table, id, revision, columns }: Place): string {
  return keys.boundTo(table) + encodeParts([id, revision, ...columns]);
}

// Drawn for many seals at once: a draw costs as much as a seal.
const nonces = Buffer.alloc(NONCE_BYTES * 256);
let nonceAt = nonces.length;

function freshNonce(): Buffer {
  if (nonceAt === nonces.length) {
    randomFillSync(nonces);
    nonceAt = 0;
  }
  const nonce = Buffer.from(nonces.subarray(nonceAt, nonceAt + NONCE_BYTES));
  nonceAt += NONCE_BYTES;
  return nonce;
}
