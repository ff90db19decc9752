import type { Owner, OwnerProof } from "./port.js";

/**
 * Users, groups, who is in which group, and who may do what where: the part of a vault that every vault with
 * `capabilities.grants` other than `none` answers. The errors are those of the vault's other methods.
 *
 * A principal is a user or a group. A grant gives a principal a role in a category and in all that is below, down to a
 * category that doesn't inherit. What a grant is worth is said by `capabilities.grants`.
 */
export interface People {
  /** @throws CONFLICT if a principal of the kind has the name; INVALID_INPUT for a name, or an expiry that has passed */
  createPrincipal(input: PrincipalInput): Promise<Principal>;
  /** @throws NOT_FOUND */
  readPrincipal(id: string): Promise<Principal>;
  /** Changes what is given; the kind stays. @throws NOT_FOUND; CONFLICT for a taken name or a foreign token */
  updatePrincipal(id: string, patch: PrincipalPatch): Promise<Principal>;
  /**
   * Removes a principal with all its memberships and grants, whoever made them, and an event for each: a departure takes
   * effect at once. One that is gone is a success. @throws CONFLICT if the token isn't the owner's
   */
  deletePrincipal(id: string, proof: OwnerProof): Promise<void>;
  findPrincipal(kind: PrincipalKind, name: string): Promise<Principal | undefined>;
  /** All of them, groups before users, each by name. */
  listPrincipals(): AsyncIterable<Principal>;

  /**
   * Puts a user or a group into a group.
   * @throws NOT_FOUND if one of them is gone; INVALID_INPUT if `groupId` is a user; CONFLICT if it is in there already,
   * or if the group would be in itself, directly or through others
   */
  createMembership(input: MembershipInput): Promise<Membership>;
  /** @throws NOT_FOUND */
  readMembership(id: string): Promise<Membership>;
  /** @throws NOT_FOUND; CONFLICT for a foreign token; what `createMembership` throws */
  updateMembership(id: string, patch: MembershipPatch): Promise<Membership>;
  /** One that is gone is a success. @throws CONFLICT if the token isn't the owner's */
  deleteMembership(id: string, proof: OwnerProof): Promise<void>;
  findMembership(groupId: string, memberId: string): Promise<Membership | undefined>;
  listMemberships(): AsyncIterable<Membership>;

  /**
   * Gives a principal a role in a category and below.
   * @throws NOT_FOUND if category or principal is gone; CONFLICT if the principal has a grant on this very category;
   * INVALID_INPUT for an expiry that has passed
   */
  createGrant(input: GrantInput): Promise<Grant>;
  /** @throws NOT_FOUND */
  readGrant(id: string): Promise<Grant>;
  /** @throws NOT_FOUND; CONFLICT for a foreign token; what `createGrant` throws, but an expiry may be brought forward to any time */
  updateGrant(id: string, patch: GrantPatch): Promise<Grant>;
  /** One that is gone is a success. @throws CONFLICT if the token isn't the owner's */
  deleteGrant(id: string, proof: OwnerProof): Promise<void>;
  findGrant(categoryId: string | null, principalId: string): Promise<Grant | undefined>;
  /** All of them, expired ones too, in the order in which they were made. */
  listGrants(): AsyncIterable<Grant>;

  /** The id of what carries the mark of this owner key. @throws CONFLICT if there are two */
  findOwned(kind: OwnedPeople, ownerKey: string): Promise<string | undefined>;
}

export type PrincipalKind = "user" | "group";

/** What carries marks of owners here. */
export type OwnedPeople = "principal" | "membership" | "grant";

export interface PrincipalInput {
  kind: PrincipalKind;
  /** What it is called in the company's directory; unique among users, or among groups. */
  name: string;
  /** For people: `Ana Ferreira`. */
  displayName?: string;
  /** Of a user only. */
  email?: string;
  /** Of a user only: the time from which its grants and memberships count no more. ISO 8601 with a zone. */
  expiresAt?: string;
  owner?: Owner;
}

export interface PrincipalPatch extends OwnerProof {
  name?: string;
  displayName?: string | null;
  email?: string | null;
  expiresAt?: string | null;
  owner?: Owner;
}

export interface Principal {
  id: string;
  kind: PrincipalKind;
  name: string;
  displayName?: string;
  email?: string;
  /** ISO 8601, UTC. */
  expiresAt?: string;
  /** True if a stack made it. */
  owned: boolean;
}

export interface MembershipInput {
  groupId: string;
  /** A user, or a group, whose members are then in this one too. */
  memberId: string;
  owner?: Owner;
}

export interface MembershipPatch extends OwnerProof {
  groupId?: string;
  memberId?: string;
  owner?: Owner;
}

export interface Membership {
  id: string;
  groupId: string;
  memberId: string;
  owned: boolean;
}

/** `reader` reads values; `editor` also changes entries; `manager` also gives and takes grants. Each can what those before it can. */
export const GRANT_ROLES = ["reader", "editor", "manager"] as const;
export type GrantRole = (typeof GRANT_ROLES)[number];

export interface GrantInput {
  /** `null` is the root, and with it everything that inherits. */
  categoryId: string | null;
  principalId: string;
  role: GrantRole;
  /** From then on it counts no more; it stays, and is shown as expired. ISO 8601 with a zone. */
  expiresAt?: string;
  owner?: Owner;
}

export interface GrantPatch extends OwnerProof {
  categoryId?: string | null;
  principalId?: string;
  role?: GrantRole;
  expiresAt?: string | null;
  owner?: Owner;
}

export interface Grant {
  id: string;
  categoryId: string | null;
  principalId: string;
  role: GrantRole;
  /** ISO 8601, UTC. */
  expiresAt?: string;
  owned: boolean;
}
