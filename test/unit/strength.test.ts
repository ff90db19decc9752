import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { Secret } from "../../provider/core/secret.js";
import { estimateBits, strengthBits, strengthLabel } from "../../provider/core/strength.js";

test("a drawn password is worth its length times the bits of its pool", () => {
  expect(strengthBits(32, 16)).toBe(128);
  expect(strengthBits(10, 1)).toBe(0);
  expect(strengthBits(10, 0)).toBe(0);
});

test("a value of a person is never estimated above an even draw from its classes", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 50 }), (text) => {
      const bits = estimateBits(new Secret(text));
      expect(bits).toBeGreaterThanOrEqual(0);
      expect(bits).toBeLessThanOrEqual(strengthBits([...text].length, 195) + 1);
    }),
  );
});

test.each([
  ["aaaaaaaaaaaa", 10],
  ["abcdefghijkl", 17],
  ["987654321", 13],
  ["abcabcabcabc", 10],
])("%s is worth hardly anything", (text, most) => {
  expect(estimateBits(new Secret(text))).toBeLessThan(most);
});

test("twelve characters of four classes without a pattern are worth what an even draw is", () => {
  expect(estimateBits(new Secret("kT4-hq9_Zw2+"))).toBeCloseTo(12 * Math.log2(95), 6);
});

test.each([
  ["", "weak"],
  ["Ab1!xyz", "weak"],
  ["abcdefghijklmnop", "weak"],
  ["abcdefg1", "acceptable"],
  ["abcdefghijk1", "acceptable"],
  ["Abcdefghijk1", "strong"],
])("%j is %s", (text, label) => {
  expect(strengthLabel(new Secret(text))).toBe(label);
});
