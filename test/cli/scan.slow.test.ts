import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, jest, test } from "@jest/globals";
import { Secret } from "../../provider/core/secret.js";
import { rotate } from "../contract/vault-cases/setup.js";
import { entry, Shell, SLOW_MS } from "./shell.ts";

jest.setTimeout(2 * SLOW_MS);

const OLD = "old-Zq7~x!9-mPz%4wA";
const NEW = "new-Zq7~x!9-mPz%4wA";
const TOKEN = "tok_51aaBBccDDeeFF";

let shell: Shell;
let tree: string;
beforeAll(async () => {
  shell = await Shell.open();
  const vault = await shell.makeVault("prod");
  const fields = [
    { change: "put", name: "api-token", type: "secret", value: new Secret(TOKEN), cause: "test" },
  ] as const;
  const id = await entry(vault, "Databases/orders-app", { value: OLD, fields: [...fields] });
  await rotate(vault, await vault.readCredential(id), NEW);
  await vault.close();
});
afterAll(() => shell.close());
beforeEach(async () => {
  tree = await mkdtemp(join(shell.home, "tree-"));
});

const put = async (name: string, text: string | Buffer) => {
  await mkdir(join(tree, name, ".."), { recursive: true });
  await writeFile(join(tree, name), text);
};
const git = (...words: string[]) =>
  execFileSync(
    "git",
    ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main", ...words],
    {
      cwd: tree,
      env: { ...shell.env },
      stdio: "pipe",
    },
  );
const scan = (...words: string[]) => shell.coffre(["scan", ...words], { cwd: tree });

test("values and references are told by file, line and credential, and no value is shown", async () => {
  await put("deploy/app.env", `# of the shop\nPGPASSWORD=${NEW}\nBEFORE="${OLD}"\n`);
  await put("secret.yaml", `data:\n  token: ${Buffer.from(TOKEN).toString("base64")}\n`);
  await put("refs.env", "A=coffre://prod/Databases/orders-app\nB=coffre://prod/Databases/nobody\nC=coffre://dev/a\n");
  await put("tpl/x.tpl", "{{ coffre://prod/Databases/orders-app?field=none | yaml }}\n{{ coffre://prod/a }\n");
  const said = await scan();
  expect(shell.plain(said.stdout)).toBe(
    [
      "deploy/app.env:2: the value of Databases/orders-app (version 2, current)",
      "deploy/app.env:3: the value of Databases/orders-app (version 1, previous)",
      'refs.env:2:3: There is no credential "Databases/nobody"',
      "secret.yaml:2: the field api-token of Databases/orders-app (version 1, current)",
      'tpl/x.tpl:1:4: Credential Databases/orders-app (<cr>) has no field "none"',
      "tpl/x.tpl:2:4: The reference isn't closed: }} is missing in its line",
      "",
    ].join("\n"),
  );
  expect(said).toMatchObject({
    exitCode: 1,
    stderr:
      "4 files, 5 references: 6 found.\nRotate what was found as a value: whoever has read the files knows it.\n" +
      "1 references of the vault dev weren't checked.\n",
  });
  const json = await scan("--json");
  expect(json.exitCode).toBe(1);
  expect(JSON.parse(json.stdout)).toMatchObject({
    findings: [
      {
        kind: "value",
        file: "deploy/app.env",
        line: 2,
        credential: "Databases/orders-app",
        version: 2,
        state: "current",
      },
      { line: 3, version: 1, state: "previous", field: "password", archived: false },
      { kind: "reference", code: "NOT_FOUND", reference: "coffre://prod/Databases/nobody", column: 3 },
      { field: "api-token" },
      { code: "NOT_FOUND" },
      { code: "INVALID_INPUT", reference: null },
    ],
    files: 4,
    references: 5,
    notLooked: [],
    elsewhere: { dev: 1 },
  });
  for (const text of [said.stdout, said.stderr, json.stdout, json.stderr]) {
    for (const value of [OLD, NEW, TOKEN]) expect(text).not.toContain(value);
  }
  expect((await scan("--only", "values")).stdout).not.toContain("nobody");
  expect((await scan("--only", "references", "refs.env")).stdout).toBe(
    'refs.env:2:3: There is no credential "Databases/nobody"\n',
  );
});

test("a clean tree is told as one", async () => {
  await put("a.env", "A=coffre://prod/Databases/orders-app?version=previous\n");
  expect(await scan()).toEqual({ stdout: "", stderr: "1 files, 1 references: nothing found.\n", exitCode: 0 });
});

test("in a repository what Git leaves out is left out, unless --all asks for it; --staged looks at what is staged", async () => {
  git("init", "-q");
  await put(".gitignore", "local.env\n");
  await put("local.env", `A=${NEW}\n`);
  await put("new.env", `B=${NEW}\n`);
  expect((await scan()).stdout).toMatch(/^new\.env:1: [^\n]*\n$/);
  expect((await scan("--all")).stdout).toMatch(/^local\.env:1: [^\n]*\nnew\.env:1: [^\n]*\n$/);
  expect(await scan("--staged")).toMatchObject({ stdout: "", exitCode: 0 });
  await put("sub/staged.env", `C=${OLD}\n`);
  git("add", "sub");
  await put("sub/staged.env", "C=cleaned, but not staged\n");
  expect((await scan("--staged")).stdout).toMatch(/^sub\/staged\.env:1: [^\n]*previous\)\n$/);
  // As Git runs a hook, with an index of this commit alone.
  await put(".git/hooks/pre-commit", '#!/bin/sh\nexec "$NODE" -- "$COFFRE" scan --staged\n');
  execFileSync("chmod", ["+x", join(tree, ".git/hooks/pre-commit")]);
  const env = { ...shell.env, NODE: process.execPath, COFFRE: join(import.meta.dirname, "../../bin/coffre.js") };
  const commit = () =>
    execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-qm", "x", "new.env"], {
      cwd: tree,
      env,
      stdio: "pipe",
    });
  git("add", "-N", "new.env");
  expect(commit).toThrow(/new\.env:1: the value of/);
  await put("new.env", "B=nothing\n");
  expect(commit).not.toThrow();
});

test("what can't be looked into is said: no text, too large, unreadable; links and loops aren't followed", async () => {
  await put("image.png", Buffer.concat([Buffer.from([0x89, 0, 1]), Buffer.from(NEW)]));
  await put("dump.sql", Buffer.alloc(16 * 1024 * 1024 + 1, "x"));
  await put("utf16.txt", Buffer.from(`\ufeffA=${NEW}\n`, "utf16le"));
  await symlink(tree, join(tree, "loop"));
  await symlink("/etc/passwd", join(tree, "link"));
  const said = await scan();
  expect(said.stdout).toMatch(/^utf16\.txt:1: [^\n]*\n$/);
  expect(said.stderr).toContain("1 files, 0 references: 1 found.");
  expect(said.stderr).toContain("Not looked into, since they aren't text: image.png.");
  expect(said.stderr).toContain("Not looked into, since they are too large: dump.sql.");
  const unreadable = await scan("image.png", "/proc/self/mem");
  expect(unreadable).toMatchObject({ stdout: "", exitCode: 1 });
  expect(unreadable.stderr).toMatch(/^\/proc\/self\/mem can't be read \(E[A-Z]+\)\.\n/);
});

test.each([
  [["none"], 2, "none doesn't exist, or can't be reached"],
  [["--staged"], 2, /^coffre: There is no Git repository at /],
  [["--staged", "--all"], 2, "--staged and --all contradict each other"],
  [["--only", "passwords"], 2, "--only is neither references nor values"],
])("%j", async (words, exitCode, problem) => {
  const said = await scan(...words);
  expect(said).toMatchObject({ stdout: "", exitCode });
  expect(said.stderr.split("\n")[0]).toEqual(
    typeof problem === "string" ? `coffre: ${problem}` : expect.stringMatching(problem),
  );
});
