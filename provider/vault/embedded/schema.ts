import type { DatabaseSync } from "node:sqlite";
import { corrupt, FIRST_FORMAT } from "./format.js";

const oneLine = (statement: string): string => statement.replace(/\s+/g, " ");

/**
 * The tables of format 1. What a person could read is sealed in `body`; the other columns are random ids, keyed digests
 * and counters, each authenticated by the body's tag or by a MAC. `docs/vault-format.md` describes them.
 */
const FIRST_SCHEMA = [
  `CREATE TABLE meta (
    id TEXT PRIMARY KEY, format INTEGER NOT NULL, vault_id TEXT NOT NULL, key_number INTEGER NOT NULL,
    restore_counter INTEGER NOT NULL, head_block INTEGER NOT NULL, head_seq INTEGER NOT NULL, head_mac BLOB NOT NULL,
    revision INTEGER NOT NULL, body BLOB NOT NULL
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE slot (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, kdf TEXT NOT NULL, salt TEXT NOT NULL, wrapped TEXT NOT NULL,
    checksum TEXT NOT NULL, revision INTEGER NOT NULL, body BLOB NOT NULL
  ) STRICT`,
  `CREATE TABLE category (
    id TEXT PRIMARY KEY, parent_id TEXT NOT NULL, name_index TEXT NOT NULL, mark TEXT,
    revision INTEGER NOT NULL, body BLOB NOT NULL
  ) STRICT`,
  `CREATE UNIQUE INDEX category_by_name ON category (parent_id, name_index)`,
  `CREATE INDEX category_by_mark ON category (mark) WHERE mark IS NOT NULL`,
  `CREATE TABLE credential (
    id TEXT PRIMARY KEY, category_id TEXT NOT NULL, name_index TEXT, mark TEXT, stack TEXT, archived INTEGER NOT NULL,
    revision INTEGER NOT NULL, body BLOB NOT NULL
  ) STRICT`,
  `CREATE UNIQUE INDEX credential_by_name ON credential (category_id, name_index) WHERE name_index IS NOT NULL`,
  `CREATE INDEX credential_by_mark ON credential (mark) WHERE mark IS NOT NULL`,
  `CREATE INDEX credential_by_stack ON credential (stack) WHERE stack IS NOT NULL`,
  `CREATE TABLE value (
    id TEXT PRIMARY KEY, credential_id TEXT NOT NULL, field TEXT NOT NULL, version INTEGER NOT NULL,
    revision INTEGER NOT NULL, body BLOB NOT NULL
  ) STRICT`,
  `CREATE TABLE booking (
    id TEXT PRIMARY KEY, account TEXT NOT NULL, host TEXT NOT NULL, revision INTEGER NOT NULL, body BLOB NOT NULL
  ) STRICT`,
  `CREATE INDEX booking_by_account ON booking (account)`,
  `CREATE INDEX booking_by_host ON booking (host)`,
  `CREATE TABLE claim (account TEXT PRIMARY KEY, credential_id TEXT NOT NULL, mac BLOB NOT NULL) STRICT, WITHOUT ROWID`,
  `CREATE INDEX claim_by_credential ON claim (credential_id)`,
  `CREATE TABLE admin (
    admin_id TEXT NOT NULL, credential_id TEXT NOT NULL, mac BLOB NOT NULL, PRIMARY KEY (admin_id, credential_id)
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX admin_by_credential ON admin (credential_id)`,
  `CREATE TABLE principal (
    id TEXT PRIMARY KEY, name_index TEXT NOT NULL, mark TEXT, revision INTEGER NOT NULL, body BLOB NOT NULL
  ) STRICT`,
  `CREATE UNIQUE INDEX principal_by_name ON principal (name_index)`,
  `CREATE INDEX principal_by_mark ON principal (mark) WHERE mark IS NOT NULL`,
  `CREATE TABLE membership (
    id TEXT PRIMARY KEY, group_id TEXT NOT NULL, member_id TEXT NOT NULL, mark TEXT,
    revision INTEGER NOT NULL, body BLOB NOT NULL
  ) STRICT`,
  `CREATE UNIQUE INDEX membership_by_pair ON membership (group_id, member_id)`,
  `CREATE INDEX membership_by_member ON membership (member_id)`,
  `CREATE INDEX membership_by_mark ON membership (mark) WHERE mark IS NOT NULL`,
  `CREATE TABLE access_grant (
    id TEXT PRIMARY KEY, category_id TEXT NOT NULL, principal_id TEXT NOT NULL, mark TEXT,
    revision INTEGER NOT NULL, body BLOB NOT NULL
  ) STRICT`,
  `CREATE UNIQUE INDEX access_grant_by_pair ON access_grant (category_id, principal_id)`,
  `CREATE INDEX access_grant_by_principal ON access_grant (principal_id)`,
  `CREATE INDEX access_grant_by_mark ON access_grant (mark) WHERE mark IS NOT NULL`,
  `CREATE TABLE log (
    number INTEGER PRIMARY KEY, last_seq INTEGER NOT NULL, mac BLOB NOT NULL, body BLOB NOT NULL
  ) STRICT`,
  `CREATE INDEX log_by_seq ON log (last_seq)`,
].map(oneLine);

/** What format 2 adds: drop-boxes, what was deposited, what sealed files are, and mail that waits. */
const SECOND_SCHEMA = [
  `CREATE TABLE drop_box (
    id TEXT PRIMARY KEY, category_id TEXT NOT NULL, name_index TEXT, mark TEXT,
    revision INTEGER NOT NULL, body BLOB NOT NULL
  ) STRICT`,
  `CREATE UNIQUE INDEX drop_box_by_name ON drop_box (category_id, name_index) WHERE name_index IS NOT NULL`,
  `CREATE INDEX drop_box_by_mark ON drop_box (mark) WHERE mark IS NOT NULL`,
  `CREATE TABLE deposit (
    id TEXT PRIMARY KEY, box_id TEXT NOT NULL, revision INTEGER NOT NULL, body BLOB NOT NULL
  ) STRICT`,
  `CREATE INDEX deposit_by_box ON deposit (box_id)`,
  `CREATE TABLE stored_file (
    id TEXT PRIMARY KEY, holder_id TEXT NOT NULL, revision INTEGER NOT NULL, body BLOB NOT NULL
  ) STRICT`,
  `CREATE INDEX stored_file_by_holder ON stored_file (holder_id)`,
  `CREATE TABLE mail (
    id TEXT PRIMARY KEY, waiting INTEGER NOT NULL, revision INTEGER NOT NULL, body BLOB NOT NULL
  ) STRICT`,
  `CREATE INDEX mail_by_waiting ON mail (waiting) WHERE waiting = 1`,
].map(oneLine);

export function createSchema(db: DatabaseSync): void {
  for (const statement of FIRST_SCHEMA) db.exec(statement);
  addSecondTables(db);
}

/** What a file of format 1 lacks of format 2. */
export function addSecondTables(db: DatabaseSync): void {
  for (const statement of SECOND_SCHEMA) db.exec(statement);
}

/** A trigger or a view that somebody added would run inside our transactions. @throws CoffreError CORRUPT */
export function checkSchema(db: DatabaseSync, format: number): void {
  const expected = format === FIRST_FORMAT ? FIRST_SCHEMA : [...FIRST_SCHEMA, ...SECOND_SCHEMA];
  const found = db.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid").all();
  const same = found.length === expected.length && found.every(({ sql }, index) => sql === expected[index]);
  if (!same) throw corrupt("sqlite_schema", "tables", "they aren't those of a vault");
}
