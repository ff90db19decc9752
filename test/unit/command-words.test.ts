import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { quotableLine } from "../../provider/target/command/words.js";

const VALUE = "xQ7/kd+9-mPz%4wA";
const base64 = (text: string) => Buffer.from(text).toString("base64");

describe("what a program wrote is quoted", () => {
  test("by its last line, without its line break, colours and control characters", () => {
    expect(quotableLine("one\n% The switch says no.\r\n\n", [VALUE])).toBe("% The switch says no");
    expect(quotableLine("\x1b[31mno\x07 way\x1b[0m", [VALUE])).toBe("no way");
    expect(quotableLine("x".repeat(500), [VALUE])).toHaveLength(200);
  });

  test("not at all if it wrote nothing", () => {
    expect(quotableLine("", [VALUE])).toBeUndefined();
    expect(quotableLine(" \n\r\n", [VALUE])).toBeUndefined();
  });

  test("also if there is no secret, or an empty one", () => {
    expect(quotableLine("no", [])).toBe("no");
    expect(quotableLine("no", [""])).toBe("no");
  });
});

describe("nothing is quoted if the value is anywhere in it", () => {
  test.each([
    ["as it is", VALUE],
    ["in part", VALUE.slice(3, 8)],
    ["in upper case", VALUE.toUpperCase()],
    ["in base64", base64(VALUE)],
    ["in base64 behind one byte", base64(`p${VALUE}`)],
    ["in base64 behind two bytes, with more after it", base64(`p=${VALUE}; x`)],
    ["in base64 for URLs", Buffer.from(`user:${VALUE}`).toString("base64url")],
    ["in base64 over two lines", base64(VALUE).replace(/(.{8})/, "$1\n")],
    ["in hexadecimal", Buffer.from(VALUE).toString("hex")],
    ["in hexadecimal, byte by byte", Buffer.from(VALUE).toString("hex").replace(/../g, "\\x$& ")],
    ["percent-encoded", encodeURIComponent(VALUE)],
    ["in JSON", JSON.stringify({ password: VALUE })],
    ["quoted for a shell", VALUE.replace(/[^\w]/g, "\\$&")],
    ["letter by letter", [...VALUE].join("\n")],
    ["between colours", [...VALUE].join("\x1b[0m")],
  ])("%s", (_, text) => {
    expect(quotableLine(`debug: ${text}\nthe last line`, [VALUE])).toBeUndefined();
    expect(quotableLine(`debug: ${text}\nthe last line`, ["Other-Value-8", VALUE])).toBeUndefined();
  });

  test("of whatever characters it is", () => {
    const value = fc.string({ minLength: 4, maxLength: 40, unit: "grapheme-ascii" });
    fc.assert(
      fc.property(value, fc.string(), fc.string(), (secret, before, after) => {
        expect(quotableLine(`${before}${secret}${after}\nlast`, [secret])).toBeUndefined();
        expect(quotableLine(`${before}\n${base64(secret)}`, [secret])).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });
});
