import { beforeAll, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import { findCommand, loadAllCommands } from "../../provider/cli/commands.js";
import { type CommandDefinition, type CommandLine, GLOBAL_OPTIONS } from "../../provider/cli/definition.js";
import { readPlainLine } from "../../provider/cli/plain-line.js";
import { parseLine } from "../../provider/cli/program.js";

jest.setTimeout(60_000); // for a busy machine

let definitions: readonly CommandDefinition[];
beforeAll(async () => {
  definitions = await loadAllCommands();
});

/** What the parser makes of a line; `undefined` for one that it refuses, or answers itself. */
async function parsed(definition: CommandDefinition, words: readonly string[]): Promise<CommandLine | undefined> {
  let line: CommandLine | undefined;
  const call = async (_called: CommandDefinition, found: CommandLine) => void (line = found);
  await parseLine(words, [definition], { version: "0.0.0", call }).catch(() => undefined);
  return line;
}

/** Any line of a command: its options in all spellings, right or wrong, among all sorts of words. */
const lines = fc.nat().chain((number) => {
  const definition = definitions[number % definitions.length] as CommandDefinition; // there are some
  const flags = [...(definition.options ?? []), ...GLOBAL_OPTIONS].map((option) => option.flags);
  const names = flags.flatMap((text) => text.match(/(?<![\w<-])--?[a-z][a-z-]*/g) ?? []);
  const value = fc.constantFrom("a", "b/c", "", "-", "-5", "--", "a=b", "--json", "list", "[x]", "é", "__proto__");
  const spelling = fc
    .tuple(fc.constantFrom(...names), value, fc.constantFrom("", "=", "together"))
    .map(([name, text, how]) => (how === "" ? name : how === "=" ? `${name}=${text}` : `${name}${text}`));
  const word = fc.oneof(value, fc.constantFrom(...names), spelling);
  return fc
    .array(word, { maxLength: 7 })
    .map((rest) => ({ definition, words: [...definition.name.split(" "), ...rest] }));
});

test("whatever line is read without the parser is read as the parser reads it", async () => {
  let read = 0;
  await fc.assert(
    fc.asyncProperty(lines, async ({ definition, words }) => {
      const line = readPlainLine(definition, words);
      if (line === undefined) return;
      read += 1;
      expect(line).toEqual(await parsed(definition, words));
    }),
    { numRuns: 1_500 },
  );
  expect(read).toBeGreaterThan(100);
});

test.each<[string, Partial<CommandLine>]>([
  [
    "run --env-file a.env --env-file=b.env --quiet -- env --json -x",
    {
      args: ["env", "--json", "-x"],
      options: { envFile: ["a.env", "b.env"], mask: true },
      all: { envFile: ["a.env", "b.env"], mask: true, quiet: true } as CommandLine["all"],
    },
  ],
  ["run --no-mask --env-file a -- --help", { args: ["--help"], options: { envFile: ["a"], mask: false } }],
  ["inject -i a.tpl -o -", { args: [], options: { input: "a.tpl", output: "-" } }],
  ["read -n Databases/orders --vault file:///v.db", { args: ["Databases/orders"], options: { newline: false } }],
  ["vault key list --json", { args: [], options: {}, all: { json: true } }],
])("%s needs no parser", async (text, expected) => {
  const words = text.split(" ");
  const definition = await findCommand(words);
  expect(definition && readPlainLine(definition, words)).toMatchObject(expected);
});

test.each<[string, boolean?]>([
  ["run --help"],
  ["run -- env --help", true],
  ["run --env-file a b -- env"],
  ["run --env-file"],
  ["run --env-file --json -- env"],
  ["run --no-such -- env"],
  ["run --json=x -- env"],
  ["get"],
  ["get a b c"],
  ["get a -h"],
])("%s (read: %s)", async (text, isRead = false) => {
  const words = text.split(" ");
  const definition = await findCommand(words);
  expect(definition?.name).toBe(words[0]);
  expect(definition && readPlainLine(definition, words) !== undefined).toBe(isRead);
});

test.each([["--json list"], ["lst"], ["vault"], ["vault key"], ["key list"], [""]])(
  "%j begins with no command's name",
  async (text) => {
    expect(await findCommand(text.split(" "))).toBeUndefined();
  },
);
