import type { OwnedPeople, PrincipalKind } from "../port.js";
import type { GrantRow, MembershipRow, PrincipalRow, WritePeople } from "../records/people-rows.js";
import type { SealedTable } from "./sealed-table.js";
import { textOf } from "./sqlite.js";
import type { Store } from "./store.js";
import { grantColumns, membershipColumns, principalColumns, principalIndex, ROOT } from "./tables.js";

/** The vault's users, groups and grants as one transaction on the store sees and changes them. */
export class PeopleTables implements WritePeople {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  principal(id: string): PrincipalRow | undefined {
    return this.#row<PrincipalRow>(this.#store.principals, id);
  }

  principalNamed(kind: PrincipalKind, name: string): string | undefined {
    return this.#ids("SELECT id FROM principal WHERE name_index = ?", this.#nameIndex(kind, name))[0];
  }

  principals(): PrincipalRow[] {
    return rowsOf<PrincipalRow>(this.#store.principals);
  }

  membership(id: string): MembershipRow | undefined {
    return this.#row<MembershipRow>(this.#store.memberships, id);
  }

  membershipOf(groupId: string, memberId: string): string | undefined {
    return this.#store.memberships.find(["group_id", "member_id"], [groupId, memberId]);
  }

  membershipsWith(principalId: string): string[] {
    const select = "SELECT id FROM membership WHERE group_id = ? OR member_id = ? ORDER BY rowid";
    return this.#ids(select, principalId, principalId);
  }

  memberships(): MembershipRow[] {
    return rowsOf<MembershipRow>(this.#store.memberships);
  }

  grant(id: string): GrantRow | undefined {
    return this.#row<GrantRow>(this.#store.grants, id);
  }

  grantOf(categoryId: string | null, principalId: string): string | undefined {
    return this.#store.grants.find(["category_id", "principal_id"], [categoryId ?? ROOT, principalId]);
  }

  grantsTo(principalId: string): string[] {
    return this.#ids("SELECT id FROM access_grant WHERE principal_id = ? ORDER BY rowid", principalId);
  }

  grantsOn(categoryId: string): string[] {
    return this.#ids("SELECT id FROM access_grant WHERE category_id = ? ORDER BY rowid", categoryId);
  }

  grants(): GrantRow[] {
    return rowsOf<GrantRow>(this.#store.grants);
  }

  marked(kind: OwnedPeople, mark: string): string[] {
    const table = kind === "grant" ? "access_grant" : kind;
    return this.#ids(`SELECT id FROM ${table} WHERE mark = ? ORDER BY rowid`, mark);
  }

  putPrincipal(row: PrincipalRow): void {
    const { principals, ledger, keys } = this.#store;
    principals.put(ledger, row.id, principalColumns(keys.indexOf, row), JSON.stringify(row));
  }

  removePrincipal(id: string): void {
    this.#store.principals.remove(this.#store.ledger, id);
  }

  putMembership(row: MembershipRow): void {
    this.#store.memberships.put(this.#store.ledger, row.id, membershipColumns(row), JSON.stringify(row));
  }

  removeMembership(id: string): void {
    this.#store.memberships.remove(this.#store.ledger, id);
  }

  putGrant(row: GrantRow): void {
    this.#store.grants.put(this.#store.ledger, row.id, grantColumns(row), JSON.stringify(row));
  }

  removeGrant(id: string): void {
    this.#store.grants.remove(this.#store.ledger, id);
  }

  #row<Row>(table: SealedTable, id: string): Row | undefined {
    const text = table.get(id);
    // What this vault sealed itself, it reads without asking again.
    if (text !== undefined) return JSON.parse(text) as Row;
    this.#store.confirmAbsence(table, id);
    return undefined;
  }

  #ids(select: string, ...parameters: string[]): string[] {
    return this.#store.connection
      .prepare(select)
      .all(...parameters)
      .map((row) => textOf(row, "id"));
  }

  #nameIndex(kind: PrincipalKind, name: string): string {
    return principalIndex(this.#store.keys.indexOf, kind, name);
  }
}

function rowsOf<Row>(table: SealedTable): Row[] {
  return table.openAll().map((text) => JSON.parse(text) as Row); // sealed by this vault itself
}
