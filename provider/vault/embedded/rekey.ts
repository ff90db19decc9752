import { randomBytes } from "node:crypto";
import type { CredentialRow } from "../records/rows.js";
import { corrupt } from "./format.js";
import { KEY_BYTES, VaultKeys } from "./keys.js";
import { takeCensus } from "./ledger.js";
import { type Meta, writeMeta } from "./meta.js";
import { rewrap, slotKindOf } from "./slots.js";
import { SlotText } from "./slot-rows.js";
import { bytesOf, numberOf, textOf } from "./sqlite.js";
import { Store } from "./store.js";
import { ALL_TABLES, LINK_TABLES, tablesOf } from "./tables.js";
import { linksOf } from "./transaction.js";

/** What of `meta` becomes another one with the new key. */
export type MetaChange = Partial<Pick<Meta, "restoreCounter" | "signingKey">>;

/**
 * Seals the whole vault under a new data key and the next key number, in the write transaction that runs on the store:
 * every row, every block of the log, every slot for its own key. Nothing else changes: no id, no revision, no digest, no
 * MAC of the log. @returns the store under the new key; the old one is of no use once the transaction is durable
 * @throws CoffreError CORRUPT for a row that doesn't open
 */
export function resealAll(store: Store, path: string, change: MetaChange = {}): Store {
  const { connection, meta } = store;
  refuseUnknownTables(store);
  if (!store.isCensusRight()) throw corrupt("meta", "vault", "the rows aren't those that were written last");
  const dataKey = randomBytes(KEY_BYTES);
  const home = { vaultId: meta.vaultId, keyNumber: meta.keyNumber + 1 };
  const keys = new VaultKeys(Buffer.from(dataKey), home.vaultId, home.keyNumber);
  keys.learnLastingKey(Buffer.from(meta.lastingKey));
  const next = new Store(path, connection, keys);
  for (const definition of tablesOf(meta.format)) {
    const [from, to] = [store.table(definition.name), next.table(definition.name)];
    for (const id of from.ids()) {
      const { revision, text } = from.revisionOf(id);
      const row: unknown = JSON.parse(text);
      to.place(id, definition.columnsOf(keys.indexOf, id, row), revision, text);
    }
  }
  resealSlots(store, next, dataKey);
  dataKey.fill(0);
  resealLog(store, next);
  relink(next);
  const census = takeCensus(
    keys.purposeKey("census"),
    next.sealedTables.flatMap((table) => table.tags()),
  );
  writeMeta(connection, keys, { ...meta, ...change, keyNumber: home.keyNumber, census, revision: meta.revision + 1 });
  return next;
}

function resealSlots(store: Store, next: Store, dataKey: Uint8Array): void {
  const { vaultId, keyNumber } = next.keys;
  for (const row of store.connection.prepare("SELECT id, kind, kdf, salt FROM slot ORDER BY rowid").all()) {
    const id = textOf(row, "id");
    const kind = slotKindOf(id, textOf(row, "kind"));
    const { revision, text } = store.slots.revisionOf(id);
    const { publicKey } = SlotText.parse(JSON.parse(text));
    const slot = { id, kind, kdf: textOf(row, "kdf"), salt: textOf(row, "salt") };
    const { wrapped, checksum } = rewrap({ vaultId, keyNumber }, dataKey, slot, publicKey);
    next.slots.place(id, [slot.kind, slot.kdf, slot.salt, wrapped, checksum], revision, text);
  }
}

/** The MACs stay as they are: they are made under the lasting key, over the texts. */
function resealLog(store: Store, next: Store): void {
  const { connection } = store;
  const select = connection.prepare("SELECT number, last_seq, mac, body FROM log WHERE number = ?");
  const update = connection.prepare("UPDATE log SET body = ? WHERE number = ?");
  const { head } = store.meta;
  let before: Uint8Array = new Uint8Array(head.mac.length);
  for (let number = 1; number <= head.block; number += 1) {
    const row = select.get(number);
    if (!row) throw corrupt("log", String(number), "it is missing");
    const [text, seq] = [store.log.openText(row), numberOf(row, "last_seq")];
    if (!store.log.expectedMac(number, seq, before, text).equals(bytesOf(row, "mac")))
      throw corrupt("log", String(number), "it doesn't follow the one before it");
    before = bytesOf(row, "mac");
    update.run(next.log.sealText(number, seq, text), number);
  }
}

/** Makes the tables of pairs anew from the credentials. */
export function relink(store: Store): void {
  for (const { name } of LINK_TABLES) store.connection.db.exec(`DELETE FROM ${name}`);
  const index = store.keys.indexOf;
  for (const { id, text } of store.credentials.stream()) {
    // What this vault sealed itself, it reads without asking again; a backup's rows were parsed when they were placed.
    const { targets, archived } = JSON.parse(text) as CredentialRow;
    if (archived || targets.length === 0) continue;
    const links = linksOf(targets, (account) => index("account", account));
    store.claims.replace(id, links.accounts);
    store.admins.replace(id, links.admins);
  }
}

/** A table that a later release added would be left under the old key, or out of a backup. */
export function refuseUnknownTables({ connection }: Store): void {
  const rows = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  const unknown = rows.map((row) => textOf(row, "name")).find((name) => !ALL_TABLES.includes(name));
  if (unknown !== undefined) throw new Error(`the table ${unknown} stands in no list of tables.ts`);
}
