import { drawByCounts, drawByRejection, shortestWithBits } from "./draw.js";
import type { Part } from "./draw.js";
import { CoffreError } from "./errors.js";
import { checkPolicy } from "./policy-clash.js";
import { DEFAULT_LENGTH, LONGEST_GENERATED, partsOf } from "./policy-rules.js";
import type { MergedPolicy } from "./policy-rules.js";
import { Secret } from "./secret.js";

// An ordinary policy (one of each class in 24 characters) fits at the first or second draw.
const TRIES = 64;

/**
 * Draws a password that obeys the policy with characters that the target accepts (default: printable ASCII). Its length
 * is the first from 24, or what the rules ask for, capped by `maxLength`; all passwords of that length that obey are
 * equally likely, whichever of the two ways of drawing comes to answer.
 * @throws CoffreError POLICY if there is no such password; it names the rules that exclude each other
 */
export function generatePassword(merged: MergedPolicy, acceptedCharacters?: string): Secret {
  checkPolicy(merged, acceptedCharacters);
  const parts = partsOf(merged, acceptedCharacters);
  const length = chooseLength(merged, parts);
  const password = drawByRejection(length, parts, TRIES) ?? drawByCounts(length, parts);
  if (password === undefined) throw new CoffreError("POLICY", "No password obeys this policy");
  return new Secret(password);
}

/** How many characters {@link generatePassword} draws, for a policy that can be met. */
export function chooseLength(merged: MergedPolicy, parts: readonly Part[]): number {
  const { minLength, maxLength, minBits } = merged;
  const longest = Math.min(maxLength?.value ?? LONGEST_GENERATED, LONGEST_GENERATED);
  const counted = parts.reduce((sum, part) => sum + part.atLeast, 0);
  const strong = minBits === undefined ? 0 : (shortestWithBits(minBits.value, parts, longest) ?? longest);
  return Math.min(longest, Math.max(DEFAULT_LENGTH, minLength?.value ?? 0, counted, strong));
}
