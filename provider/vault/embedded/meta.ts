import * as z from "zod";
import { randomBytes } from "node:crypto";
import { corrupt } from "./format.js";
import { KEY_BYTES, type VaultKeys } from "./keys.js";
import type { Head } from "./log.js";
import { openRow, sealRow } from "./seal.js";
import { bytesOf, type Connection, numberOf, type SqlRow, textOf } from "./sqlite.js";

/** What the vault says of itself: one sealed row, written anew by each transaction. */
export interface Meta {
  format: number;
  vaultId: string;
  keyNumber: number;
  restoreCounter: number;
  head: Head;
  revision: number;
  name: string;
  /** ISO 8601, UTC. */
  createdAt: string;
  /** See `takeCensus`. */
  census: Buffer;
  /** See `VaultKeys.learnLastingKey`: the same for the vault's whole life, restores included. */
  lastingKey: Buffer;
  /** Seed of the key that signs backups. It stands in no backup: who reads one can't write another. */
  signingKey: Buffer;
}

/** Keys of a new vault that its row keeps. */
export function newMetaKeys(): Pick<Meta, "lastingKey" | "signingKey"> {
  return { lastingKey: randomBytes(KEY_BYTES), signingKey: randomBytes(KEY_BYTES) };
}

const META_ID = "vault";
const COLUMNS = "format, vault_id, key_number, restore_counter, head_block, head_seq, head_mac";

const MetaText = z.object({
  name: z.string(),
  createdAt: z.string(),
  census: z.string(),
  lastingKey: z.string(),
  signingKey: z.string(),
});

/** The row as it lies in the file: what is needed to find the key is in clear. @throws CoffreError CORRUPT */
export function selectMeta(connection: Connection): SqlRow {
  const row = connection.prepare(`SELECT id, ${COLUMNS}, revision, body FROM meta WHERE id = ?`).get(META_ID);
  if (!row) throw corrupt("meta", META_ID, "it is missing");
  return row;
}

/** @throws CoffreError CORRUPT if any of it was altered */
export function openMeta(keys: VaultKeys, row: SqlRow): Meta {
  const head = {
    block: numberOf(row, "head_block"),
    seq: numberOf(row, "head_seq"),
    mac: Buffer.from(bytesOf(row, "head_mac")),
  };
  const clear = {
    format: numberOf(row, "format"),
    vaultId: textOf(row, "vault_id"),
    keyNumber: numberOf(row, "key_number"),
    restoreCounter: numberOf(row, "restore_counter"),
    head,
    revision: numberOf(row, "revision"),
  };
  const text = MetaText.parse(JSON.parse(openRow(keys, placeOf(clear), bytesOf(row, "body"))));
  return {
    ...clear,
    name: text.name,
    createdAt: text.createdAt,
    census: Buffer.from(text.census, "hex"),
    lastingKey: Buffer.from(text.lastingKey, "hex"),
    signingKey: Buffer.from(text.signingKey, "hex"),
  };
}

export function writeMeta(connection: Connection, keys: VaultKeys, meta: Meta): void {
  const { name, createdAt, census, lastingKey, signingKey } = meta;
  const hex = { census: census.toString("hex"), lastingKey: lastingKey.toString("hex") };
  const text = JSON.stringify({ name, createdAt, ...hex, signingKey: signingKey.toString("hex") });
  const body = sealRow(keys, placeOf(meta), text);
  const { format, vaultId, keyNumber, restoreCounter, head, revision } = meta;
  connection
    .prepare(`INSERT OR REPLACE INTO meta (id, ${COLUMNS}, revision, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
    .run(META_ID, format, vaultId, keyNumber, restoreCounter, head.block, head.seq, head.mac, revision, body);
}

function placeOf(meta: Omit<Meta, "name" | "createdAt" | "census" | "lastingKey" | "signingKey">) {
  const { format, vaultId, keyNumber, restoreCounter, head, revision } = meta;
  const columns = [format, vaultId, keyNumber, restoreCounter, head.block, head.seq, head.mac.toString("hex")];
  return { table: "meta", id: META_ID, revision, columns };
}
