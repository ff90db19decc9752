import type { GrantRole, OwnedPeople, PrincipalKind } from "../port.js";
import type { OwnerRow } from "./rows.js";

/** What `RecordPeople` asks of a storage, inside the transactions of its `Rows`: the same promises hold. */
export interface ReadPeople {
  principal(id: string): PrincipalRow | undefined;
  /** The principal of this kind and name, by its id. */
  principalNamed(kind: PrincipalKind, name: string): string | undefined;
  principals(): PrincipalRow[];
  membership(id: string): MembershipRow | undefined;
  /** The membership of this very pair, by its id. */
  membershipOf(groupId: string, memberId: string): string | undefined;
  /** Ids of the memberships that name this principal, as group or as member. */
  membershipsWith(principalId: string): string[];
  memberships(): MembershipRow[];
  grant(id: string): GrantRow | undefined;
  /** The grant to this principal on this very category, by its id. */
  grantOf(categoryId: string | null, principalId: string): string | undefined;
  /** Ids of the grants to this principal, on any category. */
  grantsTo(principalId: string): string[];
  /** Ids of the grants on this very category, to anybody. */
  grantsOn(categoryId: string): string[];
  grants(): GrantRow[];
  /** Ids of what carries the mark. */
  marked(kind: OwnedPeople, mark: string): string[];
}

export interface WritePeople extends ReadPeople {
  putPrincipal(row: PrincipalRow): void;
  removePrincipal(id: string): void;
  putMembership(row: MembershipRow): void;
  removeMembership(id: string): void;
  putGrant(row: GrantRow): void;
  removeGrant(id: string): void;
}

export interface PrincipalRow {
  id: string;
  kind: PrincipalKind;
  name: string;
  displayName?: string;
  email?: string;
  /** ISO 8601, UTC. */
  expiresAt?: string;
  owner?: OwnerRow;
}

export interface MembershipRow {
  id: string;
  groupId: string;
  memberId: string;
  owner?: OwnerRow;
}

export interface GrantRow {
  id: string;
  categoryId: string | null;
  principalId: string;
  role: GrantRole;
  /** ISO 8601, UTC. */
  expiresAt?: string;
  owner?: OwnerRow;
}
