/**
 * What Coffre leaves in the hash that the server keeps of an account, since MariaDB's accounts have no comment. An account
 * that Coffre made has its hash in small letters, which the server reads as it reads capitals: so a creation whose reply
 * was lost is known again as ours. One that Coffre disabled has, besides being locked, a hash that no password is known to
 * have: that lock is taken back by Coffre, anybody else's is respected.
 */
export const DISABLED_HASH = "*D15AB1EDB1C0FF4E000000000000000000000000";

/** A hash in the spelling that says whether Coffre made the account. */
export function spellHash(hash: string, { made }: { made: boolean }): string {
  return made ? hash.toLowerCase() : hash.toUpperCase();
}
