import {
  CHARACTER_CLASSES,
  DEFAULT_SYMBOLS,
  PRINTABLE_ASCII,
  ofClass,
  onlyCharacters,
  withoutCharacters,
} from "./alphabet.js";
import type { CharacterClass } from "./alphabet.js";
import { shortestWithBits } from "./draw.js";
import { CoffreError } from "./errors.js";
import { LONGEST_GENERATED, partsOf, policyAlphabet } from "./policy-rules.js";
import type { MergedPolicy, Rule } from "./policy-rules.js";

/**
 * Proves that a password can be generated which obeys all rules on a target that accepts these characters.
 * @throws CoffreError POLICY that names the rules that can't be met together, each with its category
 */
export function checkPolicy(merged: MergedPolicy, acceptedCharacters: string = PRINTABLE_ASCII): void {
  const rules = findClash(merged, acceptedCharacters);
  if (rules === undefined) return;
  const all = rules.length === 2 ? "both be met" : "all be met";
  throw new CoffreError("POLICY", `${joinWords(rules)} can't ${all}`, {
    hint: "Change one of them. A category inherits the rules of the categories above it, and the strictest holds.",
  });
}

/** The first set of rules that exclude each other, in words; `undefined` if a password is possible. */
function findClash(merged: MergedPolicy, accepted: string): string[] | undefined {
  const { minLength, maxLength, minBits } = merged;
  if (minLength !== undefined && maxLength !== undefined && minLength.value > maxLength.value) {
    return [named("minLength", minLength), named("maxLength", maxLength)];
  }
  return (
    findMissingClass(merged, accepted) ??
    findCountsClash(merged) ??
    findEmptyAlphabet(merged, accepted) ??
    (minBits === undefined ? undefined : findBitsClash(merged, minBits, accepted))
  );
}

/** A class that must occur, and what leaves no character of it. */
function findMissingClass(merged: MergedPolicy, accepted: string): string[] | undefined {
  for (const characterClass of CHARACTER_CLASSES) {
    const rule = merged.minCounts[characterClass];
    if (rule === undefined || ofClass(policyAlphabet(merged, accepted), characterClass) !== "") continue;
    return [namedCount(characterClass, rule), ...findBlame(merged, accepted, ofClass(PRINTABLE_ASCII, characterClass))];
  }
  return undefined;
}

function findCountsClash(merged: MergedPolicy): string[] | undefined {
  const counted = CHARACTER_CLASSES.flatMap((characterClass) => {
    const rule = merged.minCounts[characterClass];
    return rule === undefined ? [] : [{ value: rule.value, words: namedCount(characterClass, rule) }];
  });
  const words = counted.map((count) => count.words);
  const total = counted.reduce((sum, count) => sum + count.value, 0);
  const { maxLength } = merged;
  if (maxLength !== undefined && total > maxLength.value) return [...words, named("maxLength", maxLength)];
  if (total > LONGEST_GENERATED) return [...words, `the ${LONGEST_GENERATED} characters that Coffre generates at most`];
  return undefined;
}

/** With one character left there is one password of each length: no password at all. */
function findEmptyAlphabet(merged: MergedPolicy, accepted: string): string[] | undefined {
  if (policyAlphabet(merged, accepted).length > 1) return undefined;
  return ["a choice of at least two characters", ...findBlame(merged, accepted, PRINTABLE_ASCII, 1)];
}

function findBitsClash(merged: MergedPolicy, minBits: Rule<number>, accepted: string): string[] | undefined {
  const { maxLength } = merged;
  const longest = Math.min(maxLength?.value ?? LONGEST_GENERATED, LONGEST_GENERATED);
  const parts = partsOf(merged, accepted);
  if (shortestWithBits(minBits.value, parts, longest) !== undefined) return undefined;
  const characters = parts.reduce((sum, part) => sum + part.characters.length, 0);
  const length =
    maxLength !== undefined && maxLength.value === longest
      ? named("maxLength", maxLength)
      : `the ${longest} characters that Coffre generates at most`;
  return [named("minBits", minBits), `${length} over ${characters} different characters`];
}

/**
 * What leaves at most `left` of these characters: one cause if one alone is enough, else all that take part.
 */
function findBlame(merged: MergedPolicy, accepted: string, characters: string, left = 0): string[] {
  const causes = [
    ...merged.forbidden.map((rule) => ({
      words: namedText("forbidden", rule),
      keep: (text: string) => withoutCharacters(text, rule.value),
    })),
    ...merged.allowedSymbols.map((rule) => ({
      words: namedText("allowedSymbols", rule),
      keep: (text: string) => keepSymbols(text, rule.value),
    })),
    ...(merged.allowedSymbols.length > 0
      ? []
      : [
          {
            words: "the symbols that Coffre draws unless allowedSymbols names others",
            keep: (text: string) => keepSymbols(text, DEFAULT_SYMBOLS),
          },
        ]),
    { words: "the characters that the target accepts", keep: (text: string) => onlyCharacters(text, accepted) },
  ];
  const alone = causes.find((cause) => cause.keep(characters).length <= left);
  const blamed = alone === undefined ? causes.filter((cause) => cause.keep(characters) !== characters) : [alone];
  return blamed.map((cause) => cause.words);
}

function keepSymbols(text: string, symbols: string): string {
  return withoutCharacters(text, withoutCharacters(ofClass(text, "symbol"), symbols));
}

function named(property: string, rule: Rule<number>): string {
  return `${property} ${rule.value} (category ${rule.from})`;
}

function namedText(property: string, rule: Rule<string>): string {
  return `${property} ${JSON.stringify(rule.value)} (category ${rule.from})`;
}

function namedCount(
  characterClass: CharacterClass,
  rule: Rule<number> & { declared: "require" | "minCounts" },
): string {
  const words = rule.declared === "require" ? `require ${characterClass}` : `minCounts.${characterClass} ${rule.value}`;
  return `${words} (category ${rule.from})`;
}

function joinWords(words: string[]): string {
  return `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}
