/** Which refused logins count. */
export interface RefusalFilter {
  user?: string;
  /** Address from which they came. */
  source?: string;
}

/** Lines of sshd that a watcher counts: every method but a key, which clients offer in numbers; questions by PAM's own line. */
const REFUSED =
  /^.*(?:Failed (?!publickey|keyboard)\S+ for (?:invalid user )?|PAM: Authentication failure for (?:illegal user )?)(\S*) from (\S+).*$/gm;

/** Counts the refused logins in a log of sshd. */
export function countRefusals(log: string, { user, source }: RefusalFilter): number {
  const found = [...log.matchAll(REFUSED)];
  return found.filter(([, who, from]) => (user ?? who) === who && (source ?? from) === from).length;
}
