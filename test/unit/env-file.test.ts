import { expect, test } from "@jest/globals";
import { parseEnvFile } from "../../provider/delivery/env-file.js";

const ID = "cr_0123456789abcdefghijkl";

test("references and texts, in every form that a line may have", () => {
  const text = [
    "\uFEFF# what the job needs",
    "",
    "PGPASSWORD=coffre://prod/Databases/orders-app",
    `export TOKEN = "coffre://prod/id/${ID}?field=api-token&version=previous"   # quoted`,
    "  PLAIN=a value with spaces  # and a comment",
    "HASH=a#b",
    "EMPTY=",
    "SINGLE='as $IT \\n stands'",
    String.raw`DOUBLE="two\nlines, a \"quote\", \$HOME and \\"`,
    "URL=https://example.com/?a=b\r",
  ].join("\n");
  const declared = parseEnvFile(text, "refs.env");
  expect(Object.fromEntries(declared.map(({ name, value }) => [name, value]))).toEqual({
    PGPASSWORD: { reference: { vault: "prod", by: "path", path: ["Databases", "orders-app"] } },
    TOKEN: { reference: { vault: "prod", by: "id", id: ID, field: "api-token", version: "previous" } },
    PLAIN: { text: "a value with spaces" },
    HASH: { text: "a#b" },
    EMPTY: { text: "" },
    SINGLE: { text: "as $IT \\n stands" },
    DOUBLE: { text: 'two\nlines, a "quote", $HOME and \\' },
    URL: { text: "https://example.com/?a=b" },
  });
  expect(declared[1]?.place).toEqual({ file: "refs.env", line: 4, column: 16 });
});

test.each([
  ["A=1\nnot a variable", "refs.env:2:1: this line declares no variable"],
  ["1A=x", "refs.env:1:1: this line declares no variable"],
  ["A=1\nB=2\n  A=3", "refs.env:3:3: A is declared already, in line 1"],
  ["A='open", "refs.env:1:3: the quote isn't closed in its line"],
  ['A="open\\"', "refs.env:1:3: the quote isn't closed in its line"],
  ["A='x' y", "refs.env:1:3: something stands behind the closing quote"],
  [String.raw`A="\x"`, "refs.env:1:3: a backslash stands before a character that it has no meaning for"],
  [
    "A=coffre://prod",
    "refs.env:1:3: The reference isn't valid: a reference names a credential after the vault, this one ends there",
  ],
  [
    "A=coffre://prod/a?version=0",
    "refs.env:1:3: The reference isn't valid: version is current, previous, pending or a number from 1",
  ],
])("%j is refused at its place", (text, problem) => {
  expect(() => parseEnvFile(text, "refs.env")).toThrow(expect.objectContaining({ code: "INVALID_INPUT", problem }));
});

test("a refusal repeats nothing of what stands there", () => {
  for (const text of ["hunter2-hunter2", "A='hunter2-hunter2", "A=coffre://prod/hunter2-hunter2#x"]) {
    expect(() => parseEnvFile(text, "refs.env")).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining("hunter2-hunter2") }),
    );
  }
});
