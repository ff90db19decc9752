import type { Credential, Login, TargetRecord } from "./port.js";

/** Every account that a target has claimed: its own, and the logins that take turns for it. */
export function accountsOf({
  account,
  logins = [],
}: Pick<TargetRecord, "account"> & { logins?: readonly Pick<Login, "account">[] | undefined }): string[] {
  return [account, ...logins.map((login) => login.account)];
}

/**
 * Whose password a version is: the login that it was drawn for, else the credential's username. Who hands a value on hands
 * this on with it. @param number default: the current version's
 */
export function usernameOf(
  { username, versions }: Pick<Credential, "username" | "versions">,
  number?: number,
): string | undefined {
  const version = versions.find((one) => (number === undefined ? one.state === "current" : one.number === number));
  return version?.username ?? username;
}
