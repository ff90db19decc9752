import { execFileSync } from "node:child_process";
import { parseEnv } from "node:util";
import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { parse as parseYaml } from "yaml";
import { Secret } from "../../provider/core/secret.js";
import { type EscapeName, ESCAPES } from "../../provider/core/escape.js";
import type { DeliveredValue } from "../../provider/delivery/read-wanted.js";
import { parseTemplate, renderTemplate } from "../../provider/delivery/template.js";
import { HARD_TEXTS } from "../fixtures/hard-texts.js";

const escaped = (name: EscapeName, text: string): string => {
  const written = ESCAPES[name](text);
  if ("problem" in written) throw new Error(written.problem);
  return written.text;
};

describe("what reads the file gets the value back:", () => {
  test.each(HARD_TEXTS)("YAML 1.2, YAML 1.1 and JSON of %j", (text) => {
    expect(parseYaml(`a: ${escaped("yaml", text)}\n`)).toEqual({ a: text });
    expect(parseYaml(`a: ${escaped("yaml", text)}\n`, { version: "1.1" })).toEqual({ a: text });
    expect(JSON.parse(escaped("json", text))).toBe(text);
  });

  test("a shell", () => {
    const script = HARD_TEXTS.map((text) => `printf '%s\\0' ${escaped("shell", text)}`).join("\n");
    const said = execFileSync("sh", ["-c", script], { encoding: "utf8" });
    expect(said.split("\0").slice(0, -1)).toEqual(HARD_TEXTS);
  });

  test("Node and a shell, of one and the same dotenv file; what they read differently is refused", () => {
    const kept = HARD_TEXTS.filter((text) => "text" in ESCAPES.dotenv(text));
    expect(HARD_TEXTS.filter((text) => !kept.includes(text))).toEqual([]);
    const file = kept.map((text, index) => `V${index}=${escaped("dotenv", text)}\n`).join("");
    const read = Object.fromEntries(kept.map((text, index) => [`V${index}`, text]));
    expect({ ...parseEnv(file) }).toEqual(read);
    const script = `${file}${kept.map((_text, index) => `printf '%s\\0' "$V${index}"`).join("\n")}`;
    expect(execFileSync("sh", ["-c", script], { encoding: "utf8" }).split("\0").slice(0, -1)).toEqual(kept);

    for (const text of [`it's $5`, `'"`, "'`", "'\\", "a\rb"]) {
      expect(ESCAPES.dotenv(text)).toEqual({ problem: expect.stringContaining("readers of dotenv files") });
    }
  });

  test("whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        expect(parseYaml(`a: ${escaped("yaml", text)}\n`)).toEqual({ a: text });
        const written = ESCAPES.dotenv(text);
        if ("text" in written) expect({ ...parseEnv(`A=${written.text}\nB=1\n`) }).toEqual({ A: text, B: "1" });
        expect(decodeURIComponent(escaped("url", text))).toBe(text);
      }),
      { numRuns: 300 },
    );
  });

  test("a NUL is written where it can be, and refused where it can't", () => {
    expect(parseYaml(escaped("yaml", "a\0b"))).toBe("a\0b");
    expect(JSON.parse(escaped("json", "a\0b"))).toBe("a\0b");
    for (const name of ["shell", "dotenv"] as const) {
      expect(ESCAPES[name]("a\0b")).toEqual({ problem: expect.stringContaining("has a NUL character") });
    }
  });

  test("nothing that Jinja or YAML would take for its own is left in Jinja's expression", () => {
    for (const text of HARD_TEXTS) {
      const written = escaped("jinja", text);
      expect(written).toMatch(/^\{\{ "[^{}#'"\\]*"( \| format\([\d, ]+\))? \}\}$/);
      expect(parseYaml(`a: '${written}'\n`)).toEqual({ a: written });
    }
  });
});

const value = (text: string, type: DeliveredValue["type"] = "secret"): DeliveredValue => ({
  value: new Secret(text),
  type,
  answer: { id: "", path: [], field: "password", type, version: 1, status: "current" },
});

test("a template's own text stays as it is, byte for byte", () => {
  const text =
    "\uFEFFa: {{ coffre://prod/a | yaml }}\r\n{{ .Values.x }} {{-coffre://prod/b}} ${{ secrets.X }} {{coffre://prod/c?field=f|base64|json}}{{";
  const parts = parseTemplate(text, "t");
  expect(parts.flatMap((part) => ("reference" in part ? [part.place.line, part.filters] : []))).toEqual([
    1,
    ["yaml"],
    2,
    ["base64", "json"],
  ]);
  expect(renderTemplate(parts, [value("x: y"), value("/w==", "file")]).toString()).toBe(
    '\uFEFFa: "x: y"\r\n{{ .Values.x }} {{-coffre://prod/b}} ${{ secrets.X }} "/w=="{{',
  );
});

test("a file's bytes are written as they are", () => {
  const bytes = Buffer.from([0xff, 0x00, 0x0a]);
  const parts = parseTemplate("{{ coffre://prod/a }}", "t");
  expect(renderTemplate(parts, [value(bytes.toString("base64"), "file")])).toEqual(bytes);
});

test.each([
  ["a\n  x: {{ coffre://prod/a", "t:2:6: the reference isn't closed: }} is missing in its line"],
  ["{{ coffre://prod/a\n}}", "t:1:1: the reference isn't closed: }} is missing in its line"],
  ["{{ coffre://prod/a {{ coffre://prod/b }}", /^t:1:1: The reference isn't valid/],
  ["{{ coffre://prod/a | upper }}", "t:1:1: there is no filter upper"],
  ["{{ coffre://prod/a | Hunter2! }}", "t:1:1: there is no filter of that name"],
  [
    "é{{ coffre://prod/a?fild=x }}",
    't:1:2: The reference isn\'t valid: after ? stand field=… and version=…, here "fild"',
  ],
  ["{{ coffre:// }}", "t:1:1: The vault's name is empty"],
])("%j is refused at its line and column", (text, problem) => {
  const expected = {
    code: "INVALID_INPUT",
    problem: typeof problem === "string" ? problem : expect.stringMatching(problem),
  };
  expect(() => parseTemplate(text, "t")).toThrow(expect.objectContaining(expected));
});

test("a value that its filter can't write is refused at its place, and not told", () => {
  const shell = parseTemplate("a\nb {{ coffre://prod/a | shell }}", "t");
  expect(() => renderTemplate(shell, [value("sec\0ret")])).toThrow(
    expect.objectContaining({
      problem: "t:2:3: the value has a NUL character, which neither a shell nor a variable can hold",
    }),
  );
  const yaml = parseTemplate("{{ coffre://prod/a | yaml }}", "t");
  expect(() => renderTemplate(yaml, [value("/w==", "file")])).toThrow(
    expect.objectContaining({ problem: "t:1:1: the value isn't text" }),
  );
});
