import { createHmac, createSecretKey, hkdfSync, type KeyObject } from "node:crypto";
import type { KeyedPurpose } from "../records/rows.js";
import { encodeParts, SEALING } from "./format.js";

/** Length of the data key and of every key that is derived from it. */
export const KEY_BYTES = 32;

/** Base64url characters of a blind index: 132 of the HMAC's 256 bits. */
const INDEX_LENGTH = 22;
const KEYED_HEX_DIGITS = 32;
/** Derived keys of one table that are kept in memory; above that it starts afresh. */
const MOST_KEPT = 20_000;

/** Names what keys are for: one purpose, one key. */
type Purpose = `seal ${string}` | `index ${string}` | `mac ${string}` | "census";

/** Names what must be recognised for ever: digests in rows and states, and the log's chain with the heads that were noted. */
type LastingPurpose = `keyed ${KeyedPurpose}` | "chain";

/**
 * All keys of one vault, derived from its data key by HKDF-SHA-256: a key for each purpose, and below it one for each
 * record. None is stored. What outlives a new data key comes from the lasting key instead, which `meta` keeps sealed.
 */
export class VaultKeys {
  /** What every sealed text and every derivation is bound to. */
  readonly vaultId: string;
  readonly keyNumber: number;
  #dataKey: Buffer;
  readonly #purposes = new Map<Purpose, KeyObject>();
  #lastingKey: Buffer | undefined;
  readonly #lastingPurposes = new Map<LastingPurpose, KeyObject>();
  readonly #records = new Map<string, Map<string, KeyObject>>();
  readonly #bound = new Map<string, string>();
  #lastStack: { text: string; digest: string } | undefined;

  /** Keeps `dataKey` and wipes it in {@link wipe}. */
  constructor(dataKey: Buffer, vaultId: string, keyNumber: number) {
    this.#dataKey = dataKey;
    this.vaultId = vaultId;
    this.keyNumber = keyNumber;
  }

  /** The key of one record for one purpose. */
  recordKey(table: string, id: string): KeyObject {
    return this.#kept(table).get(id) ?? this.#deriveRecordKey(table, id);
  }

  /** The same, and kept: what was read once is mostly read again, what is written mostly isn't. */
  keepRecordKey(table: string, id: string): KeyObject {
    const records = this.#kept(table);
    let key = records.get(id);
    if (!key) {
      key = this.#deriveRecordKey(table, id);
      if (records.size >= MOST_KEPT) records.clear();
      records.set(id, key);
    }
    return key;
  }

  #kept(table: string): Map<string, KeyObject> {
    let records = this.#records.get(table);
    if (!records) this.#records.set(table, (records = new Map<string, KeyObject>()));
    return records;
  }

  #deriveRecordKey(table: string, id: string): KeyObject {
    const bytes = expand(this.purposeKey(`seal ${table}`), id);
    const key = createSecretKey(bytes);
    bytes.fill(0);
    return key;
  }

  /** The beginning of what every row of a table is bound to. */
  boundTo(table: string): string {
    let bound = this.#bound.get(table);
    if (bound === undefined) {
      bound = encodeParts(["coffre", SEALING, this.vaultId, this.keyNumber, table]);
      this.#bound.set(table, bound);
    }
    return bound;
  }

  /** Where a name stands, for lookups: equal names below one parent, equal indexes, and nothing to read from it. */
  index(kind: string, ...parts: (string | null)[]): string {
    return createHmac("sha256", this.purposeKey(`index ${kind}`))
      .update(encodeParts(parts))
      .digest("base64url")
      .slice(0, INDEX_LENGTH);
  }

  /** The same as a function of its own. */
  readonly indexOf = (kind: string, ...parts: (string | null)[]): string => this.index(kind, ...parts);

  /** Authenticates a row that has nothing to seal. */
  mac(kind: string, ...parts: (string | number | null)[]): Buffer {
    return createHmac("sha256", this.purposeKey(`mac ${kind}`))
      .update(encodeParts(parts))
      .digest();
  }

  keyed(purpose: KeyedPurpose, text: string): string {
    if (purpose !== "stack") return this.#keyed(purpose, text);
    // One program's entries all have the same stack.
    if (this.#lastStack?.text !== text) this.#lastStack = { text, digest: this.#keyed(purpose, text) };
    return this.#lastStack.digest;
  }

  #keyed(purpose: KeyedPurpose, text: string): string {
    return createHmac("sha256", this.lastingPurposeKey(`keyed ${purpose}`))
      .update(text)
      .digest("hex")
      .slice(0, KEYED_HEX_DIGITS);
  }

  purposeKey(purpose: Purpose): KeyObject {
    let key = this.#purposes.get(purpose);
    if (!key) {
      const info = encodeParts(["coffre", SEALING, this.vaultId, this.keyNumber, purpose]);
      key = createSecretKey(Buffer.from(hkdfSync("sha256", this.#dataKey, "", info, KEY_BYTES)));
      this.#purposes.set(purpose, key);
    }
    return key;
  }

  /** Takes the key that stands in `meta`; nothing lasting can be asked for before. */
  learnLastingKey(lastingKey: Buffer): void {
    if (this.#lastingKey?.equals(lastingKey)) return;
    this.#lastingKey = lastingKey;
    this.#lastingPurposes.clear();
    this.#lastStack = undefined;
  }

  lastingPurposeKey(purpose: LastingPurpose): KeyObject {
    let key = this.#lastingPurposes.get(purpose);
    if (!key) {
      if (!this.#lastingKey) throw new Error("the vault's row of keys was not read yet");
      const info = encodeParts(["coffre lasting key", purpose]);
      key = createSecretKey(Buffer.from(hkdfSync("sha256", this.#lastingKey, "", info, KEY_BYTES)));
      this.#lastingPurposes.set(purpose, key);
    }
    return key;
  }

  /** A copy of the data key, for a new slot. The caller wipes it. */
  copyDataKey(): Buffer {
    return Buffer.from(this.#dataKey);
  }

  /** Overwrites the data key and forgets the others, which are the runtime's to overwrite. */
  wipe(): void {
    this.#dataKey.fill(0);
    this.#lastingKey?.fill(0);
    this.#purposes.clear();
    this.#lastingPurposes.clear();
    this.#records.clear();
    this.#lastStack = undefined;
  }
}

/**
 * HKDF-Expand (RFC 5869, 2.3) to one block: the purpose's key is uniformly random already, so nothing is extracted.
 * One HMAC instead of three: it runs for each record.
 */
export function expand(purposeKey: KeyObject, info: string): Buffer {
  return createHmac("sha256", purposeKey).update(info).update(ONE).digest();
}

const ONE = Buffer.of(1);
