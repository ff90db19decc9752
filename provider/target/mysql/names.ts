/** Longest names that MariaDB keeps, in characters (`USERNAME_CHAR_LENGTH`, `HOSTNAME_LENGTH`). */
const LONGEST_USER = 128;
const LONGEST_HOST = 255;
/** Names of roles that mean something else in a statement. */
const KEYWORDS = new Set(["public", "none", "current_user", "current_role"]);

/** What is wrong with an account's or a role's name, as the end of a sentence; `undefined` if nothing is. */
export function userNameProblem(name: string): string | undefined {
  if (name === "") return "is empty: that is everybody's account without a name";
  if (/[\p{Cc}\u{10000}-\u{10ffff}]/u.test(name) || !name.isWellFormed()) {
    return "has a control character, or one that the server's names can't have";
  }
  if (name !== name.trim()) return "begins or ends with a blank";
  return name.length > LONGEST_USER
    ? `has ${name.length} characters; the server's names have ${LONGEST_USER} at most`
    : undefined;
}

/** The same for a role, which is named without a host. */
export function roleNameProblem(name: string): string | undefined {
  return KEYWORDS.has(name.toLowerCase()) ? `is "${name}", which the server reads as a keyword` : userNameProblem(name);
}

/** What is wrong with the host of an account: a name, an address, a network or a pattern with % and _. */
export function hostPatternProblem(host: string): string | undefined {
  if (host === "") return 'is empty; "%" means every host';
  if (host.length > LONGEST_HOST) return `has ${host.length} characters; ${LONGEST_HOST} are the most`;
  return /^[\w%.:/-]+$/.test(host) ? undefined : "has a character that no host has";
}

/** Both parts of an account, as a statement names it. Backticks mean the same in every `sql_mode`. */
export function quoteAccount({ username, host }: { username: string; host: string }): string {
  return `${quoteName(username)}@${quoteName(host)}`;
}

/** A name in a statement. */
export function quoteName(name: string): string {
  return `\`${name.replaceAll("`", "``")}\``;
}

/** A text in a statement, in a form without quotes or backslashes to mind; of the character set that the server's names have. */
export function quoteText(text: string): string {
  return text === "" ? "''" : `_utf8mb3 x'${Buffer.from(text).toString("hex")}'`;
}

/** An account in a sentence: `'app'@'%'`. */
export function showAccount({ username, host }: { username: string; host: string }): string {
  return `'${username}'@'${host}'`;
}
