import { describe, expect, test } from "@jest/globals";
import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { ALL_SYMBOLS, PRINTABLE_ASCII } from "../../provider/core/alphabet.js";
import { countPasswords, drawByCounts, drawByRejection, passwordBits } from "../../provider/core/draw.js";
import type { Part } from "../../provider/core/draw.js";
import { isCoffreError } from "../../provider/core/errors.js";
import { generatePassword } from "../../provider/core/generate.js";
import { checkPassword, mergePolicies, policyAlphabet } from "../../provider/core/policy.js";
import type { PasswordPolicy } from "../../provider/core/policy.js";
import { chiSquare, chiSquareLimit } from "../fixtures/chi-square.js";
import { policies } from "../fixtures/policies.js";

const generate = (policy: PasswordPolicy, accepted?: string) =>
  generatePassword(mergePolicies([{ policy, from: "A" }]), accepted).reveal();

describe("a generated password", () => {
  test("has 24 characters of printable ASCII without space, quotes and backslash when nothing is asked", () => {
    const password = generate({});
    expect(password).toMatch(/^[!-~]{24}$/);
    expect(policyAlphabet(mergePolicies([]))).toHaveLength(90);
    expect(policyAlphabet(mergePolicies([]))).not.toMatch(/["'`\\ ]/);
  });

  test("obeys every policy that can be met, on every target", () => {
    let met = 0;
    const accepted = fc.oneof(fc.constant(PRINTABLE_ASCII), fc.string({ unit: "grapheme-ascii", maxLength: 60 }));
    fc.assert(
      fc.property(fc.array(policies, { maxLength: 3 }), accepted, (list, acceptedCharacters) => {
        const merged = mergePolicies(list.map((policy, index) => ({ policy, from: `level ${index}` })));
        try {
          const password = generatePassword(merged, acceptedCharacters);
          met++;
          expect([...password.reveal()].filter((character) => !acceptedCharacters.includes(character))).toEqual([]);
          // The estimate for values of people is lower than what an even draw is worth: not a rule for generated ones.
          expect(checkPassword(merged, password).filter(({ rule }) => rule !== "minBits")).toEqual([]);
        } catch (error) {
          if (!isCoffreError(error, "POLICY")) throw error;
        }
      }),
      { numRuns: 500 },
    );
    expect(met).toBeGreaterThan(100);
  });

  test("gets longer until it has the bits that are asked for, and no longer", () => {
    expect(generate({ minBits: 200 }, "0123456789")).toMatch(/^[0-9]{61}$/); // 61 * log2(10) = 202.6
    expect(generate({ minBits: 64 }, "0123456789")).toHaveLength(24);
  });

  test.each([
    ["20 digits of 24", { minCounts: { digit: 20 } }],
    ["nothing but digits by count", { minCounts: { digit: 24 }, maxLength: 24 }],
    ["one of each in four", { maxLength: 4, require: ["upper", "lower", "digit", "symbol"] }],
    ["200 symbols", { minCounts: { symbol: 200 } }],
  ] satisfies [string, PasswordPolicy][])(
    "comes at once also when chance alone would hardly find it: %s",
    (_, policy) => {
      const merged = mergePolicies([{ policy, from: "A" }]);
      const started = performance.now();
      expect(checkPassword(merged, generatePassword(merged))).toEqual([]);
      expect(performance.now() - started).toBeLessThan(2000);
    },
  );

  test("uses a symbol that the policy names though it isn't drawn by default", () => {
    expect(generate({ allowedSymbols: "'", minCounts: { symbol: 20 } })).toMatch(/'/);
  });

  test("never has the same character twice in its pool, however often the target names it", () => {
    const password = generate({ minLength: 256 }, "aaaaaaaaaaaaaaaaaaab");
    const share = [...password].filter((character) => character === "a").length;
    expect(share).toBeGreaterThan(70); // 128 are expected; 70 is 7 standard deviations away
    expect(share).toBeLessThan(186);
  });
});

describe("all passwords that obey are equally likely", () => {
  const small: Part[] = [
    { characters: "ab", atLeast: 1 },
    { characters: "1", atLeast: 1 },
    { characters: "!", atLeast: 0 },
  ];
  const fits = (text: string) => /[ab]/.test(text) && text.includes("1");
  const draws = 20_000;

  test("when drawn by rejection", () => {
    expectEven(() => drawByRejection(3, small, 1000));
  });

  test("when drawn by counts", () => {
    expectEven(() => drawByCounts(3, small));
  });

  test("when the public function chooses between the two", () => {
    const merged = mergePolicies([{ policy: { maxLength: 3, minCounts: { digit: 3 } }, from: "A" }]);
    const accepted = "abcdefghijklmnopqrstuvwxyz12";
    const counts = countDraws(() => generatePassword(merged, accepted).reveal(), 4_000);
    expect(counts.size).toBe(8);
    expect(chiSquare([...counts.values()])).toBeLessThan(chiSquareLimit(7));
  });

  test("each character of the default alphabet comes as often as any other", () => {
    const counts = countDraws(
      characters(() => generatePassword(mergePolicies([])).reveal()),
      90_000,
    );
    expect(counts.size).toBe(90);
    expect(chiSquare([...counts.values()])).toBeLessThan(chiSquareLimit(89));
  });

  test("and the same measure finds a draw that takes random bytes modulo the size of the alphabet", () => {
    const alphabet = policyAlphabet(mergePolicies([]));
    const biased = () => [...randomBytes(24)].map((byte) => alphabet.charAt(byte % alphabet.length)).join("");
    const counts = countDraws(characters(biased), 90_000);
    expect(counts.size).toBe(90);
    expect(chiSquare([...counts.values()])).toBeGreaterThan(chiSquareLimit(89));
  });

  test("and it finds a required class that is put at the front instead of anywhere", () => {
    const counts = countDraws(() => {
      const [first = "", ...rest] = drawByCounts(3, small) ?? "";
      return /[ab]/.test(first) ? [first, ...rest].join("") : [...rest, first].join("");
    }, draws);
    expect(chiSquare([...counts.values()])).toBeGreaterThan(chiSquareLimit(counts.size - 1));
  });

  function expectEven(draw: () => string | undefined) {
    const counts = countDraws(() => draw() ?? "", draws);
    expect([...counts.keys()].every(fits)).toBe(true);
    expect(counts.size).toBe(Number(countPasswords(3, small)));
    expect(chiSquare([...counts.values()])).toBeLessThan(chiSquareLimit(counts.size - 1));
  }

  function countDraws(draw: () => string, times: number): Map<string, number> {
    const counts = new Map<string, number>();
    for (let drawn = 0; drawn < times; drawn++) {
      const value = draw();
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    return counts;
  }

  function characters(draw: () => string): () => string {
    let left: string[] = [];
    return () => {
      if (left.length === 0) left = [...draw()];
      return left.pop() ?? "";
    };
  }
});

describe("counting", () => {
  test("is what trying them all says", () => {
    const part = fc.record({ size: fc.integer({ min: 1, max: 3 }), atLeast: fc.integer({ min: 0, max: 3 }) });
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 3 }), fc.integer({ min: 0, max: 4 }), (sizes, length) => {
        const parts = sizes.map(({ size, atLeast }, index) => ({
          characters: ["abc", "123", "!?#"][index]?.slice(0, size) ?? "",
          atLeast,
        }));
        let texts = [""];
        for (let position = 0; position < length; position++) {
          texts = texts.flatMap((text) => parts.flatMap((each) => [...each.characters].map((next) => text + next)));
        }
        const fitting = texts.filter((text) =>
          parts.every((each) => [...text].filter((next) => each.characters.includes(next)).length >= each.atLeast),
        );
        expect(countPasswords(length, parts)).toBe(BigInt(fitting.length));
        if (fitting.length === 0) expect(drawByCounts(length, parts)).toBeUndefined();
        else expect(fitting).toContain(drawByCounts(length, parts));
      }),
      { numRuns: 200 },
    );
  });

  test("gives bits, also for numbers that a double can't hold", () => {
    expect(passwordBits(24, [{ characters: "01", atLeast: 0 }])).toBe(24);
    expect(passwordBits(256, [{ characters: PRINTABLE_ASCII, atLeast: 0 }])).toBeCloseTo(256 * Math.log2(94), 6);
    expect(passwordBits(3, [{ characters: ALL_SYMBOLS, atLeast: 4 }])).toBe(-Infinity);
  });

  test("gives up by rejection when told to", () => {
    expect(drawByRejection(3, [{ characters: "ab", atLeast: 4 }], 10)).toBeUndefined();
  });
});
