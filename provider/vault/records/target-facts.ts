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
    return { ...target, accountMade, ...(pin === undefined ? {} : { pin }) };
  });
}
