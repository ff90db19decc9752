import type { Clock } from "../core/clock.js";
import { collect } from "../core/collect.js";
import { hasPassed } from "../core/instant.js";
import { accessOf } from "../vault/access.js";
import {
  type Category,
  type Grant,
  GRANT_ROLES,
  type GrantRole,
  type Membership,
  type Principal as Person,
  type Vault,
} from "../vault/port.js";
import type { Tokens } from "./identities/tokens.js";
import type { Principal, Rights } from "./principal.js";

/** Events after which somebody's rights may be others. */
const CHANGES_RIGHTS = /^(category|user|group|membership|grant|vault)\./;

/** Everything that decides about rights, as it was at one number of the event log. */
interface Snapshot {
  head: number;
  categories: Category[];
  people: Person[];
  memberships: Membership[];
  grants: Grant[];
  users: Map<string, Person>;
  parents: Map<string, string | null>;
  /** By principal; `until`: when the next expiry makes them others. */
  rolesOf: Map<string, { roles: Map<string | null, GrantRole>; until: number }>;
}

/** The vault's people and their rights at one moment: to be used for one request only. */
export interface RightsNow {
  /** The vault's user of this id. */
  user(id: string): Person | undefined;
  of(principal: Principal): Rights;
}

/** Who may do what, by the vault's own users, groups, grants and categories, as they are at each request. */
export class RightsBook {
  readonly #vault: Vault;
  readonly #clock: Clock;
  readonly #tokens: Tokens;
  #snapshot: Snapshot | undefined;
  #running: Promise<Snapshot> | undefined;
  #next: Promise<Snapshot> | undefined;

  /** @param tokens say who is an administrator */
  constructor(vault: Vault, tokens: Tokens, clock: Clock) {
    this.#vault = vault;
    this.#tokens = tokens;
    this.#clock = clock;
  }

  /** As everything is now: one look at the vault answers all that a request asks, and no part of it is older than another. */
  async now(): Promise<RightsNow> {
    const snapshot = await this.#current();
    return {
      user: (id) => snapshot.users.get(id),
      of: (principal) => rightsOf(principal, snapshot, this.#tokens, this.#clock.now()),
    };
  }

  /** One look at the vault for all who ask at the same time; who asks while one runs waits for the next, which begins later. */
  #current(): Promise<Snapshot> {
    if (!this.#running) {
      this.#running = this.#look().finally(() => (this.#running = undefined));
      return this.#running;
    }
    this.#next ??= this.#running
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        return this.#current();
      });
    return this.#next;
  }

  async #look(): Promise<Snapshot> {
    const { head } = await this.#vault.identity();
    const before = this.#snapshot;
    if (before?.head === head) return before;
    if (before && before.head < head && !(await this.#changedSince(before.head))) {
      before.head = head;
      return before;
    }
    this.#snapshot = undefined;
    // The head is from before, so that what changes meanwhile is looked at again.
    this.#snapshot = await this.#load(head);
    return this.#snapshot;
  }

  async #changedSince(head: number): Promise<boolean> {
    for await (const { action } of this.#vault.listEvents({ after: head })) {
      if (CHANGES_RIGHTS.test(action)) return true;
    }
    return false;
  }

  async #load(head: number): Promise<Snapshot> {
    const { people } = this.#vault;
    const [categories, persons, memberships, grants] = await Promise.all([
      collect(this.#vault.listCategories()),
      collect(people.listPrincipals()),
      collect(people.listMemberships()),
      collect(people.listGrants()),
    ]);
    return {
      head,
      categories,
      people: persons,
      memberships,
      grants,
      users: new Map(persons.flatMap((person) => (person.kind === "user" ? [[person.id, person]] : []))),
      parents: new Map(categories.map(({ id, parentId }) => [id, parentId])),
      rolesOf: new Map(),
    };
  }
}

function rightsOf(principal: Principal, snapshot: Snapshot, tokens: Tokens, now: Date): Rights {
  const isAdministrator = principal.role === "administrator";
  const given = rolesOf(principal.id, snapshot, now);
  const readsOnly = principal.role === "reader";
  const leads = new Set<string | null>();
  for (const categoryId of given.keys()) {
    for (const id of chainOf(categoryId, snapshot)) leads.add(id);
  }
  // An archived entry's category may be gone; then it is the root's.
  const placed = (categoryId: string | null) =>
    categoryId === null || snapshot.parents.has(categoryId) ? categoryId : null;
  const has = (categoryId: string | null, least: GrantRole) => {
    if (isAdministrator) return true;
    const role = given.get(placed(categoryId));
    return role !== undefined && GRANT_ROLES.indexOf(role) >= GRANT_ROLES.indexOf(least);
  };
  const strongest = GRANT_ROLES.findLast((role) => [...given.values()].includes(role));
  const mayManagePeople = isAdministrator || principal.role === "moderator";
  return {
    principal,
    mayRead: (categoryId) => has(categoryId, "reader"),
    mayWrite: (categoryId) => !readsOnly && has(categoryId, "editor"),
    mayManage: (categoryId) => !readsOnly && has(categoryId, "manager"),
    maySee: (categoryId) => mayManagePeople || categoryId === null || leads.has(categoryId),
    mayManagePeople,
    mayChangeUser: (id) =>
      isAdministrator ||
      (mayManagePeople &&
        !tokens
          .list()
          .some(({ role, userId, revokedAt }) => role === "administrator" && userId === id && revokedAt === undefined)),
    isAdministrator,
    strongest: isAdministrator ? "manager" : readsOnly ? strongest && "reader" : strongest,
  };
}

/** The category and those above it. */
function* chainOf(categoryId: string | null, { parents }: Snapshot): Iterable<string> {
  for (let id: string | null | undefined = categoryId; id != null; id = parents.get(id)) yield id;
}

/** The strongest role in force by category; without those in which there is none. */
function rolesOf(principalId: string, snapshot: Snapshot, now: Date): Map<string | null, GrantRole> {
  const known = snapshot.rolesOf.get(principalId);
  if (known && now.getTime() < known.until) return known.roles;
  const { categories, people: principals, memberships, grants } = snapshot;
  const roles = new Map<string | null, GrantRole>();
  for (const { categoryId, readers } of accessOf(
    { categories, principals, memberships, grants },
    now,
    new Set([principalId]),
  )) {
    const role = readers.find((reader) => reader.principalId === principalId)?.role;
    if (role !== undefined) roles.set(categoryId, role);
  }
  const expiries = [...principals, ...grants, ...categories].flatMap(({ expiresAt }) =>
    expiresAt !== undefined && !hasPassed(expiresAt, now) ? [Date.parse(expiresAt)] : [],
  );
  snapshot.rolesOf.set(principalId, { roles, until: Math.min(Infinity, ...expiries) });
  return roles;
}
