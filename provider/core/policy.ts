import { CHARACTER_CLASSES, ofClass, onlyCharacters, withoutCharacters } from "./alphabet.js";
import type { MergedPolicy, Rule } from "./policy-rules.js";
import type { Secret } from "./secret.js";
import { estimateBits } from "./strength.js";

// Everything about policies that others need, in one place.
export { checkPolicy } from "./policy-clash.js";
export { DEFAULT_LENGTH, LONGEST_GENERATED, PasswordPolicy, mergePolicies, policyAlphabet } from "./policy-rules.js";
export type { MergedPolicy, Rule } from "./policy-rules.js";

/** The name of a rule that a value breaks. */
export type PolicyRuleName =
  "empty" | "minLength" | "maxLength" | "minCounts" | "forbidden" | "allowedSymbols" | "minBits";

/** A rule that a value breaks. Nothing in it tells anything of the value but that. */
export interface BrokenRule {
  rule: PolicyRuleName;
  /** The category that the rule comes from; `undefined` for `empty`, which holds everywhere. */
  from: string | undefined;
  /** What a person reads, as a part of a sentence: `it must have at least 20 characters (category A)`. */
  message: string;
}

/**
 * The rules that a value breaks which a person brings; none if it may be kept. Lengths count characters, not bytes.
 * `minBits` is compared with an estimate that is an upper bound (`estimateBits`).
 */
export function checkPassword(merged: MergedPolicy, secret: Secret): BrokenRule[] {
  const characters = [...secret.reveal()];
  if (characters.length === 0) return [{ rule: "empty", from: undefined, message: "it is empty" }];
  const broken: BrokenRule[] = [];
  const report = (rule: PolicyRuleName, { from }: Rule<unknown>, demand: string) =>
    broken.push({ rule, from, message: `${demand} (category ${from})` });

  const { minLength, maxLength, minBits } = merged;
  if (minLength !== undefined && characters.length < minLength.value) {
    report("minLength", minLength, `it must have at least ${minLength.value} characters`);
  }
  if (maxLength !== undefined && characters.length > maxLength.value) {
    report("maxLength", maxLength, `it must have at most ${maxLength.value} characters`);
  }
  for (const characterClass of CHARACTER_CLASSES) {
    const least = merged.minCounts[characterClass];
    if (least === undefined || ofClass(secret.reveal(), characterClass).length >= least.value) continue;
    report("minCounts", least, `it must have at least ${least.value} of class ${characterClass}`);
  }
  for (const rule of merged.forbidden) {
    if (onlyCharacters(secret.reveal(), rule.value) === "") continue;
    report("forbidden", rule, "it has a character that is forbidden");
  }
  for (const rule of merged.allowedSymbols) {
    if (withoutCharacters(ofClass(secret.reveal(), "symbol"), rule.value) === "") continue;
    report("allowedSymbols", rule, "it has a symbol that isn't among the allowed ones");
  }
  if (minBits !== undefined && estimateBits(secret) < minBits.value) {
    report("minBits", minBits, `it must have a strength of at least ${minBits.value} bits`);
  }
  return broken;
}
