/** PostgreSQL cuts longer names without an error (`NAMEDATALEN`), and two of them could then mean one role. */
const LONGEST_BYTES = 63;
const KEYWORDS = new Set(["public", "none"]);

/**
 * What is wrong with a role's name, as the end of a sentence; `undefined` if nothing is.
 * @param reserved bytes that are added to it for other names
 */
export function roleNameProblem(name: string, reserved = 0): string | undefined {
  if (name === "") return "is empty";
  if (/\p{Cc}/u.test(name) || !name.isWellFormed()) return "has a control character or isn't well-formed Unicode";
  const bytes = Buffer.byteLength(name);
  const added = reserved === 0 ? "" : `, and ${reserved} more in the names of its logins`;
  if (bytes + reserved > LONGEST_BYTES)
    return `has ${bytes} bytes${added}; PostgreSQL cuts names after ${LONGEST_BYTES}`;
  if (KEYWORDS.has(name)) return `is "${name}", which PostgreSQL reads as a keyword`;
  return undefined;
}

/** The same for a role that is made or changed: PostgreSQL keeps names that begin with `pg_` for roles of its own. */
export function accountNameProblem(name: string, reserved = 0): string | undefined {
  if (name.startsWith("pg_")) return `is "${name}", and PostgreSQL keeps names that begin with pg_ for itself`;
  return roleNameProblem(name, reserved);
}
