import { CoffreError } from "../core/errors.js";
import type { Draining, Journal } from "./port.js";

/** True for a login whose time is over, so that it is to be ended. */
export function isOver({ until }: Pick<Draining, "until">, now: Date): boolean {
  return Date.parse(until) <= now.getTime();
}

/**
 * A login that still works with its version gets no other: whoever uses it would be cut off.
 * @throws CoffreError LOCKED that says until when, and what to do
 */
export function refuseDraining({ draining = [] }: Journal, accounts: readonly string[]): void {
  const login = draining.find(({ account }) => accounts.includes(account));
  if (!login) return;
  const { account, username, version, until } = login;
  throw new CoffreError(
    "LOCKED",
    `The next version is for ${account}, which works with version ${version} until ${until}`,
    {
      hint: `Run it again then. If nobody uses ${username} any more, say so with \`coffre acknowledge\`: it is ended at once.`,
      details: { account, until },
    },
  );
}
