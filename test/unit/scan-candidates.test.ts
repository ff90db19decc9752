import { describe, expect, test } from "@jest/globals";
import { tellCandidates } from "../../provider/scan/candidates.js";
import { referencesIn } from "../../provider/scan/references.js";
import { formatReference } from "../../provider/core/reference.js";

const VALUE = "Zq7~x!9-mPz%4wA";

function told(text: string, seen?: Set<string>): [string, number][] {
  const all: [string, number][] = [];
  tellCandidates(text, (candidate, line) => all.push([candidate, line]), seen);
  return all;
}

describe("a value is among the candidates", () => {
  test.each([
    ["alone in a line", `\n${VALUE}\r\n`, 2],
    ["behind a sign", `PGPASSWORD=${VALUE}`, 1],
    ["behind a sign that is in it as well", "TOKEN=Zq7=x:9-mPz%4wA", 1, "Zq7=x:9-mPz%4wA"],
    ["in YAML with a comment's space", `password: ${VALUE}   # of the database`, 1],
    ["in quotes", `const password = '${VALUE}';`, 1],
    ["with spaces, in quotes", 'say "correct horse battery staple" twice', 1, "correct horse battery staple"],
    ["with spaces, behind a sign", "passphrase = correct horse battery staple", 1, "correct horse battery staple"],
    ["with quotes in it, as JSON writes it", '{ "p": "a\\"b cdefgh" }', 1, 'a\\"b cdefgh'],
    ["in a URL", `postgres://orders:${VALUE}@db.example.com/orders`, 1],
    ["in XML", `<password>${VALUE}</password>`, 1],
    ["as an argument", `psql --password=${VALUE},x`, 1],
    ["in brackets", `login(user,${VALUE})`, 1],
    ["before a semicolon", `Server=db;Password=${VALUE};Port=1`, 1],
    ["in YAML's quotes, before a comment", "password: 'it''s & ours'  # the db", 1, "it''s & ours"],
    ["in YAML's quotes, of two in a line", "args: ['an ''x'' there', 'it''s & ours', x]", 1, "it''s & ours"],
    ["behind another kind of quotes", `say "it's" 'it''s & ours' x`, 1, "it''s & ours"],
    ["as shlex quotes, before a command", `P='it'"'"'s & ours' psql db`, 1, `it'"'"'s & ours`],
    ["as a shell quotes, in an argument", "mysql -p'it'\\''s & ours' db", 1, "it'\\''s & ours"],
    ["as printf %q, before a command", "P=it\\'s\\ ours psql db", 1, "it\\'s\\ ours"],
    ["in a long word with many signs", `${"a=b;".repeat(300)}p=${VALUE};${"c=d;".repeat(300)}`, 1],
  ])("%s", (_, text, line, value = VALUE) => {
    expect(told(text)).toContainEqual([value, line]);
  });

  test("once for all files, if what was seen is handed on, and again without", () => {
    const seen = new Set<string>();
    const word = `x=${VALUE}`;
    expect(told(`- ${word}`, seen)).toContainEqual([VALUE, 1]);
    expect(told(`+ ${word} -`, seen).filter(([text]) => text === word)).toEqual([]);
    expect(told(`+ ${word} -`).filter(([text]) => text === word)).not.toEqual([]);
  });
});

test("short words are none, and a long line costs no more than its length", () => {
  expect(told("a short one\nseven77\n")).toEqual([["a short one", 1]]);
  const began = performance.now();
  for (const line of [
    `var a="${"x=1;".repeat(400_000)}";`,
    '{\\"a\\":1}'.repeat(200_000), // each mark begins what is never closed
    `it's ${"''a\\'".repeat(300_000)}`,
    `a\\ ${"b".repeat(15 * 1024 * 1024)}`,
    `{"a":"${"x\\n".repeat(5 * 1024 * 1024)}"}`,
  ]) {
    let count = 0;
    tellCandidates(line, () => (count += 1));
    expect(count).toBeLessThan(line.length * 10);
  }
  expect(performance.now() - began).toBeLessThan(20_000);
});

describe("references are found where they are read", () => {
  const at = (text: string) =>
    referencesIn(text).map((found) => ("reference" in found ? formatReference(found.reference) : found.problem));

  test.each([
    ["a variable's", "export A=coffre://prod/My Team/app # why", ["coffre://prod/My%20Team/app"]],
    ["a quoted variable's", "A='coffre://prod/My Team/app?field=token'", ["coffre://prod/My%20Team/app?field=token"]],
    ["a template's", "p: {{ coffre://prod/My Team/app | yaml }}", ["coffre://prod/My%20Team/app"]],
    ["a program's", 'read("coffre://prod/a/b", `coffre://prod/c`)', ["coffre://prod/a/b", "coffre://prod/c"]],
    ["a manifest's", "key: coffre://prod/Databases/orders-app", ["coffre://prod/Databases/orders-app"]],
    ["a sentence's", "See coffre://prod/a/b, or (coffre://prod/c).", ["coffre://prod/a/b", "coffre://prod/c"]],
    ["JSON's in a text", '"{\\"p\\":\\"coffre://prod/a\\"}"', ["coffre://prod/a"]],
    ["an id", "coffre://prod/id/nothing", [expect.stringMatching(/^The reference isn't valid: after \/id\//)]],
    ["two questions", "A=coffre://prod/a?b?c", [expect.stringMatching(/one \? at most/)]],
    ["not closed", "x: {{ coffre://prod/a | yaml }\n", ["The reference isn't closed: }} is missing in its line"]],
    [
      "what is filled in later",
      "coffre://<vault>/<path> `coffre://${v}/a` coffre://prod/$X coffre://prod/… coffre://",
      [],
    ],
    ["a vault's URL", "coffre+https://vault.example.com/x xcoffre://a/b", []],
  ])("%s", (_, text, expected) => {
    expect(at(text)).toEqual(expected);
  });

  test("with line and column", () => {
    expect(referencesIn("é\né = coffre://prod/a\n")).toMatchObject([{ line: 2, column: 5 }]);
  });
});
