import { spawnSync } from "node:child_process";
import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { Masker, MaskPatterns } from "../../provider/delivery/mask.js";
import { formsOf } from "../leak/search.ts";

/** A symbol of each kind that encodings treat on their own, and letters that base64 shifts. */
const VALUE = `xQ7/kd+9-m"P'z%4wA<é&`;

function masked(values: readonly string[], pieces: readonly (string | Buffer)[]): string {
  const masker = new Masker(new MaskPatterns(values.map((value) => Buffer.from(value))));
  const shown = pieces.map((piece) => masker.add(Buffer.from(piece as string))); // Buffer.from takes both
  return Buffer.concat([...shown, masker.end()]).toString();
}

/** Cut after each byte. */
function bytewise(text: string): Buffer[] {
  return [...Buffer.from(text)].map((byte) => Buffer.from([byte]));
}

describe("a value isn't shown", () => {
  // By the same list of forms that the search for leaks has, which was written apart from this one.
  test.each(
    formsOf(VALUE)
      .filter(({ name }) => !name.includes("JSON in JSON"))
      .map(({ name, text }) => [name, text]),
  )("as %s, in one piece and byte by byte", (_name, text) => {
    const shown = masked([VALUE], [`before ${text} after\n`]);
    expect(shown).toContain("[secret]");
    expect(shown).not.toContain(text);
    expect(masked([VALUE], bytewise(`before ${text} after\n`))).toBe(shown);
  });

  test.each([
    ["bash", ["-c", 'printf "%q\\n" "$0"']],
    ["bash", ["-c", "v=$0; declare -p v"]],
    ["python3", ["-c", "import sys, shlex; print(shlex.quote(sys.argv[1]))"]],
    ["python3", ["-c", "import sys; print(repr(sys.argv[1]))"]],
    [process.execPath, ["-e", "console.log({ v: process.argv[1] })"]],
    [process.execPath, ["-p", "JSON.stringify(process.argv[1])", "--"]],
  ])("as %s %j prints it", (program, args) => {
    const hard = [
      "it's $5 & `more`",
      `a "quoted" it's`,
      'back\\slash "and" $x',
      "~tilde, comma{brace}",
      "plain-value=1:2",
    ];
    for (const value of hard) {
      const { stdout, status } = spawnSync(program, [...args, value], { encoding: "utf8" });
      expect(status).toBe(0);
      const shown = masked([value], [stdout]);
      expect({ program, stdout, shown }).toMatchObject({ shown: expect.stringContaining("[secret]") });
    }
  });

  test("as YAML's single quotes have it", () => {
    expect(masked(["it's a value"], ["key: 'it''s a value'\n"])).toBe("key: '[secret]'\n");
  });

  test("where another begins in the middle of it", () => {
    expect(masked(["abcdef", "defghi"], ["-abcdefghi-"])).toBe("-[secret]-");
    expect(masked(["abcdef", "cdef"], ["-abcdef-cdef-"])).toBe("-[secret]-[secret]-");
    expect(masked(["abcdef", "abcdefgh"], ["abcdefg", "h abcdef"])).toBe("[secret] [secret]");
  });

  test("line by line, if it has several", () => {
    const key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG\n-----END KEY-----";
    expect(masked([key], ["debug: MIIEvQIBADANBgkqhkiG\n"])).toBe("debug: [secret]\n");
    expect(masked([key], [key.replaceAll("\n", "\r\n")])).not.toContain("MII");
  });

  test("whatever its characters, and wherever the pieces end", () => {
    const value = fc
      .string({ minLength: 4, maxLength: 30, unit: "grapheme" })
      .filter((text) => Buffer.byteLength(text) >= 4);
    const cuts = fc.array(fc.nat({ max: 200 }), { maxLength: 10 });
    fc.assert(
      fc.property(value, fc.string(), fc.string(), cuts, (secret, before, after, places) => {
        const text = Buffer.from(`${before}${secret}${after}`);
        const ends = [...new Set(places.map((place) => Math.min(place, text.length)))].sort((a, b) => a - b);
        const pieces = [0, ...ends].map((from, index) => text.subarray(from, ends[index] ?? text.length));
        const shown = masked([secret], pieces);
        expect(shown).toContain("[secret]");
        expect(shown).toBe(masked([secret], [text]));
      }),
      { numRuns: 300 },
    );
  });
});

describe("everything else is shown", () => {
  test("byte for byte, what isn't text included", () => {
    const bytes = Buffer.from(Array.from({ length: 512 }, (_, index) => (index * 7) % 256));
    const masker = new Masker(new MaskPatterns([Buffer.from(VALUE)]));
    expect(Buffer.concat([masker.add(bytes.subarray(0, 99)), masker.add(bytes.subarray(99)), masker.end()])).toEqual(
      bytes,
    );
  });

  test("also what begins like a value, once it is known not to be one", () => {
    expect(masked(["abcdef"], ["abc", "xyz abcde"])).toBe("abcxyz abcde");
    const masker = new Masker(new MaskPatterns([Buffer.from("abcdef")]));
    expect(masker.add(Buffer.from("ready? abc")).toString()).toBe("ready? ");
    expect(masker.end().toString()).toBe("abc");
  });

  test("nothing is looked for that has less than four bytes", () => {
    expect(masked(["abc", ""], ["abc abc"])).toBe("abc abc");
  });
});
