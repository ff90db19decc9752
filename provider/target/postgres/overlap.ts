import { DRAIN_SECONDS, type TargetSpec } from "../port.js";
import { accountOf } from "../common/address.js";

/** Added to the role's name, which then names what its logins act as. */
const SUFFIXES = ["_a", "_b"];

/** The two logins that take turns for a role. */
export function overlapOf(
  role: string,
  address: TargetSpec["address"],
  drainSeconds = DRAIN_SECONDS,
): NonNullable<TargetSpec["overlap"]> {
  const logins = SUFFIXES.map((suffix) => {
    const username = `${role}${suffix}`;
    return { username, account: accountOf("postgres", username, address) };
  });
  return { logins, drainSeconds };
}

/** The bytes that a login's name has beyond its role's. */
export const SUFFIX_BYTES = 2;

/** What is to be asked about for a spec: the role that logs in, the one that objects belong to, and all that take turns. */
export function rolesOf({ username, actsAs, overlap }: TargetSpec, memberOf: readonly string[] = []): AskedRoles {
  if (actsAs === undefined || overlap === undefined) return { username, memberOf };
  return { username, memberOf, group: actsAs.username, logins: overlap.logins.map((login) => login.username) };
}

export interface AskedRoles {
  username: string;
  /** Roles that the account, or the role that it acts as, is to be a member of. */
  memberOf: readonly string[];
  /** The role that logins act as. */
  group?: string;
  /** All that take turns. */
  logins?: readonly string[];
}
