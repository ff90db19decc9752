import * as z from "zod";
import {
  ALL_SYMBOLS,
  CHARACTER_CLASSES,
  DEFAULT_SYMBOLS,
  PRINTABLE_ASCII,
  ofClass,
  onlyCharacters,
  withoutCharacters,
} from "./alphabet.js";
import type { CharacterClass } from "./alphabet.js";
import type { Part } from "./draw.js";

/** The longest password that Coffre generates, and so the highest `minLength`. */
export const LONGEST_GENERATED = 256;
/** How long a generated password is unless a policy asks for another length. */
export const DEFAULT_LENGTH = 24;

const Count = z.int().min(0).max(LONGEST_GENERATED);
const Symbols = z.string().refine((text) => withoutCharacters(text, ALL_SYMBOLS) === "", {
  error: `may only have symbols of printable ASCII: ${ALL_SYMBOLS}`,
});

/**
 * What passwords of a category must be like. A category inherits the rules of those above it; where several speak, the
 * strictest holds. Nothing is required by default; a generated password has 24 characters then, of letters, digits and
 * the symbols of {@link DEFAULT_SYMBOLS}.
 */
export const PasswordPolicy = z.strictObject({
  /** Fewest characters, 1 to 256. */
  minLength: z.int().min(1).max(LONGEST_GENERATED).optional(),
  /** Most characters, 1 to 4096. */
  maxLength: z.int().min(1).max(4096).optional(),
  /** Classes of which at least one character must occur: the same as a count of 1. */
  require: z.array(z.enum(CHARACTER_CLASSES)).optional(),
  /** Fewest characters of a class, 0 to 256. */
  minCounts: z.partialRecord(z.enum(CHARACTER_CLASSES), Count).optional(),
  /** Characters that must not occur, of any kind, for example `"0O1lI"`. */
  forbidden: z.string().max(1000).optional(),
  /**
   * The only symbols that may occur; `""` allows letters and digits only. Default: a generated password has those of
   * {@link DEFAULT_SYMBOLS}; one that a person brings may have any.
   */
  allowedSymbols: Symbols.optional(),
  /** Fewest bits of strength, 1 to 512. A generated password gets longer until it has them. */
  minBits: z.number().min(1).max(512).optional(),
});
export type PasswordPolicy = z.infer<typeof PasswordPolicy>;

/** One rule and the name of the category that it comes from. */
export interface Rule<T> {
  value: T;
  from: string;
}

/** The rules of several policies at once. Made by {@link mergePolicies} only. */
export interface MergedPolicy {
  minLength?: Rule<number>;
  maxLength?: Rule<number>;
  /** Counts above 0 only; `declared` is the property that asked for it. */
  minCounts: Partial<Record<CharacterClass, Rule<number> & { declared: "require" | "minCounts" }>>;
  /** All of them hold. */
  forbidden: Rule<string>[];
  /** All of them hold: a symbol that one leaves out isn't allowed. Empty: nothing was declared. */
  allowedSymbols: Rule<string>[];
  minBits?: Rule<number>;
}

/**
 * Merges policies from the root down, each with the name of its category (`Category.policies` of a vault): the highest
 * minimum, the lowest maximum, everything that any requires or forbids, the symbols that all allow. Of two equal rules
 * the one nearer to the root is kept. It doesn't ask whether they can be met together: `checkPolicy` does.
 */
export function mergePolicies(policies: readonly { policy: PasswordPolicy; from: string }[]): MergedPolicy {
  const merged: MergedPolicy = { minCounts: {}, forbidden: [], allowedSymbols: [] };
  for (const { policy, from } of policies) {
    const { minLength, maxLength, minBits, forbidden, allowedSymbols } = policy;
    if (minLength !== undefined && minLength > (merged.minLength?.value ?? 0))
      merged.minLength = { value: minLength, from };
    if (maxLength !== undefined && maxLength < (merged.maxLength?.value ?? Infinity)) {
      merged.maxLength = { value: maxLength, from };
    }
    if (minBits !== undefined && minBits > (merged.minBits?.value ?? 0)) merged.minBits = { value: minBits, from };
    if (forbidden !== undefined && forbidden !== "") merged.forbidden.push({ value: forbidden, from });
    if (allowedSymbols !== undefined) merged.allowedSymbols.push({ value: allowedSymbols, from });
    for (const characterClass of CHARACTER_CLASSES) {
      const required = policy.require?.includes(characterClass) === true ? 1 : 0;
      const counted = policy.minCounts?.[characterClass] ?? 0;
      const value = Math.max(required, counted);
      if (value <= (merged.minCounts[characterClass]?.value ?? 0)) continue;
      merged.minCounts[characterClass] = { value, from, declared: counted >= value ? "minCounts" : "require" };
    }
  }
  return merged;
}

const LETTERS_AND_DIGITS = withoutCharacters(PRINTABLE_ASCII, ALL_SYMBOLS);

/** The characters that a generated password may have, each once: what the policy allows and the target accepts. */
export function policyAlphabet(merged: MergedPolicy, acceptedCharacters: string = PRINTABLE_ASCII): string {
  const symbols = merged.allowedSymbols.length === 0 ? DEFAULT_SYMBOLS : allowedSymbols(merged);
  const allowed = onlyCharacters(LETTERS_AND_DIGITS + symbols, acceptedCharacters);
  const forbidden = forbiddenCharacters(merged);
  return forbidden === "" ? allowed : withoutCharacters(allowed, forbidden);
}

/** The alphabet in its classes, each with its count: what the drawing works on. Classes without a character are left out. */
export function partsOf(merged: MergedPolicy, acceptedCharacters: string = PRINTABLE_ASCII): Part[] {
  const alphabet = policyAlphabet(merged, acceptedCharacters);
  return CHARACTER_CLASSES.map((characterClass) => ({
    characters: ofClass(alphabet, characterClass),
    atLeast: merged.minCounts[characterClass]?.value ?? 0,
  })).filter((part) => part.characters !== "");
}

function allowedSymbols(merged: MergedPolicy): string {
  return merged.allowedSymbols.reduce((left, rule) => onlyCharacters(left, rule.value), ALL_SYMBOLS);
}

function forbiddenCharacters(merged: MergedPolicy): string {
  return merged.forbidden.map((rule) => rule.value).join("");
}
