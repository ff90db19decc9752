/** PostgreSQL cuts longer names without an error (`NAMEDATALEN`), and two of them could then mean one role. */
const LONGEST_BYTES = 63;
const KEYWORDS = new Set(["public", "none"]);

/** What is wrong with a role's name, as the end of a sentence; `undefined` if nothing is. */
export function roleNameProblem(name: string): string | undefined {
  if (name === "") return "is empty";
  if (/\p{Cc}/u.test(name) || !name.isWellFormed()) return "has a control character or isn't well-formed Unicode";
  const bytes = Buffer.byteLength(name);
  if (bytes > LONGEST_BYTES) return `has ${bytes} bytes; PostgreSQL cuts names after ${LONGEST_BYTES}`;
  if (KEYWORDS.has(name)) return `is "${name}", which PostgreSQL reads as a keyword`;
  return undefined;
}
