import type { OwnedPeople, PrincipalKind } from "../port.js";
import type { GrantRow, MembershipRow, PrincipalRow, WritePeople } from "../records/people-rows.js";
import { UndoTable } from "./undo-table.js";

/** Ids have no space, so the first one separates. */
function pair(first: string | null, second: string): string {
  return `${first ?? "-"} ${second}`;
}

function mark({ owner }: { owner?: { mark: string } }): string[] {
  return owner ? [owner.mark] : [];
}

/** The tables of users, groups and grants in this process's memory. */
export class MemoryPeople implements WritePeople {
  readonly #principals = new UndoTable<PrincipalRow, "named" | "mark">({
    named: ({ kind, name }) => [pair(kind, name)],
    mark,
  });
  readonly #memberships = new UndoTable<MembershipRow, "pair" | "with" | "mark">({
    pair: ({ groupId, memberId }) => [pair(groupId, memberId)],
    with: ({ groupId, memberId }) => [groupId, memberId],
    mark,
  });
  readonly #grants = new UndoTable<GrantRow, "pair" | "to" | "on" | "mark">({
    pair: ({ categoryId, principalId }) => [pair(categoryId, principalId)],
    to: ({ principalId }) => [principalId],
    on: ({ categoryId }) => (categoryId === null ? [] : [categoryId]),
    mark,
  });

  /** What a transaction ends together. */
  readonly tables: readonly { commit(): void; rollBack(): void }[] = [
    this.#principals,
    this.#memberships,
    this.#grants,
  ];

  principal(id: string): PrincipalRow | undefined {
    return this.#principals.get(id);
  }

  principalNamed(kind: PrincipalKind, name: string): string | undefined {
    return this.#principals.find("named", pair(kind, name))[0];
  }

  principals(): PrincipalRow[] {
    return this.#principals.all();
  }

  membership(id: string): MembershipRow | undefined {
    return this.#memberships.get(id);
  }

  membershipOf(groupId: string, memberId: string): string | undefined {
    return this.#memberships.find("pair", pair(groupId, memberId))[0];
  }

  membershipsWith(principalId: string): string[] {
    return this.#memberships.find("with", principalId);
  }

  memberships(): MembershipRow[] {
    return this.#memberships.all();
  }

  grant(id: string): GrantRow | undefined {
    return this.#grants.get(id);
  }

  grantOf(categoryId: string | null, principalId: string): string | undefined {
    return this.#grants.find("pair", pair(categoryId, principalId))[0];
  }

  grantsTo(principalId: string): string[] {
    return this.#grants.find("to", principalId);
  }

  grantsOn(categoryId: string): string[] {
    return this.#grants.find("on", categoryId);
  }

  grants(): GrantRow[] {
    return this.#grants.all();
  }

  marked(kind: OwnedPeople, wanted: string): string[] {
    if (kind === "principal") return this.#principals.find("mark", wanted);
    return (kind === "membership" ? this.#memberships : this.#grants).find("mark", wanted);
  }

  putPrincipal(row: PrincipalRow): void {
    this.#principals.put(row.id, row);
  }

  removePrincipal(id: string): void {
    this.#principals.remove(id);
  }

  putMembership(row: MembershipRow): void {
    this.#memberships.put(row.id, row);
  }

  removeMembership(id: string): void {
    this.#memberships.remove(id);
  }

  putGrant(row: GrantRow): void {
    this.#grants.put(row.id, row);
  }

  removeGrant(id: string): void {
    this.#grants.remove(id);
  }
}
