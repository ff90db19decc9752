import { createHmac } from "node:crypto";
import * as z from "zod";
import type { VaultEvent } from "../port.js";
import { corrupt, encodeParts } from "./format.js";
import type { VaultKeys } from "./keys.js";
import { openRow, type Place, sealRow } from "./seal.js";
import { bytesOf, type Connection, numberOf, type SqlRow } from "./sqlite.js";

/** The end of the event log: what `meta` keeps, so that a tail that was cut off is missed. */
export interface Head {
  /** Number of the newest block. 0: none. */
  block: number;
  /** Number of the newest event. */
  seq: number;
  /** MAC of the newest block. */
  mac: Buffer;
}

/**
 * What one transaction wrote: its events, and which rows it left at which revision. One row, one seal and one link of
 * the chain for a batch of any size. A block may have no event: a lease that was given back, a login that succeeded.
 */
export interface Block {
  events: VaultEvent[];
  writes: [table: string, id: string, revision: number][];
}

const BlockText = z.object({
  events: z.array(
    z.object({
      seq: z.int(),
      at: z.string(),
      actor: z.string(),
      action: z.string(),
      ids: z.array(z.string()),
      version: z.int().exactOptional(),
      detail: z.string().exactOptional(),
    }),
  ),
  writes: z.array(z.tuple([z.string(), z.string(), z.int()])),
});

const MAC_BYTES = 32;

/** How many hex digits of a block's MAC a head proof shows. */
const PROOF_DIGITS = 32;

export const EMPTY_HEAD: Head = { block: 0, seq: 0, mac: Buffer.alloc(MAC_BYTES) };

const SELECT = "SELECT number, last_seq, mac, body FROM log";

/** The event log: blocks numbered without a gap, each with a MAC over itself and the MAC before it. */
export class Log {
  readonly #connection: Connection;
  readonly #keys: VaultKeys;

  constructor(connection: Connection, keys: VaultKeys) {
    this.#connection = connection;
    this.#keys = keys;
  }

  /** Writes the next block. @returns the new head */
  append(head: Head, block: Block): Head {
    const number = head.block + 1;
    const seq = head.seq + block.events.length;
    const text = JSON.stringify(block);
    const body = this.sealText(number, seq, text);
    const mac = this.#mac(number, seq, head.mac, text);
    this.#connection
      .prepare("INSERT INTO log (number, last_seq, mac, body) VALUES (?, ?, ?, ?)")
      .run(number, seq, mac, body);
    return { block: number, seq, mac };
  }

  /**
   * Events numbered above `after`, whole blocks of them, about so many.
   * @throws CoffreError CORRUPT if a block is missing or altered
   */
  events(head: Head, after: number, about: number): VaultEvent[] {
    const found: VaultEvent[] = [];
    let seq = after;
    for (const row of this.#connection.prepare(`${SELECT} WHERE last_seq > ? ORDER BY number`).iterate(after)) {
      const { events } = this.open(row);
      const first = events[0];
      // Blocks end at the events that they name (the seal says so), so a gap shows between two of them.
      if (first && first.seq > seq + 1)
        throw corrupt("log", String(numberOf(row, "number")), "the block before it is missing");
      found.push(...events.filter((event) => event.seq > after));
      seq = numberOf(row, "last_seq");
      if (found.length >= about) return found;
    }
    if (seq < head.seq) throw corrupt("log", String(head.block), "the end of the event log is missing");
    return found;
  }

  /**
   * True if the log once ended with this proof, or one that begins like it. The block's MAC is computed afresh, so that
   * one which was only written into its place proves nothing.
   */
  had(proof: string): boolean {
    const [, seq] = /^(\d{1,15}):[0-9a-f]{16,32}$/.exec(proof) ?? [];
    if (seq === undefined) return false;
    const found = this.#connection.prepare(`${SELECT} WHERE last_seq = ?`).all(Number(seq));
    return found.some((row) => {
      const mac = bytesOf(row, "mac");
      if (!proofOf(Number(seq), mac).startsWith(proof)) return false;
      const expected = this.expectedMac(numberOf(row, "number"), Number(seq), this.#macBefore(row), this.openText(row));
      return expected.equals(mac);
    });
  }

  #macBefore(row: SqlRow): Uint8Array {
    const before = this.#connection.prepare("SELECT mac FROM log WHERE number = ?").get(numberOf(row, "number") - 1);
    return before ? bytesOf(before, "mac") : EMPTY_HEAD.mac;
  }

  /** All blocks, oldest first, as they lie in the file. */
  rows(): Iterable<SqlRow> {
    return this.#connection.prepare(`${SELECT} ORDER BY number`).iterate();
  }

  /** @throws CoffreError CORRUPT */
  open(row: SqlRow): Block {
    return parseBlock(this.openText(row));
  }

  /** The block as it was written. @throws CoffreError CORRUPT */
  openText(row: SqlRow): string {
    return openRow(this.#keys, placeOf(row), bytesOf(row, "body"));
  }

  /** The body of a block, sealed anew under these keys. */
  sealText(number: number, seq: number, text: string): Buffer {
    return sealRow(this.#keys, { table: "log", id: String(number), revision: 1, columns: [seq] }, text);
  }

  /** The MAC that a block with this text must have after one with the MAC `before`. */
  expectedMac(number: number, seq: number, before: Uint8Array, text: string): Buffer {
    return this.#mac(number, seq, before, text);
  }

  /** Over the text, not its seal: a new data key changes every seal, and no MAC that somebody noted. */
  #mac(number: number, seq: number, before: Uint8Array, text: string): Buffer {
    return createHmac("sha256", this.#keys.lastingPurposeKey("chain"))
      .update(encodeParts([number, seq]))
      .update(before)
      .update(text)
      .digest();
  }
}

/** @throws SyntaxError, ZodError for a text that is no block */
export function parseBlock(text: string): Block {
  return BlockText.parse(JSON.parse(text));
}

function placeOf(row: SqlRow): Place {
  const columns = [numberOf(row, "last_seq")];
  return { table: "log", id: String(numberOf(row, "number")), revision: 1, columns };
}

/** What a person notes down, to prove later that everything up to here is still in the log: `<seq>:<32 hex digits>`. */
export function proofOf(seq: number, mac: Uint8Array): string {
  return `${seq}:${Buffer.from(mac).toString("hex").slice(0, PROOF_DIGITS)}`;
}
