import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { generatePassword } from "../../provider/core/generate.js";
import {
  PasswordPolicy,
  checkPassword,
  checkPolicy,
  mergePolicies,
  policyAlphabet,
} from "../../provider/core/policy.js";
import { Secret } from "../../provider/core/secret.js";
import { policies } from "../fixtures/policies.js";

const DIGITS = "0123456789";
const merge = (...list: PasswordPolicy[]) =>
  mergePolicies(list.map((policy, index) => ({ policy, from: "ABCDEFGH".charAt(index) })));
const broken = (policy: PasswordPolicy, text: string) =>
  checkPassword(merge(policy), new Secret(text)).map(({ rule }) => rule);
const problemOf = (list: PasswordPolicy[], accepted?: string) => {
  try {
    checkPolicy(merge(...list), accepted);
    return "none";
  } catch (error) {
    expect(error).toMatchObject({ code: "POLICY" });
    return (error as { problem: string }).problem; // the matcher above proved that it is a CoffreError
  }
};

describe("merged policies: the strictest rule wins", () => {
  const values = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 40 }),
    fc.string({ unit: "grapheme-ascii", maxLength: 40 }),
  );

  test("what the merged policy takes, each policy takes, and the other way round", () => {
    fc.assert(
      fc.property(fc.array(policies, { minLength: 1, maxLength: 4 }), values, (list, text) => {
        const byAll = list.every((policy) => broken(policy, text).length === 0);
        expect(checkPassword(merge(...list), new Secret(text)).length === 0).toBe(byAll);
      }),
      { numRuns: 1000 },
    );
  });

  test("what is generated for the merged policy, each policy takes", () => {
    const mergeable = fc.array(policies, { minLength: 2, maxLength: 3 }).filter((list) => problemOf(list) === "none");
    fc.assert(
      fc.property(mergeable, (list) => {
        const password = generatePassword(merge(...list)).reveal();
        for (const policy of list) expect(broken(policy, password).filter((rule) => rule !== "minBits")).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  test("the order changes nothing but the categories that are named", () => {
    const rules = (list: PasswordPolicy[]) => {
      const merged = merge(...list);
      const counts = Object.entries(merged.minCounts).map(([characterClass, rule]) => [characterClass, rule.value]);
      return {
        lengths: [merged.minLength?.value, merged.maxLength?.value, merged.minBits?.value],
        counts: Object.fromEntries(counts) as Record<string, number>,
        alphabet: policyAlphabet(merged),
      };
    };
    fc.assert(
      fc.property(fc.array(policies, { maxLength: 4 }), (list) =>
        expect(rules(list)).toEqual(rules(list.toReversed())),
      ),
    );
  });

  test("each rule remembers its category, of equal ones the one nearer to the root", () => {
    const merged = merge(
      { minLength: 12, maxLength: 40, require: ["digit"], forbidden: "0" },
      { minLength: 20, maxLength: 64, require: ["digit"], minCounts: { upper: 2 }, forbidden: "O" },
      { minLength: 20, minCounts: { digit: 3 }, allowedSymbols: "!" },
    );
    expect(merged).toEqual({
      minLength: { value: 20, from: "B" },
      maxLength: { value: 40, from: "A" },
      minCounts: {
        upper: { value: 2, from: "B", declared: "minCounts" },
        digit: { value: 3, from: "C", declared: "minCounts" },
      },
      forbidden: [
        { value: "0", from: "A" },
        { value: "O", from: "B" },
      ],
      allowedSymbols: [{ value: "!", from: "C" }],
    });
  });

  test("only symbols that all allow are left", () => {
    expect(policyAlphabet(merge({ allowedSymbols: "!@#" }, { allowedSymbols: "#!-" }))).toMatch(
      /^[A-Za-z0-9]{62}[!#]{2}$/,
    );
    expect(policyAlphabet(merge({ allowedSymbols: "" }), `${DIGITS}!`)).toBe(DIGITS);
  });
});

describe("rules that can't be met together are named with their categories:", () => {
  test.each<[string, PasswordPolicy[], string | undefined]>([
    [
      "minLength 32 (category A) and maxLength 16 (category B) can't both be met",
      [{ minLength: 32 }, { maxLength: 16 }],
      undefined,
    ],
    [
      'require digit (category A) and forbidden "0123456789" (category B) can\'t both be met',
      [{ require: ["digit"] }, { forbidden: DIGITS }],
      undefined,
    ],
    [
      'require digit (category A), forbidden "01234" (category B) and forbidden "56789" (category C) can\'t all be met',
      [{ require: ["digit"] }, { forbidden: "01234" }, { forbidden: "56789" }],
      undefined,
    ],
    [
      'require symbol (category A) and allowedSymbols "" (category B) can\'t both be met',
      [{ require: ["symbol"] }, { allowedSymbols: "" }],
      undefined,
    ],
    [
      'minCounts.symbol 2 (category A), allowedSymbols "!@" (category A) and allowedSymbols "#" (category B) can\'t all be met',
      [{ minCounts: { symbol: 2 }, allowedSymbols: "!@" }, { allowedSymbols: "#" }],
      undefined,
    ],
    [
      "require symbol (category A) and the characters that the target accepts can't both be met",
      [{ require: ["symbol"] }],
      "abcDEF012",
    ],
    [
      "require symbol (category A), the symbols that Coffre draws unless allowedSymbols names others and the characters " +
        "that the target accepts can't all be met",
      [{ require: ["symbol"] }],
      "abc'",
    ],
    [
      "minCounts.upper 6 (category A), minCounts.digit 6 (category B) and maxLength 10 (category C) can't all be met",
      [{ minCounts: { upper: 6 } }, { minCounts: { digit: 6 } }, { maxLength: 10 }],
      undefined,
    ],
    [
      "minCounts.upper 200 (category A), minCounts.digit 100 (category A) and the 256 characters that Coffre generates at most can't all be met",
      [{ minCounts: { upper: 200, digit: 100 } }],
      undefined,
    ],
    [
      "minBits 128 (category A) and maxLength 12 (category B) over 90 different characters can't both be met",
      [{ minBits: 128 }, { maxLength: 12 }],
      undefined,
    ],
    [
      "minBits 300 (category A) and the 256 characters that Coffre generates at most over 2 different characters can't both be met",
      [{ minBits: 300 }],
      "01",
    ],
    ["a choice of at least two characters and the characters that the target accepts can't both be met", [{}], "é "],
  ])("%s", (problem, list, accepted) => {
    expect(problemOf(list, accepted)).toBe(problem);
    expect(() => generatePassword(merge(...list), accepted)).toThrow(problem);
  });

  test("and rules that can only just be met aren't refused", () => {
    expect(problemOf([{ minLength: 16 }, { maxLength: 16 }])).toBe("none");
    expect(problemOf([{ minCounts: { upper: 6, digit: 6 } }, { maxLength: 12 }])).toBe("none");
    expect(problemOf([{ minBits: 256 }], "01")).toBe("none");
    expect(problemOf([{ require: ["symbol"], allowedSymbols: "'" }], "ab'")).toBe("none");
  });

  test("a policy is refused exactly when nothing can be generated", () => {
    fc.assert(
      fc.property(
        fc.array(policies, { maxLength: 4 }),
        fc.string({ unit: "grapheme-ascii", maxLength: 40 }),
        (list, accepted) => {
          const met = problemOf(list, accepted) === "none";
          if (met) expect(generatePassword(merge(...list), accepted).reveal()).not.toBe("");
          else
            expect(() => generatePassword(merge(...list), accepted)).toThrow(
              expect.objectContaining({ code: "POLICY" }),
            );
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("a value that a person brings", () => {
  test.each<[PasswordPolicy, string, string[]]>([
    [{}, "", ["empty"]],
    [{}, "x", []],
    [{ minLength: 3 }, "é😀", ["minLength"]],
    [{ maxLength: 2 }, "é😀", []],
    [{ require: ["upper", "digit"] }, "abc", ["minCounts", "minCounts"]],
    [{ minCounts: { symbol: 2 } }, "é !", []],
    [{ forbidden: "0O" }, "a0", ["forbidden"]],
    [{ allowedSymbols: "!" }, "a!é", ["allowedSymbols"]],
    [{ minBits: 60 }, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaa", ["minBits"]],
    [{ minBits: 60 }, "kT4-hq9_Zw2+", []],
  ])("is held against %j: %j breaks %j", (policy, text, rules) => {
    expect(broken(policy, text)).toEqual(rules);
  });

  test("is in no message", () => {
    const [first] = checkPassword(merge({ minLength: 20 }), new Secret("hunter2"));
    expect(first).toEqual({
      rule: "minLength",
      from: "A",
      message: "it must have at least 20 characters (category A)",
    });
    const list: PasswordPolicy = { minLength: 20, require: ["upper"], forbidden: "2", allowedSymbols: "", minBits: 90 };
    expect(JSON.stringify(checkPassword(merge(list), new Secret("hunter2!")))).not.toMatch(/hunter|!/);
  });
});

describe("a declared policy", () => {
  test.each<[unknown, string]>([
    [{ minLenght: 8 }, "minLenght"],
    [{ minLength: 0 }, "minLength"],
    [{ minLength: 1.5 }, "minLength"],
    [{ minLength: 257 }, "minLength"],
    [{ require: ["upper", "umlaut"] }, "require"],
    [{ minCounts: { digits: 1 } }, "digits"],
    [{ minCounts: { digit: -1 } }, "minCounts"],
    [{ allowedSymbols: "!é" }, "allowedSymbols"],
    [{ allowedSymbols: "a" }, "allowedSymbols"],
    [{ minBits: 1000 }, "minBits"],
  ])("%j is refused, naming the property", (policy, property) => {
    const { error } = PasswordPolicy.safeParse(policy);
    expect(JSON.stringify(error?.issues)).toContain(property);
  });

  test("with everything is taken as it is", () => {
    const policy = {
      minLength: 24,
      maxLength: 64,
      require: ["upper"],
      minCounts: { digit: 2 },
      forbidden: "0O",
      allowedSymbols: "!-_",
      minBits: 128,
    };
    expect(PasswordPolicy.parse(policy)).toEqual(policy);
  });
});
