import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { succeed } from "../fixtures/pulumi-project.ts";
import { createVault, createVaultProject, IMPORTS, inVault, output, type VaultProject } from "./harness.ts";

// What can't be right is said by a preview, before anything is planned. One project, many programs.
let stack: VaultProject;
const ONE = `new coffre.Credential("smtp", { username: "mailer" });`;

beforeAll(async () => {
  stack = await createVaultProject(ONE);
}, 60_000);
afterAll(async () => stack.project.remove());

/** Everything that a preview of the program prints when it fails. */
async function refusal(program: string, env: Record<string, string> = {}): Promise<string> {
  await stack.project.setProgram(IMPORTS + program);
  const result = await stack.project.preview([], { env });
  expect(result.exitCode).not.toBe(0);
  const text = output(result);
  expect(text).not.toMatch(/\n\s+at .*coffre.*\.c?js:\d+/); // the message is enough
  return text;
}

describe("configuration", () => {
  test.each([
    [
      "an unknown scheme",
      { COFFRE_URL: "ftp://vault" },
      /CONFIGURATION: The vault's URL .* unknown scheme ftp:\/\/[\s\S]*Start it with file:/,
    ],
    ["a vault that this release doesn't open", { COFFRE_URL: "kdbx://x.kdbx" }, /NOT_SUPPORTED/],
    ["no vault at the URL", { COFFRE_URL: "file://./nowhere.db" }, /VAULT_MISSING[\s\S]*coffre vault init/],
    ["no key", { COFFRE_KEY_FILE: "" }, /CONFIGURATION[\s\S]*COFFRE_KEY_FILE/],
  ])(
    "%s",
    async (_name, env, message) => {
      expect(await refusal(ONE, env)).toMatch(message);
    },
    60_000,
  );

  test("a wrong key", async () => {
    const other = await createVault(stack.project.folder, "other");
    expect(await refusal(ONE, { COFFRE_KEY_FILE: other.keyFile })).toMatch(/WRONG_KEY/);
  }, 60_000);
});

const postgres = (name: string, more = "") => `new coffre.Credential("${name}", {
  username: "orders",
  target: coffre.postgres({ host: "db.example.com", admin: { username: "dba", passwordEnv: "X" }, ...{ ${more} } }),
});`;

// The engine stops at the first resource that is refused, so each has a preview of its own.
describe("a declaration", () => {
  test.each([
    ["a name with a slash", `new coffre.Category("a", { name: "a/b" });`, /Category \(a\):[\s\S]{0,120}has a slash/],
    ["an empty name", `new coffre.Credential("a", { name: "" });`, /Credential \(a\):[\s\S]{0,120}is empty/],
    [
      "a name of two lines",
      `new coffre.Credential("a", { name: "a\\nb" });`,
      /Credential \(a\):[\s\S]{0,120}has a line break/,
    ],
    [
      "a policy that no password meets",
      `new coffre.Category("a", { passwordPolicy: { minLength: 20, maxLength: 10 } });`,
      /Category \(a\):[\s\S]{0,160}POLICY: minLength.*maxLength/,
    ],
    [
      "a second credential for one account",
      postgres("first") + postgres("second"),
      /Credential \((first|second)\):[\s\S]{0,160}CONFLICT: The account postgres:\/\/orders@db\.example\.com:5432/,
    ],
    [
      "a reference that finds nothing",
      postgres("a", `admin: undefined, adminRef: "coffre://prod/nobody"`),
      /Credential \(a\):[\s\S]{0,160}No credential at coffre:\/\/prod\/nobody/,
    ],
  ])(
    "%s",
    async (_name, program, message) => {
      expect(await refusal(program)).toMatch(message);
    },
    60_000,
  );
});

test("a name that is taken, a category loop, a cycle of admins", async () => {
  await inVault(stack.vault, (vault) => vault.createCredentials([{ name: "taken", categoryId: null }]));
  await stack.project.setProgram(`${IMPORTS}
const top = new coffre.Category("top");
const below = new coffre.Category("below", { parentId: top.id });
const a = new coffre.Credential("a", { username: "a" });
export const aId = a.idRef; export const bId = new coffre.Credential("b", { username: "b" }).idRef; export const belowId = below.id;`);
  succeed(await stack.project.up());
  const { aId, bId, belowId } = await stack.project.outputs();
  await inVault(stack.vault, async (vault) => {
    // b's target was set in an earlier run, which needs no server to be remembered
    const b = await vault.findCredential(["b"]);
    const account = "postgres://b@db.example.com:5432";
    const record = {
      kind: "postgres",
      account,
      description: { host: "db.example.com", adminRef: String(aId) },
      accountMade: false,
    };
    await vault.updateCredential(b?.id ?? "", {
      targets: [{ ...record, adminId: String(aId).split("/").at(-1) ?? "" }],
    });
  });
  expect(await refusal('new coffre.Credential("taken");')).toMatch(
    /Credential \(taken\):[\s\S]{0,160}CONFLICT[\s\S]{0,300}aliases[\s\S]{0,300}adopt/,
  );
  expect(await refusal(`new coffre.Category("top", { parentId: ${JSON.stringify(belowId)} });`)).toMatch(
    /Category \(top\):[\s\S]{0,160}CONFLICT: .*into itself/,
  );
  const target = `coffre.postgres({ host: "db.example.com", adminRef: ${JSON.stringify(bId)} })`;
  expect(await refusal(`new coffre.Credential("a", { username: "a", target: ${target} });`)).toMatch(
    /Credential \(a\):[\s\S]{0,160}CONFLICT: Admins form a cycle/,
  );
  succeed(await stack.project.destroy());
}, 120_000);

test("an older copy of the vault, and another vault at its URL", async () => {
  const copy = join(stack.project.folder, "copy.db");
  const restore = async () => {
    for (const suffix of ["", "-wal", "-shm"]) await rm(stack.vault.path + suffix, { force: true });
    await cp(copy, stack.vault.path);
  };
  await stack.project.setProgram(IMPORTS + ONE);
  succeed(await stack.project.up());
  await cp(stack.vault.path, copy); // every process has closed it, so the file is whole
  await stack.project.setProgram(IMPORTS + ONE.replace('"mailer"', '"mailer", rotateWhenChanged: { n: "2" }'));
  succeed(await stack.project.up());
  await restore();
  const program = ONE.replace('"mailer"', '"mailer", rotateWhenChanged: { n: "2" }');
  expect(await refusal(program)).toMatch(
    /ROLLED_BACK: [\s\S]*lacks version 2 of smtp[\s\S]*coffre verify[\s\S]*coffre resolve/,
  );

  const other = await createVault(stack.project.folder, "another");
  const env = { COFFRE_URL: other.url, COFFRE_KEY_FILE: other.keyFile };
  expect(await refusal(program, env)).toMatch(/WRONG_VAULT: The vault that answers is "another"[\s\S]*coffre:url/);
  const refreshed = await stack.project.refresh([], { env });
  expect(refreshed.exitCode).not.toBe(0); // never read as gone
  expect(output(refreshed)).toContain("WRONG_VAULT");
}, 120_000);
