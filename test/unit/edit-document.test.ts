import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { formatMetadata, type Metadata, parseMetadata } from "../../provider/cli/edit-document.js";
import { CoffreError } from "../../provider/core/errors.js";
import { checkFieldValue, FIELD_TYPES } from "../../provider/core/field.js";
import { Secret } from "../../provider/core/secret.js";

const text = fc.string({ minLength: 1, unit: "grapheme" }).filter((word) => !word.includes("\0"));
const optional = fc.option(text, { nil: null });
const metadata: fc.Arbitrary<Metadata> = fc.record({
  username: optional,
  url: optional,
  description: optional,
  tags: fc.array(text),
  fields: fc.dictionary(fc.stringMatching(/^f[a-z0-9._-]{0,20}$/), text, { noNullPrototype: true }),
});

test("what the editor is shown is read back as it was, whatever people wrote", () => {
  fc.assert(
    fc.property(metadata, (given) => {
      expect(parseMetadata(formatMetadata({ path: ["C", "a"] }, given))).toEqual(given);
    }),
  );
});

test.each([
  "null",
  "~",
  "yes",
  "1e3",
  "0x1F",
  "2026-01-01",
  "- a",
  "a: b",
  "# no comment",
  " spaces ",
  "a\n\nb\n",
  "'",
  '"',
])("%j stays text", (word) => {
  const given = { username: word, url: null, description: word, tags: [word], fields: { f: word } };
  expect(parseMetadata(formatMetadata({ path: ["a"] }, given))).toEqual(given);
});

test("any text that comes back is taken, or refused in our words", () => {
  const lines = fc.constantFrom(
    "username:",
    "tags:",
    "  - a",
    "fields:",
    "  f: x",
    "*a",
    "&a [*a]",
    "? {",
    "!!js x",
    "<<: *a",
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(lines).map((some) => some.join("\n")),
      ),
      (saved) => {
        try {
          parseMetadata(saved);
        } catch (error) {
          expect(error).toBeInstanceOf(CoffreError);
        }
      },
    ),
  );
});

test("any value of any type is taken, or refused in our words and without being repeated", () => {
  const value = fc.oneof(
    fc.string(),
    fc.stringMatching(/^otpauth:\/\/[ht]otp\/.{0,20}\?(secret=[A-Z2-7]{1,20})?&?.{0,20}$/),
  );
  fc.assert(
    fc.property(fc.constantFrom(...FIELD_TYPES), value, (type, given) => {
      try {
        checkFieldValue("It", type, new Secret(given));
      } catch (error) {
        expect(error).toBeInstanceOf(CoffreError);
        if (given.length > 8) expect(String(error)).not.toContain(given);
      }
    }),
  );
});
