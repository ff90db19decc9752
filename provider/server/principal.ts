import type { GrantRole } from "../vault/port.js";

/**
 * What an identity may do besides its grants. `administrator`: everything, everywhere. `moderator`: keeps users, groups and who
 * is in which, sees the whole tree, and reads no value that no grant gives. `user`: what its grants give. `reader`: of
 * what its grants give, only reading.
 */
export const ROLES = ["administrator", "moderator", "user", "reader"] as const;
export type Role = (typeof ROLES)[number];

/** Who asks: the owner of a token. */
export interface Principal {
  /** Of the vault's user that it is; of an administrator who is none, the token's. */
  id: string;
  /** The user's name as it is now, which the events carry. */
  name: string;
  role: Role;
  /** Of the token that was shown: `tk_…`. */
  tokenId: string;
}

/** What one principal may do, as it was when it was asked for: to be used for one request only. `null` is the root. */
export interface Rights {
  readonly principal: Principal;
  /** Reads values and everything else of what stands in the category. */
  mayRead(categoryId: string | null): boolean;
  /** Creates, changes, rotates, archives and deletes entries in it. */
  mayWrite(categoryId: string | null): boolean;
  /** Creates, changes and deletes the category itself and those below it, and gives and takes grants on it. */
  mayManage(categoryId: string | null): boolean;
  /** Sees its name: it may be read, or leads to one that may. */
  maySee(categoryId: string | null): boolean;
  /** Users, groups, memberships. */
  readonly mayManagePeople: boolean;
  /** Whether a user or group may be changed by who manages people: an administrator's user only by another one. */
  mayChangeUser(id: string): boolean;
  /** Every event, and what concerns the vault as a whole. */
  readonly isAdministrator: boolean;
  /** The strongest role that a grant gives anywhere. */
  readonly strongest: GrantRole | undefined;
}
