import { CoffreError } from "../../core/errors.js";
import type { VaultEvent } from "../port.js";
import { checkFormat, corrupt, FORMAT } from "./format.js";
import type { VaultKeys } from "./keys.js";
import { Ledger, takeCensus } from "./ledger.js";
import { LinkTable } from "./link-table.js";
import { Log } from "./log.js";
import { type Meta, openMeta, selectMeta, writeMeta } from "./meta.js";
import { SealedTable } from "./sealed-table.js";
import { type Connection, numberOf } from "./sqlite.js";
import { addSecondTables } from "./schema.js";
import {
  ACCESS_GRANT,
  BOOKING,
  CATEGORY,
  CREDENTIAL,
  DEPOSIT,
  DROP_BOX,
  MAIL,
  MEMBERSHIP,
  PRINCIPAL,
  SLOT,
  STORED_FILE,
  VALUE,
} from "./tables.js";

/**
 * An opened vault: its tables behind the vault's keys, and what a transaction has changed so far. One transaction at a
 * time, synchronous, from {@link begin} to {@link finish} or {@link abandon}; the caller holds SQLite's own.
 */
export class Store {
  readonly connection: Connection;
  readonly keys: VaultKeys;
  readonly log: Log;
  readonly categories: SealedTable;
  readonly credentials: SealedTable;
  readonly values: SealedTable;
  readonly bookings: SealedTable;
  readonly slots: SealedTable;
  readonly principals: SealedTable;
  readonly memberships: SealedTable;
  readonly grants: SealedTable;
  readonly dropBoxes: SealedTable;
  readonly deposits: SealedTable;
  readonly files: SealedTable;
  readonly mails: SealedTable;
  /** Blind index of an account, and the live credential that has claimed it. */
  readonly claims: LinkTable;
  /** Id of an admin, and a live credential that it administrates. */
  readonly admins: LinkTable;
  /** What lookups by name have found; forgotten with every change of a name. */
  readonly names = new Map<string, string>();
  #ledger = new Ledger();
  #events: VaultEvent[] = [];
  readonly #path: string;
  #meta: Meta | undefined;
  #dataVersion: number | undefined;
  /** As it was when the vault was opened: what was read before a restore must not decide what is written after it. */
  #restoreCounter: number | undefined;
  #complete = false;

  /** @param path for messages */
  constructor(path: string, connection: Connection, keys: VaultKeys) {
    this.#path = path;
    this.connection = connection;
    this.keys = keys;
    this.log = new Log(connection, keys);
    this.categories = new SealedTable(connection, keys, CATEGORY);
    this.credentials = new SealedTable(connection, keys, CREDENTIAL);
    this.values = new SealedTable(connection, keys, VALUE);
    this.bookings = new SealedTable(connection, keys, BOOKING);
    this.slots = new SealedTable(connection, keys, SLOT);
    this.principals = new SealedTable(connection, keys, PRINCIPAL);
    this.memberships = new SealedTable(connection, keys, MEMBERSHIP);
    this.grants = new SealedTable(connection, keys, ACCESS_GRANT);
    this.dropBoxes = new SealedTable(connection, keys, DROP_BOX);
    this.deposits = new SealedTable(connection, keys, DEPOSIT);
    this.files = new SealedTable(connection, keys, STORED_FILE);
    this.mails = new SealedTable(connection, keys, MAIL);
    this.claims = new LinkTable(connection, keys, "claim", "account");
    this.admins = new LinkTable(connection, keys, "admin", "admin_id");
  }

  /** All tables whose rows the census counts: those that the file has. */
  get sealedTables(): SealedTable[] {
    return this.hasSecondTables ? [...this.#firstTables, ...this.#secondTables] : [...this.#firstTables];
  }

  get #firstTables(): SealedTable[] {
    const { principals, memberships, grants } = this;
    return [this.categories, this.credentials, this.values, this.bookings, this.slots, principals, memberships, grants];
  }

  get #secondTables(): SealedTable[] {
    return [this.dropBoxes, this.deposits, this.files, this.mails];
  }

  /** Whether the file has the tables of format 2. Asked of the file itself: a transaction may just have added them. */
  get hasSecondTables(): boolean {
    const select = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'drop_box'";
    return this.connection.prepare(select).get() !== undefined;
  }

  /**
   * Gives a file of format 1 what format 2 adds, in the write transaction that needs it: releases before this one refuse
   * the file from then on. Nothing that is there is touched. Does nothing for a file of this format.
   */
  upgrade(by: { at: string; actor: string }): void {
    if (this.hasSecondTables) return;
    const { db } = this.connection;
    addSecondTables(db);
    db.exec(`PRAGMA user_version = ${FORMAT}`);
    this.#meta = { ...this.meta, format: FORMAT };
    this.addEvent({ ...by, action: "vault.upgraded", ids: [], detail: `format ${FORMAT}` });
  }

  /** The sealed table of this name, whether the file has it or not. */
  table(name: string): SealedTable {
    const table = [...this.#firstTables, ...this.#secondTables].find((each) => each.name === name);
    if (!table) throw new Error(`there is no sealed table ${name}`);
    return table;
  }

  get ledger(): Ledger {
    return this.#ledger;
  }

  /** As it was when the transaction began. */
  get meta(): Meta {
    if (!this.#meta) throw new Error("a store is used inside a transaction only");
    return this.#meta;
  }

  /**
   * Looks at what other processes did since the last transaction.
   * @returns true if the state isn't the one that this process read or wrote last
   * @throws CoffreError ROLLED_BACK, WRONG_VAULT, NEWER_FORMAT, CORRUPT
   */
  begin(): boolean {
    const row = this.connection.prepare("PRAGMA data_version").get();
    const dataVersion = row && numberOf(row, "data_version");
    if (this.#meta && dataVersion === this.#dataVersion) return false;
    this.forget();
    const meta = this.#readMeta();
    this.#restoreCounter ??= meta.restoreCounter;
    if (meta.restoreCounter !== this.#restoreCounter) throw this.#restored();
    this.#meta = meta;
    this.#dataVersion = dataVersion;
    return true;
  }

  #readMeta(): Meta {
    const row = selectMeta(this.connection);
    checkFormat(this.#path, numberOf(row, "format"));
    if (row.vault_id !== this.keys.vaultId) {
      throw new CoffreError("WRONG_VAULT", `Another vault stands at ${this.#path} by now`, { hint: "Run it again." });
    }
    if (row.key_number !== this.keys.keyNumber) throw this.#restored();
    const meta = openMeta(this.keys, row);
    this.keys.learnLastingKey(meta.lastingKey);
    return meta;
  }

  #restored(): CoffreError {
    return new CoffreError("ROLLED_BACK", `The vault ${this.#path} was restored or re-keyed by another process`, {
      hint: "Run it again: nothing was changed.",
    });
  }

  addEvent(event: Omit<VaultEvent, "seq">): void {
    this.#events.push({ seq: this.meta.head.seq + this.#events.length + 1, ...event });
  }

  /** Writes the block of the log and the new head. @returns false if the transaction changed nothing */
  finish(change: Partial<Pick<Meta, "restoreCounter">> = {}): boolean {
    const { writes } = this.#ledger;
    if (writes.length === 0 && this.#events.length === 0) return false;
    const { meta, keys } = this;
    const head = this.log.append(meta.head, { events: this.#events, writes });
    const census = this.#ledger.count(keys.purposeKey("census"), meta.census);
    const next = { ...meta, ...change, head, census, revision: meta.revision + 1 };
    writeMeta(this.connection, keys, next);
    this.#meta = next;
    this.#restart();
    return true;
  }

  /** After a transaction that was rolled back, or whose end isn't known. */
  abandon(): void {
    this.forget();
    this.#restart();
  }

  /** Everything is read afresh from now on. */
  forget(): void {
    for (const table of [...this.#firstTables, ...this.#secondTables]) table.forget();
    this.names.clear();
    this.#meta = undefined;
    this.#complete = false;
  }

  #restart(): void {
    this.#ledger = new Ledger();
    this.#events = [];
  }

  /** True if exactly those rows are there, in exactly those states, that transactions left. */
  isCensusRight(): boolean {
    const key = this.keys.purposeKey("census");
    const expected = this.#ledger.count(key, this.meta.census);
    return takeCensus(
      key,
      this.sealedTables.flatMap((table) => table.tags()),
    ).equals(expected);
  }

  /**
   * To be called before anybody is told that a record doesn't exist: a row that was removed or hidden from outside is
   * damage, not a deletion. Costs as much as reading the table, once until another process writes.
   * @throws CoffreError CORRUPT
   */
  confirmAbsence(table: SealedTable, id: string): void {
    if (!this.#complete) {
      if (!this.isCensusRight())
        throw corrupt(table.name, id, "it isn't there, and rows were removed from the file or put back");
      const { categories, credentials, principals, memberships, grants } = this;
      const second = this.hasSecondTables ? [this.dropBoxes, this.deposits, this.files] : [];
      const audited = [categories, credentials, principals, memberships, grants, ...second];
      for (const each of audited) each.openAll();
      this.#complete = true;
    }
    if (table.isThere(id)) throw corrupt(table.name, id, "it is there, but its index doesn't find it");
  }
}
