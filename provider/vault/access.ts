import { hasPassed } from "../core/instant.js";
import { GRANT_ROLES, type Category, type Grant, type GrantRole, type Membership, type Principal } from "./port.js";

/** Everything that decides who may read what. */
export interface Rights {
  categories: readonly Pick<Category, "id" | "parentId" | "inheritGrants" | "readOnly" | "expiresAt">[];
  principals: readonly Principal[];
  memberships: readonly Pick<Membership, "groupId" | "memberId">[];
  grants: readonly Omit<Grant, "owned">[];
}

/** Who may read what stands in one category. */
export interface CategoryAccess {
  /** `null` is the root. */
  categoryId: string | null;
  /** In the order of `Rights.principals`; those whose rights have all expired are among them. Shared with categories that inherit the same. */
  readers: readonly Reader[];
}

export interface Reader {
  principalId: string;
  /**
   * The strongest role that a grant in force gives, in a read-only category `reader` where that would be `editor`; missing if
   * all have expired, and with them the right to read.
   */
  role?: GrantRole;
  /** Each grant that reaches the principal here: those in force first, and the stronger before the weaker. */
  through: readonly Through[];
}

export interface Through {
  grantId: string;
  role: GrantRole;
  /** The category on which the grant is: this one, or one above it. */
  from: string | null;
  /** From the principal itself over the groups to the one that has the grant; of several ways a shortest. */
  chain: readonly string[];
  /** Whose time has passed, if one's has: the grant's own, the user's, or that of this category or one above it. */
  expired?: "grant" | "user" | "category";
}

/**
 * Who may read what, and why: the root first, then the categories in the order given. A grant holds on its category and
 * below, down to the first category that doesn't inherit; a group's grants are its members', over any number of groups. What a
 * category is (read-only, past its time) all below it are, also where they inherit no grants.
 * @param subjects ids of the principals that are asked about, groups too. Default: all users.
 */
export function accessOf(rights: Rights, now: Date, subjects?: ReadonlySet<string>): CategoryAccess[] {
  const holders = new Holders(rights, subjects);
  const grantsOn = Map.groupBy(rights.grants, ({ categoryId }) => categoryId);
  const rowOf = new Map(rights.categories.map((category) => [category.id, category]));
  const known = new Map<string | null, InForce>();

  const inForceAt = (categoryId: string | null): InForce => {
    const before = known.get(categoryId);
    if (before) return before;
    const category = categoryId === null ? undefined : rowOf.get(categoryId);
    const above = category ? inForceAt(category.parentId) : NOTHING;
    const own = grantsOn.get(categoryId) ?? [];
    const inherits = category?.inheritGrants === true;
    const grants = inherits ? [...above.grants, ...own] : own;
    const readOnly = above.readOnly || category?.readOnly === true;
    const closed = above.closed || hasPassed(category?.expiresAt, now);
    // What adds nothing has the readers of the category above, and needn't list them again.
    const same = inherits && own.length === 0 && readOnly === above.readOnly && closed === above.closed;
    const made = same
      ? above
      : { grants, readOnly, closed, readers: readersOf(grants, { readOnly, closed }, holders, now) };
    known.set(categoryId, made);
    return made;
  };
  return [null, ...rowOf.keys()].map((categoryId) => ({ categoryId, readers: inForceAt(categoryId).readers }));
}

/** What a category is, by itself or by one above it. */
interface State {
  readOnly: boolean;
  /** Its time has passed. */
  closed: boolean;
}

interface InForce extends State {
  grants: readonly Omit<Grant, "owned">[];
  readers: readonly Reader[];
}

const NOTHING: InForce = { grants: [], readers: [], readOnly: false, closed: false };

function readersOf(grants: InForce["grants"], { readOnly, closed }: State, holders: Holders, now: Date): Reader[] {
  const throughOf = new Map<Principal, Through[]>();
  for (const { id, role, categoryId, principalId, expiresAt } of grants) {
    const grantExpired = hasPassed(expiresAt, now);
    for (const { principal, chain } of holders.of(principalId)) {
      const expired: Through["expired"] = grantExpired
        ? "grant"
        : hasPassed(principal.expiresAt, now)
          ? "user"
          : closed
            ? "category"
            : undefined;
      const through: Through = {
        grantId: id,
        role,
        from: categoryId,
        chain,
        ...(expired === undefined ? {} : { expired }),
      };
      const others = throughOf.get(principal);
      if (others) others.push(through);
      else throughOf.set(principal, [through]);
    }
  }
  return [...throughOf]
    .sort(([left], [right]) => holders.place(left) - holders.place(right))
    .map(([{ id }, through]) => {
      through.sort((left, right) => weight(right) - weight(left));
      const [strongest] = through;
      if (!strongest || strongest.expired !== undefined) return { principalId: id, through };
      const role = readOnly && strongest.role !== "manager" ? "reader" : strongest.role;
      return { principalId: id, role, through };
    });
}

/** What is in force outweighs every role that isn't. */
function weight({ role, expired }: Through): number {
  return GRANT_ROLES.indexOf(role) + (expired === undefined ? GRANT_ROLES.length : 0);
}

/** A principal that has another one's grants, and how. */
interface Holder {
  principal: Principal;
  chain: readonly string[];
}

/** Answers who has the grants of a principal: itself, and whoever is in it over any number of groups. */
class Holders {
  readonly #membersOf: Map<string, Rights["memberships"][number][]>;
  readonly #principals: Map<string, Principal>;
  readonly #places: Map<Principal, number>;
  readonly #isSubject: (principal: Principal) => boolean;
  readonly #known = new Map<string, Holder[]>();

  constructor({ memberships, principals }: Rights, subjects: ReadonlySet<string> | undefined) {
    this.#membersOf = Map.groupBy(memberships, ({ groupId }) => groupId);
    this.#principals = new Map(principals.map((principal) => [principal.id, principal]));
    this.#places = new Map(principals.map((principal, index) => [principal, index]));
    this.#isSubject = subjects ? ({ id }) => subjects.has(id) : ({ kind }) => kind === "user";
  }

  of(principalId: string): readonly Holder[] {
    const before = this.#known.get(principalId);
    if (before) return before;
    const made = this.#search(principalId);
    this.#known.set(principalId, made);
    return made;
  }

  /** Where the principal stands in the list of all. */
  place(principal: Principal): number {
    return this.#places.get(principal) ?? 0;
  }

  /** Level by level, so that the first chain that is found is a shortest one. */
  #search(start: string): Holder[] {
    const chains = new Map<string, readonly string[]>([[start, [start]]]);
    // A map is walked in the order of insertion, also over what is inserted meanwhile.
    for (const [id, chain] of chains) {
      for (const { memberId } of this.#membersOf.get(id) ?? []) {
        if (!chains.has(memberId)) chains.set(memberId, [memberId, ...chain]);
      }
    }
    return [...chains].flatMap(([id, chain]) => {
      const principal = this.#principals.get(id);
      return principal && this.#isSubject(principal) ? [{ principal, chain }] : [];
    });
  }
}
