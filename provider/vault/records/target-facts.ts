import type { TargetRecord } from "../port.js";

/**
 * That Coffre made an account, and what its target was seen to be, are facts of the vault, which no later declaration takes
 * back, and no restore. Only a thing that was made anew, by its declared identity, is seen afresh.
 */
export function keepFacts(before: readonly TargetRecord[], after: readonly TargetRecord[]): TargetRecord[] {
  const known = new Map(before.map((target) => [target.account, target]));
  return after.map((target) => {
    const earlier = known.get(target.account);
    const isSame = earlier?.description["identity"] === target.description["identity"];
    const pin = target.pin ?? (isSame ? earlier?.pin : undefined);
    const accountMade = target.accountMade || earlier?.accountMade === true;
    const made = new Set(earlier?.logins?.flatMap((login) => (login.made ? [login.account] : [])));
    const logins = target.logins?.map((login) => (made.has(login.account) ? { ...login, made: true as const } : login));
    return { ...target, accountMade, ...(logins ? { logins } : {}), ...(pin === undefined ? {} : { pin }) };
  });
}
