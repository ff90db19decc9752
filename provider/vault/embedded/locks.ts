import { checkFormat } from "./format.js";
import { selectMeta } from "./meta.js";
import { checkSchema } from "./schema.js";
import { slotKindOf, type SlotLock } from "./slots.js";
import { type Connection, numberOf, textOf } from "./sqlite.js";

/** All that is read before a key is known, from one snapshot. */
export function readLocks(
  path: string,
  connection: Connection,
): { vaultId: string; keyNumber: number; slots: SlotLock[] } {
  const { db } = connection;
  db.exec("BEGIN");
  try {
    const version = connection.prepare("PRAGMA user_version").get();
    const format = version ? numberOf(version, "user_version") : 0;
    checkFormat(path, format);
    checkSchema(db, format);
    const meta = selectMeta(connection);
    checkFormat(path, numberOf(meta, "format"));
    const rows = connection.prepare("SELECT id, kind, kdf, salt, wrapped, checksum FROM slot ORDER BY rowid").all();
    const slots = rows.map((row): SlotLock => {
      const kind = slotKindOf(textOf(row, "id"), textOf(row, "kind"));
      const [id, kdf, salt, wrapped, checksum] = [
        textOf(row, "id"),
        textOf(row, "kdf"),
        textOf(row, "salt"),
        textOf(row, "wrapped"),
        textOf(row, "checksum"),
      ];
      return { id, kind, kdf, salt, wrapped, checksum };
    });
    return { vaultId: textOf(meta, "vault_id"), keyNumber: numberOf(meta, "key_number"), slots };
  } finally {
    db.exec("ROLLBACK");
  }
}
