import { inspect } from "node:util";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { CoffreError } from "../../provider/core/errors.js";
import { checkFieldName, checkFieldValue, fileBytes, fileValue, textValue } from "../../provider/core/field.js";
import { Secret } from "../../provider/core/secret.js";

test.each(["a", "api-token", "tls.key", "Key_2", "x".repeat(64)])("%s is the name of a field", (name) => {
  expect(checkFieldName(name)).toBe(name);
});

test.each(["", "2fa", "api token", "a/b", "a?b", "é", "x".repeat(65), "password", "USERNAME", "tags", "a\n"])(
  "%j is no name of a field",
  (name) => expect(() => checkFieldName(name)).toThrow(CoffreError),
);

test("every file comes back byte for byte", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), (bytes) => {
      const kept = checkFieldValue("The file", "file", fileValue(bytes));
      return fileBytes(kept).equals(bytes);
    }),
  );
});

test("text keeps all but one line end at its end", () => {
  expect(textValue("The value", Buffer.from("a\nb\r\n")).reveal()).toBe("a\nb");
  expect(textValue("The value", Buffer.from("a\n\n")).reveal()).toBe("a\n");
  expect(textValue("The value", Buffer.from("\ufeffa")).reveal()).toBe("\ufeffa");
});

test("bytes that are no text are refused without being shown", () => {
  const bytes = Buffer.concat([Buffer.from("s3cr3t"), Buffer.of(0xff)]);
  let error: unknown;
  try {
    textValue("The value of f", bytes);
  } catch (thrown) {
    error = thrown;
  }
  expect(String(error)).toContain("The value of f isn't UTF-8 text");
  expect(inspect(error, { showHidden: true, depth: 5 })).not.toContain("s3cr3t");
});

test("limits count bytes, not characters", () => {
  expect(checkFieldValue("It", "text", new Secret("é".repeat(2048))).reveal()).toHaveLength(2048);
  expect(() => checkFieldValue("It", "text", new Secret("é".repeat(2049)))).toThrow("It is larger than 4096 bytes");
});
