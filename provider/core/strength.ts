import { CHARACTER_CLASSES, classOf } from "./alphabet.js";
import type { CharacterClass } from "./alphabet.js";
import type { Secret } from "./secret.js";

/** Bits of a password whose `length` characters were drawn one by one, evenly, from `poolSize` different ones. */
export function strengthBits(length: number, poolSize: number): number {
  return poolSize < 1 ? 0 : length * Math.log2(poolSize);
}

/** Size of the pool that each class stands for when a person chose the characters; 100 for anything outside ASCII. */
const CLASS_SIZES: Record<CharacterClass, number> = { upper: 26, lower: 26, digit: 10, symbol: 33 };
const OUTSIDE_ASCII_SIZE = 100;

/**
 * An upper bound, in bits, for a value that a person brings: as if each character were drawn evenly from the classes
 * that occur; one that repeats its neighbour or goes on in its step (`aaa`, `abc`, `321`) counts one bit, and so does a
 * part that is written again (`abcabc`). It knows no words, names or dates: what people think of is weaker than this says.
 */
export function estimateBits(value: Secret): number {
  const characters = shortestRepeated([...value.reveal()]);
  const classes = new Set(characters.map((character) => (character > "~" ? "outside" : classOf(character))));
  let poolSize = 0;
  for (const found of classes) poolSize += found === "outside" ? OUTSIDE_ASCII_SIZE : CLASS_SIZES[found];
  let bits = 0;
  for (const [index, character] of characters.entries()) {
    bits += index > 0 && isStep(characters[index - 1], character) ? 1 : Math.log2(poolSize);
  }
  return bits + ([...value.reveal()].length > characters.length ? 1 : 0);
}

/**
 * A label for reports. Coffre's own thresholds, nobody's standard: `weak` has fewer than 8 characters or one class only,
 * `strong` has 12 or more and three classes, `acceptable` is what lies between.
 */
export function strengthLabel(value: Secret): "weak" | "acceptable" | "strong" {
  const characters = [...value.reveal()];
  const classes = CHARACTER_CLASSES.filter((wanted) => characters.some((character) => classOf(character) === wanted));
  if (characters.length < 8 || classes.length < 2) return "weak";
  return characters.length >= 12 && classes.length >= 3 ? "strong" : "acceptable";
}

function isStep(before: string | undefined, character: string): boolean {
  const step = (character.codePointAt(0) ?? 0) - (before?.codePointAt(0) ?? 0);
  return Math.abs(step) <= 1;
}

/** `abcabc` is `abc`; what isn't a part written again and again stays as it is. */
function shortestRepeated(characters: string[]): string[] {
  for (let length = 1; length <= characters.length / 2; length++) {
    if (characters.length % length !== 0) continue;
    if (characters.every((character, index) => character === characters[index % length]))
      return characters.slice(0, length);
  }
  return characters;
}
