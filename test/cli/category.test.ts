import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import type { Vault } from "../../provider/vault/port.js";
import { category, Shell, SLOW_MS } from "./shell.ts";

jest.setTimeout(SLOW_MS);

let shell: Shell;
let vault: Vault;
beforeAll(async () => {
  shell = await Shell.open();
  vault = await shell.makeVault();
  await category(vault, "Production", { policy: { minLength: 20 }, readOnly: true });
});
afterAll(async () => {
  await vault.close();
  await shell.close();
});

const find = (path: string) => vault.findCategory(path.split("/"));

test("a category is made by hand, changed by what is named, and shown with what holds in it", async () => {
  const words = ["--description", "of auditors", "--expires-at", "2199-03-31T20:00:00+02:00"];
  const added = await shell.coffre(["category", "add", "Production/Audit", ...words]);
  expect(added).toEqual({ stdout: "Production/Audit: made.\n", stderr: "", exitCode: 0 });
  expect(await find("Production/Audit")).toMatchObject({
    description: "of auditors",
    expiresAt: "2199-03-31T18:00:00.000Z",
  });
  const shown = await shell.coffre(["category", "show", "Production/Audit"]);
  expect(shell.plain(shown.stdout)).toBe(`Production/Audit
id           <ct>
description  of auditors
policy       minLength 20, by Production
changes      read-only: by managers, by Production
until        <date> UTC
readers      Whoever holds a key of this vault reads everything in it: a file can't enforce rights.
`);
  const edit = ["category", "edit", "Production/Audit", "--name", "Auditors", "--expires-at", ""];
  const edited = await shell.coffre([...edit, "--inherit-grants", "no", "--read-only", "yes", "--description", ""]);
  expect(edited).toEqual({ stdout: "Production/Auditors: changed.\n", stderr: "", exitCode: 0 });
  expect(await shell.json(["category", "show", "Production/Auditors"])).toEqual({
    id: (await find("Production/Auditors"))?.id,
    path: ["Production", "Auditors"],
    description: null,
    policies: [{ policy: { minLength: 20 }, from: "Production" }],
    inheritGrants: false,
    readOnly: true,
    expiresAt: null,
    inForce: { readOnly: true, expiresAt: null, expired: false },
    owned: false,
  });
  const again = await shell.coffre(["category", "edit", "Production/Auditors", "--read-only", "yes"]);
  expect(again.stdout).toBe("Production/Auditors: nothing was changed.\n");
});

test("what ended above has ended below, and what a stack made is its stack's", async () => {
  const owner = { key: "k", stack: "s", token: "t" };
  await vault.createCategory({ name: "Closed", parentId: null, owner });
  const edited = await shell.coffre(["category", "edit", "Closed", "--expires-at", "2021-01-01T00:00:00Z"]);
  expect(edited.stderr).toContain("A Pulumi stack made it");
  const below = await shell.json(["category", "add", "Closed/Below"]);
  expect(below).toMatchObject({
    readOnly: false,
    expiresAt: null,
    inForce: { readOnly: false, expiresAt: "2021-01-01T00:00:00.000Z", expired: true },
  });
  const { stdout } = await shell.coffre(["category", "show", "Closed/Below"]);
  expect(stdout).toContain("2021-01-01 00:00 UTC: for administrators only now, by Closed");
});

test.each([
  [["add", "Nowhere/x"], 3, "There is no category Nowhere"],
  [["add", "Production"], 5, "exists already"],
  [["add", "/"], 2, "A category has a name"],
  [["add", "x", "--read-only", "true"], 2, "--read-only takes yes or no"],
  [["add", "x", "--expires-at", "2031-01-01"], 2, "--expires-at isn't a time with its zone"],
  [["edit", "Production"], 2, "Nothing to change was named"],
  [["edit", "Nowhere", "--read-only", "no"], 3, "There is no category Nowhere"],
  [["show", "Nowhere"], 3, "There is no category Nowhere"],
])("coffre category %j ends with %d: %s", async (words, exitCode, problem) => {
  const said = await shell.coffre(["category", ...words]);
  expect(said).toMatchObject({ stdout: "", exitCode });
  expect(said.stderr).toContain(problem);
});
