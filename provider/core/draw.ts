import { randomInt, randomBytes } from "node:crypto";
import generator from "generate-password";
import { strengthBits } from "./strength.js";

/** A part of the alphabet, and how many characters of it a password must have at least. Parts don't overlap. */
export interface Part {
  /** Different ASCII characters, at least one. */
  characters: string;
  atLeast: number;
}

/** How many passwords of this length have enough characters of each part. Exact. */
export function countPasswords(length: number, parts: readonly Part[]): bigint {
  return countTable(length, parts)[0]?.[length] ?? 0n;
}

/** The same as bits: what a guesser faces who knows length, alphabet and rules. `-Infinity` if there is none. */
export function passwordBits(length: number, parts: readonly Part[]): number {
  const count = countPasswords(length, parts);
  if (count === 0n) return -Infinity;
  const dropped = Math.max(0, count.toString(2).length - 53);
  return dropped + Math.log2(Number(count >> BigInt(dropped)));
}

/** The first length up to `longest` that has these bits; `undefined` if none has. More length is never fewer bits. */
export function shortestWithBits(bits: number, parts: readonly Part[], longest: number): number | undefined {
  const poolSize = parts.reduce((size, part) => size + part.characters.length, 0);
  for (let length = 1; length <= longest; length++) {
    // Counting takes milliseconds at great lengths; what all strings together don't reach needs no counting.
    if (strengthBits(length, poolSize) >= bits && passwordBits(length, parts) >= bits) return length;
  }
  return undefined;
}

/**
 * Draws evenly among all passwords of this length over all parts until one has enough of each part, at most `tries`
 * times. What it returns is spread evenly among the passwords that fit.
 */
export function drawByRejection(length: number, parts: readonly Part[], tries: number): string | undefined {
  const pool = parts.map((part) => part.characters).join("");
  for (let tried = 0; tried < tries; tried++) {
    const password = drawEvenly(length, pool);
    if (parts.every((part) => hasEnough(password, part))) return password;
  }
  return undefined;
}

/**
 * Draws evenly among the passwords that fit, without trying: first how many characters each part gets, each split
 * weighted by the number of passwords that have it, then the characters, then their order.
 * `undefined` if no password fits.
 */
export function drawByCounts(length: number, parts: readonly Part[]): string | undefined {
  const table = countTable(length, parts);
  if ((table[0]?.[length] ?? 0n) === 0n) return undefined;
  const characters: string[] = [];
  let left = length;
  for (const [index, part] of parts.entries()) {
    const taken = drawTaken(table, index, part, left);
    characters.push(...drawEvenly(taken, part.characters));
    left -= taken;
  }
  // Fisher and Yates: every order is as likely.
  for (let last = characters.length - 1; last > 0; last--) {
    const other = randomInt(last + 1);
    [characters[last], characters[other]] = [characters[other] ?? "", characters[last] ?? ""];
  }
  return characters.join("");
}

/** `table[i][n]`: in how many ways n positions can be filled from the parts i, i+1, …, each with enough of its own. */
function countTable(length: number, parts: readonly Part[]): bigint[][] {
  const table: bigint[][] = [Array.from({ length: length + 1 }, (_, positions) => (positions === 0 ? 1n : 0n))];
  for (const part of parts.toReversed()) {
    const [rest = []] = table;
    const ways = rest.map((_, positions) => sum(splits(part, positions, rest).map((split) => split.ways)));
    table.unshift(ways);
  }
  return table;
}

/** Each number of characters that a part can take of `positions`, with the number of ways to go on from there. */
function splits(part: Part, positions: number, rest: readonly bigint[]): { taken: number; ways: bigint }[] {
  const found: { taken: number; ways: bigint }[] = [];
  const size = BigInt(part.characters.length);
  let fillings = 1n; // C(positions, taken) * size ** taken
  for (let taken = 0; taken <= positions; taken++) {
    if (taken > 0) fillings = (fillings * size * BigInt(positions - taken + 1)) / BigInt(taken);
    if (taken >= part.atLeast) found.push({ taken, ways: fillings * (rest[positions - taken] ?? 0n) });
  }
  return found;
}

/** How many characters this part gets, each number weighted by the passwords that have it. */
function drawTaken(table: bigint[][], index: number, part: Part, left: number): number {
  const candidates = splits(part, left, table[index + 1] ?? []);
  let drawn = randomBelow(sum(candidates.map((candidate) => candidate.ways)));
  for (const { taken, ways } of candidates) {
    if (drawn < ways) return taken;
    drawn -= ways;
  }
  return left; // not reached: the draw is below the sum of all ways
}

/**
 * `generate-password` draws each character evenly from the pool, under three conditions that hold here: the pool has no
 * character twice and none outside ASCII (it picks UTF-16 units), at most 256 of them (more, and it never ends), and its
 * own `strict` and `exclude` stay off (they bias, or overflow the stack).
 */
function drawEvenly(length: number, pool: string): string {
  if (length === 0) return "";
  return generator.generate({ length, symbols: pool, lowercase: false, uppercase: false, numbers: false });
}

function hasEnough(password: string, { characters, atLeast }: Part): boolean {
  let found = 0;
  for (const character of password) if (characters.includes(character)) found++;
  return found >= atLeast;
}

/** Even in 0 … limit - 1: draws of as many bits as the limit has, until one is below it; each is with a chance over 1/2. */
function randomBelow(limit: bigint): bigint {
  if (limit < 1n) throw new RangeError("There is no number below 0 to draw.");
  const bits = limit.toString(2).length;
  const bytes = Math.ceil(bits / 8);
  for (;;) {
    const drawn = BigInt.asUintN(bits, BigInt(`0x${randomBytes(bytes).toString("hex")}`));
    if (drawn < limit) return drawn;
  }
}

function sum(numbers: readonly bigint[]): bigint {
  return numbers.reduce((total, number) => total + number, 0n);
}
