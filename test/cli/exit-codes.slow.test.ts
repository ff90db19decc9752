import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { Secret } from "../../provider/core/secret.js";
import { entry, Shell, SLOW_MS } from "./shell.ts";

jest.setTimeout(SLOW_MS);

// The same mistake ends every command in the same way, so that a script can tell them apart (docs/commands/README.md).

const REF = "Partners/mail-api";
const DRAWN = "Databases/orders-app";
const OLD = "the id of an archived entry";

let shell: Shell;
let archivedId: string;
beforeAll(async () => {
  shell = await Shell.open();
  const vault = await shell.makeVault();
  const field = (name: string, type: "text" | "secret", value: string) =>
    ({ change: "put", name, type, value: new Secret(value), cause: "command:test" }) as const;
  await entry(vault, REF, {
    valueManagedBy: "external",
    fields: [field("contact", "text", "ana@example.com"), field("token", "secret", "a token of theirs")],
  });
  await entry(vault, DRAWN, { username: "orders_app" });
  archivedId = await entry(vault, "Partners/old-api", { valueManagedBy: "external" });
  await vault.archiveCredential(archivedId, {});
  await vault.people.createPrincipal({ kind: "group", name: "DBA" });
  await vault.close();
  await mkdir(join(shell.home, "folder"));
  await writeFile(join(shell.home, "file"), "a text");
});
afterAll(() => shell.close());

/** Ended as the table says, with nothing on stdout and one problem on stderr. */
async function ends(words: readonly string[], exitCode: number): Promise<void> {
  const asTyped = words.map((word) => (word === OLD ? archivedId : word));
  const said = await shell.coffre(asTyped, { input: "a value of theirs\n" });
  expect({ exitCode: said.exitCode, stdout: said.stdout }).toEqual({ exitCode, stdout: "" });
  expect(said.stderr).toMatch(/^coffre: /);
}

describe("2: input that can't be right", () => {
  test.each<[string, string[]]>([
    ["another type for a field, put", ["put", REF, "--field", "token", "--type", "text"]],
    ["another type for a field, edit", ["edit", REF, "--set", "token=hello"]],
    ["a value that Coffre draws, put", ["put", DRAWN]],
    ["no number, acknowledge", ["acknowledge", DRAWN, "--if-version", "x"]],
    ["one version for two, acknowledge", ["acknowledge", DRAWN, REF, "--if-version", "1"]],
    ["a value that people bring, rotate", ["rotate", REF]],
    ["a file that isn't there, put", ["put", REF, "--file", "nowhere"]],
    ["a file that isn't there, backup", ["vault", "backup", "--to", "b", "--recipients-file", "nowhere"]],
    ["a name that can't be, put", ["put", REF, "--field", "a/b", "--type", "text"]],
    ["a name that can't be, edit", ["edit", REF, "--set", "a/b=c"]],
    ["a reference that is none, read", ["read", "coffre://main"]],
    [
      "an expiry that has passed, token create",
      ["token", "create", "ana", "--create-user", "--expires", "2020-01-01T00:00:00Z"],
    ],
  ])("%s", (_, words) => ends(words, 2));
});

describe("3: not found", () => {
  test.each<[string, string[]]>([
    ["a credential, read", ["read", "Partners/nobody"]],
    ["a credential, rotate", ["rotate", "Partners/nobody"]],
    ["a field, read", ["read", `${REF}?field=nothing`]],
    ["a field, put", ["put", REF, "--field", "nothing"]],
    ["a field, edit", ["edit", REF, "--remove-field", "nothing"]],
    ["a field, history", ["history", REF, "--field", "nothing"]],
    ["a version, read", ["read", `${DRAWN}?version=9`]],
    ["a version, resolve", ["resolve", DRAWN, "--accept", "9", "--yes"]],
    ["a category, list", ["list", "Nowhere"]],
    ["a user, access", ["access", "--principal", "user:DBA"]],
  ])("%s", (_, words) => ends(words, 3));
});

describe("5: somebody else has it, or was faster", () => {
  test.each<[string, string[]]>([
    ["an archived entry, put", ["put", OLD]],
    ["an archived entry, edit", ["edit", OLD, "--username", "x"]],
    ["another version than was seen, put", ["put", REF, "--if-version", "9"]],
    ["another vault, read", ["read", "coffre://other/x"]],
    ["another vault, put", ["put", "coffre://other/x"]],
  ])("%s", (_, words) => ends(words, 5));

  test("another version than is current, acknowledge", async () => {
    const { exitCode, stderr } = await shell.coffre(["acknowledge", DRAWN, "--if-version", "9"]);
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 5,
      stderr: expect.stringContaining("is 1, not 9") as unknown,
    });
  });
});

describe("1: a file can't be written, as `vault init`, `vault key add` and `vault backup` end", () => {
  const recipient = "age10g9r9f63a2aaplzpgayynh9xq2vtrgylzxad3efy9epe25sd73ms7vhj9l";
  test.each<[string, string[]]>([
    ["where a folder is, read", ["read", DRAWN, "--output", "folder"]],
    ["below a file, read", ["read", DRAWN, "--output", "file/x"]],
    ["below a file, export", ["export", "--format", "json", "--recipient", recipient, "--to", "file/x"]],
    [
      "in a folder that can't be made, export",
      ["export", "--format", "json", "--recipient", recipient, "--to", "file/x/y"],
    ],
  ])("%s", async (_, words) => {
    await ends(words, 1);
    expect((await shell.coffre(words)).stderr).toMatch(
      /^coffre: The file .* (is a folder|can't be written \((ENOTDIR|EACCES)\))\n/,
    );
  });
});
