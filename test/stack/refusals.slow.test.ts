import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { succeed } from "../fixtures/pulumi-project.ts";
import { createVault, createVaultProject, IMPORTS, output, type VaultProject } from "./harness.ts";

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

// Every refusal is in test/unit/front-refusals.test.ts; here is how the engine shows one of each kind.
test("a configuration that can't be", async () => {
  const other = await createVault(stack.project.folder, "other");
  expect(await refusal(ONE, { COFFRE_KEY_FILE: other.keyFile })).toMatch(/WRONG_KEY/);
}, 60_000);

const postgres = (name: string) => `new coffre.Credential("${name}", {
  username: "orders",
  target: coffre.postgres({ host: "db.example.com", admin: { username: "dba", passwordEnv: "X" } }),
});`;

// The engine stops at the first resource that is refused, so each has a preview of its own.
describe("a declaration", () => {
  test.each([
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
  ])(
    "%s",
    async (_name, program, message) => {
      expect(await refusal(program)).toMatch(message);
    },
    60_000,
  );
});

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
