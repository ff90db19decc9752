import { isDeepStrictEqual } from "node:util";
import type { CoffreError } from "../../core/errors.js";
import { Secret } from "../../core/secret.js";
import { accountsOf } from "../port-accounts.js";
import type { Held, VaultEvent, VaultIdentity } from "../port.js";
import { heldBy } from "../records/held.js";
import type { BookingRow, CategoryRow, CredentialRow, ValueKey, WriteRows } from "../records/rows.js";
import { corrupt } from "./format.js";
import { proofOf } from "./log.js";
import { BoxTables } from "./box-tables.js";
import { MailTable } from "./mail-table.js";
import { PeopleTables } from "./people-tables.js";
import type { SealedTable } from "./sealed-table.js";
import { textOf } from "./sqlite.js";
import type { Store } from "./store.js";
import { bookingColumns, categoryColumns, credentialColumns, fill, type Index, nameIndex, ROOT } from "./tables.js";

const MOST_INDEXES = 10_000;

/** The vault's rows as one transaction on the store sees and changes them. */
export class Transaction implements WriteRows {
  readonly people: PeopleTables;
  readonly boxes: BoxTables;
  readonly outbox: MailTable;
  readonly #store: Store;
  /** A name is looked up before it is written: its index is computed once. */
  readonly #indexes = new Map<string, string>();

  constructor(store: Store) {
    this.#store = store;
    this.people = new PeopleTables(store);
    this.boxes = new BoxTables(store);
    this.outbox = new MailTable(store);
  }

  identity(): VaultIdentity {
    const { vaultId, name, restoreCounter, head } = this.#store.meta;
    return { id: vaultId, name, restoreCounter, head: head.seq, headProof: proofOf(head.seq, head.mac) };
  }

  hasHead(proof: string): boolean {
    return this.#store.log.had(proof);
  }

  category(id: string): CategoryRow | undefined {
    return this.#row<CategoryRow>(this.#store.categories, id);
  }

  categoryNamed(parentId: string | null, name: string): string | undefined {
    return this.#named(this.#store.categories, "parent_id", parentId, name);
  }

  categoriesMarked(mark: string): string[] {
    return this.#ids("SELECT id FROM category WHERE mark = ? ORDER BY rowid", mark);
  }

  categoriesIn(parentId: string | null): string[] {
    return this.#ids("SELECT id FROM category WHERE parent_id = ? ORDER BY rowid", parentId ?? ROOT);
  }

  categories(): CategoryRow[] {
    return this.#store.categories.openAll().map((text) => parse<CategoryRow>(text));
  }

  held(categoryIds: readonly string[]): Map<string, Held> {
    const live = "SELECT id FROM credential WHERE category_id = ? AND name_index IS NOT NULL";
    return heldBy(categoryIds, (id) => ({ credentials: this.#ids(live, id).length, boxes: this.boxes.countIn(id) }));
  }

  credential(id: string): CredentialRow | undefined {
    return this.#row<CredentialRow>(this.#store.credentials, id);
  }

  glimpse(id: string): Readonly<CredentialRow> | undefined {
    return this.#store.credentials.glimpse<CredentialRow>(id) ?? this.credential(id);
  }

  credentialNamed(categoryId: string | null, name: string): string | undefined {
    return this.#named(this.#store.credentials, "category_id", categoryId, name);
  }

  credentialsMarked(mark: string): string[] {
    return this.#ids("SELECT id FROM credential WHERE mark = ? AND archived = 0 ORDER BY rowid", mark);
  }

  credentials({ archived, stack }: { archived: boolean; stack?: string }): string[] {
    const select = "SELECT id FROM credential WHERE stack = ? AND archived = ? ORDER BY rowid";
    if (stack !== undefined) return this.#ids(select, stack, archived ? 1 : 0);
    // Every row is opened, so that none is left out by a column that was altered.
    const rows = this.#store.credentials.openAll().map((text) => parse<CredentialRow>(text));
    return rows.filter((row) => (row.archived !== undefined) === archived).map(({ id }) => id);
  }

  accountOwner(account: string): string | undefined {
    return this.#store.claims.credentialsOf(this.#accountIndex(account))[0];
  }

  dependants(adminId: string): string[] {
    return this.#store.admins.credentialsOf(adminId);
  }

  values(wanted: readonly ValueKey[]): (Secret | CoffreError | undefined)[] {
    return this.#store.values
      .getMany(wanted.map(valueId))
      .map((text) => (typeof text === "string" ? new Secret(parse<{ value: string }>(text).value) : text));
  }

  booking(id: string): BookingRow | undefined {
    const text = this.#store.bookings.get(id);
    return text === undefined ? undefined : parse<BookingRow>(text);
  }

  bookingsOf(by: { account: string } | { host: string }): BookingRow[] {
    const ids =
      "account" in by
        ? this.#ids("SELECT id FROM booking WHERE account = ? ORDER BY rowid", this.#accountIndex(by.account))
        : this.#ids("SELECT id FROM booking WHERE host = ? ORDER BY rowid", this.#store.keys.index("host", by.host));
    return ids.flatMap((id) => this.booking(id) ?? []);
  }

  events(after: number, about: number): VaultEvent[] {
    return this.#store.log.events(this.#store.meta.head, after, about);
  }

  putCategory(row: CategoryRow): void {
    const { categories, ledger, names } = this.#store;
    if (!categories.put(ledger, row.id, categoryColumns(this.#index, row), JSON.stringify(row))) names.clear();
  }

  removeCategory(id: string): void {
    const { categories, ledger, names } = this.#store;
    categories.remove(ledger, id);
    names.clear();
  }

  putCredential(row: CredentialRow): void {
    const { credentials, ledger, names } = this.#store;
    const before = credentials.glimpse<CredentialRow>(row.id);
    const isNew = credentials.put(ledger, row.id, credentialColumns(this.#index, row), JSON.stringify(row));
    if (!isNew) names.clear();
    const isLinked = before ? isDeepStrictEqual(linkedBy(before), linkedBy(row)) : isNew && row.targets.length === 0;
    if (!isLinked) this.#link(row.id, linkedBy(row));
  }

  removeCredential(row: CredentialRow): void {
    const { credentials, values, ledger, names } = this.#store;
    this.#link(row.id, []);
    // Ids of values are the credential's id, a space, and more; "!" is the next character after the space.
    for (const id of this.#ids("SELECT id FROM value WHERE id > ? AND id < ?", `${row.id} `, `${row.id}!`)) {
      values.remove(ledger, id);
    }
    credentials.remove(ledger, row.id);
    names.clear();
  }

  /** A version's value is written once. @throws CoffreError CORRUPT if it has one: then its credential's row was put back */
  putValue(key: ValueKey, value: Secret): void {
    const { credentialId, field, version } = key;
    const { values, ledger } = this.#store;
    const text = fill(JSON.stringify({ value: value.reveal() }));
    if (values.add(ledger, valueId(key), [credentialId, field, version], text)) return;
    throw corrupt(
      "credential",
      credentialId,
      `it knows no version ${version} of ${field}, which has a value: an older row was put back`,
    );
  }

  putBooking(row: BookingRow): void {
    const { bookings, ledger } = this.#store;
    bookings.put(ledger, row.id, bookingColumns(this.#index, row), JSON.stringify(row));
  }

  removeBooking(id: string): void {
    this.#store.bookings.remove(this.#store.ledger, id);
  }

  addEvent(event: Omit<VaultEvent, "seq">): void {
    this.#store.addEvent(event);
  }

  #link(id: string, targets: CredentialRow["targets"]): void {
    const { claims, admins } = this.#store;
    claims.replace(id, linksOf(targets, (account) => this.#accountIndex(account)).accounts);
    admins.replace(id, linksOf(targets, (account) => account).admins);
  }

  #row<Row>(table: SealedTable, id: string): Row | undefined {
    const text = table.get(id);
    if (text !== undefined) return parse<Row>(text);
    this.#store.confirmAbsence(table, id);
    return undefined;
  }

  #named(table: SealedTable, parentColumn: string, parentId: string | null, name: string): string | undefined {
    const { names } = this.#store;
    const key = `${table.name} ${parentId ?? ROOT} ${name}`;
    const known = names.get(key);
    if (known !== undefined) return known;
    const kind = table === this.#store.categories ? "category" : "credential";
    const index = nameIndex(this.#index, kind, parentId, name);
    const id = table.find([parentColumn, "name_index"], [parentId ?? ROOT, index]);
    if (id !== undefined) names.set(key, id);
    return id;
  }

  #ids(select: string, ...parameters: (string | number)[]): string[] {
    return this.#store.connection
      .prepare(select)
      .all(...parameters)
      .map((row) => textOf(row, "id"));
  }

  #accountIndex(account: string): string {
    return this.#index("account", account);
  }

  readonly #index: Index = (kind, ...parts) => {
    const key = `${kind} ${parts.join(" ")}`;
    let index = this.#indexes.get(key);
    if (index === undefined) {
      index = this.#store.keys.index(kind, ...parts);
      if (this.#indexes.size >= MOST_INDEXES) this.#indexes.clear();
      this.#indexes.set(key, index);
    }
    return index;
  };
}

/** The targets by which a credential is found: an archived one by none. */
function linkedBy({ archived, targets }: Readonly<CredentialRow>): CredentialRow["targets"] {
  return archived ? [] : targets;
}

/** The keys under which a live credential's targets are found. */
export function linksOf(
  targets: CredentialRow["targets"],
  accountIndex: (account: string) => string,
): { accounts: string[]; admins: string[] } {
  return {
    accounts: targets.flatMap(accountsOf).map(accountIndex),
    admins: [...new Set(targets.flatMap(({ adminId }) => adminId ?? []))],
  };
}

export function valueId({ credentialId, field, version }: ValueKey): string {
  return `${credentialId} ${field} ${version}`;
}

/** What this vault sealed itself, it reads without asking again: the seal says that nobody else wrote it. */
function parse<Row>(text: string): Row {
  return JSON.parse(text) as Row;
}
