import { chmod, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { Secret } from "../../provider/core/secret.js";
import type { Vault } from "../../provider/vault/port.js";
import { entry, Shell, SLOW_MS } from "./shell.ts";

jest.setTimeout(SLOW_MS);

const REF = "Partners/mail-api";

let shell: Shell;
let vault: Vault;
let id: string;
beforeEach(async () => {
  shell = await Shell.open();
  vault = await shell.makeVault();
  id = await entry(vault, REF, {
    value: "the-password-itself",
    username: "mailer",
    description: "for the shop",
    tags: ["mail"],
    fields: [
      { change: "put", name: "contact", type: "text", value: new Secret("ana@example.com"), cause: "test" },
      { change: "put", name: "token", type: "secret", value: new Secret("s3cr3t-token"), cause: "test" },
    ],
  });
});
afterEach(async () => {
  await vault.close();
  await shell.close();
});

/** An editor that does this with the file `$1`, and keeps a copy of what it was shown. */
async function editor(script: string): Promise<Record<string, string>> {
  const path = join(shell.home, "editor");
  await writeFile(path, `#!/bin/sh\ncp "$1" '${shell.home}/shown'\nenv > '${shell.home}/environment'\n${script}\n`);
  await chmod(path, 0o755);
  return { EDITOR: path };
}

const leftovers = async () => (await readdir(tmpdir())).filter((name) => name.startsWith("coffre-edit-"));

test("edit shows what is no secret as YAML, writes what was saved, and leaves no file behind", async () => {
  const env =
    await editor(`sed -i -e 's/for the shop/for all shops/' -e 's/^url: null/url: https:\\/\\/mail.example.com/' \\
    -e 's/ana@/bo@/' -e 's/^  - mail/  - mail\\n  - eu/' "$1"`);
  const before = await leftovers();
  const said = await shell.coffre(["edit", REF], { env: { ...env, COFFRE_TOKEN: "not the editor's business" } });
  expect(said).toEqual({ stdout: "Partners/mail-api: changed.\n", stderr: "", exitCode: 0 });
  expect(await leftovers()).toEqual(before);
  const shown = await readFile(join(shell.home, "shown"), "utf8");
  expect(shown.split("\n").slice(2).join("\n")).toBe(`username: mailer
url: null
description: for the shop
tags:
  - mail
fields:
  contact: ana@example.com
`);
  expect(shown).not.toMatch(/the-password-itself|s3cr3t/);
  expect(await readFile(join(shell.home, "environment"), "utf8")).not.toContain("COFFRE_");
  expect(await shell.json(["get", REF])).toMatchObject({
    username: "mailer",
    url: "https://mail.example.com",
    description: "for all shops",
    tags: ["mail", "eu"],
    fields: [
      { name: "contact", text: "bo@example.com", version: 2 },
      { name: "token", version: 1 },
    ],
    currentVersion: 1,
  });
});

test("a line that is gone takes a text field away, and never a secret one", async () => {
  const env = await editor(`sed -i -e '/contact/d' "$1"`);
  expect((await shell.coffre(["edit", REF], { env })).exitCode).toBe(0);
  expect((await vault.readCredential(id)).fields.map(({ name }) => name)).toEqual(["token"]);
});

test.each([
  ["an unchanged text", "true", 0, "Partners/mail-api: nothing was changed.\n"],
  ["an editor that fails", "exit 3", 2, "The editor ended with 3"],
  ["what is no YAML", `echo 'tags: [' > "$1"`, 2, "it isn't YAML: line"],
  ["a key that doesn't exist", `echo 'password: hunter2' >> "$1"`, 2, "there is no password"],
  ["a field's name that can't be", `echo '  pass word: hunter2' >> "$1"`, 2, "its name isn't"],
  ["a number for a text", `sed -i 's/for the shop/17/' "$1"`, 2, "description: must be text"],
  ["a text that a secret field has", `echo '  token: hunter2' >> "$1"`, 2, "is of type secret, not text"],
])("%s changes nothing", async (_what, script, exitCode, said) => {
  const { head } = await vault.identity();
  const result = await shell.coffre(["edit", REF], { env: await editor(script) });
  expect(result.exitCode).toBe(exitCode);
  expect(result.stdout + result.stderr).toContain(said);
  expect(result.stderr).not.toContain("hunter2");
  expect((await vault.identity()).head).toBe(head);
});

test("who had the editor open while somebody else changed the entry overwrites nothing", async () => {
  const program = `'${process.execPath}' '${join(import.meta.dirname, "../../bin/coffre.js")}'`;
  const theirs = await editor(
    `${program} edit ${REF} --description theirs >/dev/null && sed -i 's/^url: null/url: ours/' "$1"`,
  );
  const said = await shell.coffre(["edit", REF], { env: theirs });
  expect(said).toMatchObject({ stdout: "", exitCode: 5 });
  expect(said.stderr).toContain("Somebody changed description of mail-api");
  expect(await vault.readCredential(id)).toMatchObject({ description: "theirs" });
  const field = await editor(`${program} edit ${REF} --set contact=theirs >/dev/null && sed -i 's/ana@/ours@/' "$1"`);
  expect((await shell.coffre(["edit", REF], { env: field })).stderr).toContain("Somebody changed the field contact");
});

test("scripts change it by options, and clear with an empty text", async () => {
  const said = await shell.json([
    ...[
      "edit",
      REF,
      "--username",
      "relay",
      "--entry-url",
      "mail.example.com",
      "--description",
      "",
      "--tags",
      "eu, mail ,",
    ],
    ...["--set", "contact=a=b", "region=eu-1"],
  ]);
  expect(said).toMatchObject({
    username: "relay",
    url: "mail.example.com",
    description: null,
    tags: ["eu", "mail"],
    fields: [{ name: "contact", text: "a=b" }, { name: "token" }, { name: "region", text: "eu-1" }],
  });
  expect((await shell.coffre(["edit", REF, "--remove-field", "token", "contact"])).exitCode).toBe(0);
  expect((await vault.readCredential(id)).fields.map(({ name }) => name)).toEqual(["region"]);
  expect((await shell.coffre(["edit", REF, "--remove-field", "never"])).exitCode).toBe(3);
  expect((await shell.coffre(["edit", REF, "--set", "region"])).stderr).toContain("--set takes <name>=<text>");
  expect((await shell.coffre(["edit", REF, "--set", "password=x"])).exitCode).toBe(2);
});

test("where there is neither a terminal nor an editor that somebody named, edit opens none", async () => {
  const said = await shell.coffre(["edit", REF], { env: { EDITOR: "", VISUAL: "" } });
  expect(said).toMatchObject({ stdout: "", exitCode: 2 });
  expect(said.stderr).toContain("There is no terminal for an editor");
  expect(said.stderr).toContain("Change it by options");
});

test("the account of a target isn't renamed by hand, and an archived entry isn't edited", async () => {
  const target = { kind: "postgres", account: "postgres://u@db:5432", description: {}, accountMade: false };
  const set = await entry(vault, "Databases/orders", { username: "u", targets: [target] });
  const renamed = await shell.coffre(["edit", set, "--username", "v"]);
  expect(renamed).toMatchObject({ exitCode: 2 });
  expect(renamed.stderr).toContain("is its target's account");
  await vault.archiveCredential(set, {});
  expect(await shell.coffre(["edit", set, "--entry-url", "x"])).toMatchObject({ exitCode: 5 });
});
