import { corrupt } from "./format.js";
import type { VaultKeys } from "./keys.js";
import { bytesOf, type Connection, type SqlRow, textOf } from "./sqlite.js";

/**
 * Pairs of a key and a credential, each under a MAC: who has claimed an account, who is whose admin. They only repeat
 * what sealed rows say, so that it is found without opening all of them; `check` compares.
 */
export class LinkTable {
  readonly name: string;
  readonly #column: string;
  readonly #connection: Connection;
  readonly #keys: VaultKeys;

  constructor(connection: Connection, keys: VaultKeys, name: string, column: string) {
    this.#connection = connection;
    this.#keys = keys;
    this.name = name;
    this.#column = column;
  }

  /** Ids of the credentials under a key, in the order of ids. @throws CoffreError CORRUPT */
  credentialsOf(key: string): string[] {
    const select = `SELECT ${this.#column}, credential_id, mac FROM ${this.name} WHERE ${this.#column} = ?`;
    return this.#connection
      .prepare(select)
      .all(key)
      .map((row) => this.#checked(row).credentialId);
  }

  keysOf(credentialId: string): string[] {
    const select = `SELECT ${this.#column} FROM ${this.name} WHERE credential_id = ?`;
    return this.#connection
      .prepare(select)
      .all(credentialId)
      .map((row) => textOf(row, this.#column));
  }

  /** Every pair. @throws CoffreError CORRUPT for the first that was altered */
  *all(): Iterable<{ key: string; credentialId: string }> {
    const select = `SELECT ${this.#column}, credential_id, mac FROM ${this.name}`;
    for (const row of this.#connection.prepare(select).all()) yield this.#checked(row);
  }

  /** Makes `keys` the ones of this credential. */
  replace(credentialId: string, keys: readonly string[]): void {
    const before = this.keysOf(credentialId);
    const remove = `DELETE FROM ${this.name} WHERE ${this.#column} = ? AND credential_id = ?`;
    for (const key of before) if (!keys.includes(key)) this.#connection.prepare(remove).run(key, credentialId);
    const insert = `INSERT INTO ${this.name} (${this.#column}, credential_id, mac) VALUES (?, ?, ?)`;
    for (const key of new Set(keys)) {
      if (before.includes(key)) continue;
      this.#connection.prepare(insert).run(key, credentialId, this.#keys.mac(this.name, key, credentialId));
    }
  }

  #checked(row: SqlRow): { key: string; credentialId: string } {
    const key = textOf(row, this.#column);
    const credentialId = textOf(row, "credential_id");
    if (this.#keys.mac(this.name, key, credentialId).equals(bytesOf(row, "mac"))) return { key, credentialId };
    throw corrupt(this.name, credentialId, "it was altered, or moved from another place");
  }
}
