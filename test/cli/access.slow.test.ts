import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import type { Clock } from "../../provider/core/clock.js";
import type { GrantRole, Vault } from "../../provider/vault/port.js";
import { fillLargeTree } from "../fixtures/large-tree.ts";
import { category, Shell, SLOW_MS } from "./shell.ts";

jest.setTimeout(SLOW_MS);

const FILE_READS_ALL = "Whoever holds a key of this vault reads everything in it: a file can't enforce rights.\n";

/** Vaults as they were before something expired. */
const earlier: Clock = {
  now: () => new Date("2020-01-01T00:00:00Z"),
  monotonicMs: () => 0,
  sleep: async () => undefined,
};

describe("coffre access", () => {
  let shell: Shell;
  let vault: Vault;
  const ids = new Map<string, string>();

  beforeAll(async () => {
    shell = await Shell.open();
    await (await shell.makeVault()).close();
    vault = shell.openVault(earlier);
    const { people } = vault;
    const production = await category(vault, "Production");
    const databases = await category(vault, "Production/Databases");
    const sealed = await category(vault, "Production/Sealed", { inheritGrants: false });
    for (const name of ["DBA", "Platform", "Empty", "ana"]) {
      ids.set(`group ${name}`, (await people.createPrincipal({ kind: "group", name })).id);
    }
    for (const name of ["ana", "bo", "cy"]) {
      ids.set(name, (await people.createPrincipal({ kind: "user", name })).id);
    }
    const gone = { kind: "user", name: "dan", email: "dan@example.com", expiresAt: "2021-01-01T00:00:00Z" } as const;
    ids.set("dan", (await people.createPrincipal(gone)).id);
    const member = (group: string, who: string) =>
      people.createMembership({ groupId: ids.get(group) ?? "", memberId: ids.get(who) ?? "" });
    await member("group Platform", "group DBA");
    await member("group DBA", "ana");
    await member("group DBA", "bo");
    const give = (categoryId: string | null, who: string, role: GrantRole, expiresAt?: string) =>
      people.createGrant({
        categoryId,
        principalId: ids.get(who) ?? "",
        role,
        ...(expiresAt === undefined ? {} : { expiresAt }),
      });
    await give(null, "bo", "manager");
    await give(production, "group Platform", "reader");
    await give(databases, "ana", "editor", "2199-12-31T18:00:00Z");
    await give(databases, "bo", "editor", "2022-06-01T12:00:00Z");
    await give(sealed, "dan", "reader");
    await give(sealed, "group Empty", "reader");
  });
  afterAll(async () => {
    await vault.close();
    await shell.close();
  });

  test("shows each grant where it was given, who has it and how, what expired, and that key holders read all", async () => {
    expect(await shell.coffre(["access"])).toEqual({
      stdout: `CATEGORY              WHO                 ROLE     THROUGH                      UNTIL
(root)                bo                  manager  directly
Production            ana                 reader   DBA → Platform
                      bo                  reader   DBA → Platform
Production/Databases  ana                 editor   directly                     2199-12-31 18:00 UTC
                      bo                  editor   directly                     expired 2022-06-01 12:00 UTC
Production/Sealed     (inherits nothing)
                      dan                 reader   directly                     user expired 2021-01-01 00:00 UTC
                      nobody              reader   group Empty, which is empty
`,
      stderr: FILE_READS_ALL,
      exitCode: 0,
    });
  });

  test("shows all that holds at one category, with where it comes from", async () => {
    const { stdout } = await shell.coffre(["access", "--category", "Production/Databases"]);
    expect(stdout).toBe(`CATEGORY              WHO  ROLE     THROUGH                          UNTIL
Production/Databases  ana  editor   directly                         2199-12-31 18:00 UTC
                      ana  reader   DBA → Platform, from Production
                      bo   manager  directly, from (root)
                      bo   reader   DBA → Platform, from Production
                      bo   editor   directly                         expired 2022-06-01 12:00 UTC
`);
    expect((await shell.coffre(["access", "--category", "/"])).stdout).toContain("(root)    bo   manager  directly");
  });

  test("shows what one user or one group has", async () => {
    const ana = await shell.coffre(["access", "--principal", "user:ana"]);
    expect(ana.stdout).toBe(`CATEGORY              WHO                 ROLE    THROUGH         UNTIL
Production            ana                 reader  DBA → Platform
Production/Databases  ana                 editor  directly        2199-12-31 18:00 UTC
Production/Sealed     (inherits nothing)
`);
    const dba = await shell.coffre(["access", "--principal", "DBA", "--category", "Production"]);
    expect(dba.stdout).toContain("group DBA  reader  Platform");
  });

  test("answers as JSON, with every category and the reason for each reader", async () => {
    const answer = await shell.json(["access", "--principal", ids.get("ana") ?? ""]);
    const databases = await vault.findCategory(["Production", "Databases"]);
    expect(answer).toMatchObject({
      vault: "main",
      keyHoldersReadAll: true,
      access: [
        { categoryId: null, path: null, readers: [] },
        { path: ["Production"], inheritGrants: true, readers: [{ name: "ana", role: "reader" }] },
        {
          categoryId: databases?.id,
          readers: [
            {
              principalId: ids.get("ana"),
              role: "editor",
              through: [
                { role: "editor", from: databases?.id, chain: ["ana"], expired: null },
                { role: "reader", chain: ["ana", "DBA", "Platform"], expired: null },
              ],
            },
          ],
        },
        { path: ["Production", "Sealed"], inheritGrants: false, readers: [] },
      ],
    });
    const whole = await shell.json(["access", "--category", "Production/Sealed"]);
    expect(whole).toMatchObject({
      grants: expect.arrayContaining([
        expect.objectContaining({
          path: ["Production", "Databases"],
          expiresAt: "2022-06-01T12:00:00.000Z",
          expired: true,
        }),
      ]),
      principals: expect.arrayContaining([
        expect.objectContaining({ name: "dan", kind: "user", email: "dan@example.com", expired: true }),
      ]),
      access: [{ readers: [{ name: "dan", role: null, through: [{ expired: "user" }] }] }],
    });
  });

  test("names that mean nobody, two, or no category are refused", async () => {
    expect(await shell.coffre(["access", "--principal", "nobody"])).toMatchObject({
      stderr: expect.stringContaining("There is no user or group nobody"),
      exitCode: 3,
    });
    expect(await shell.coffre(["access", "--principal", "ana"])).toMatchObject({
      stderr: expect.stringContaining("ana is a user and a group\n  Say user:ana or group:ana."),
      exitCode: 5,
    });
    expect(await shell.coffre(["access", "--category", "Nowhere"])).toMatchObject({ exitCode: 3 });
  });

  test("shows what is read-only and what has ended, and what is left of a role there", async () => {
    const [databases = "", sealed = ""] = [
      await category(vault, "Production/Databases"),
      await category(vault, "Production/Sealed"),
    ];
    await vault.updateCategory(databases, { readOnly: true, expiresAt: "2198-12-31T18:00:00Z" });
    await vault.updateCategory(sealed, { expiresAt: "2021-06-01T00:00:00Z" });
    const here = await shell.coffre(["access", "--category", databases]);
    expect(here.stdout).toContain("(read-only: only managers change it)");
    expect(here.stdout).toContain("(until 2198-12-31 18:00 UTC)");
    expect((await shell.coffre(["access"])).stdout).toContain("(category expired 2021-06-01 00:00 UTC)");
    expect(await shell.json(["access", "--category", databases])).toMatchObject({
      access: [
        { readOnly: true, expiresAt: "2198-12-31T18:00:00.000Z", readers: [{ name: "ana", role: "reader" }, {}] },
      ],
    });
    await vault.updateCategory(databases, { expiresAt: "2021-06-01T00:00:00Z" });
    expect(await shell.json(["access", "--category", databases])).toMatchObject({
      access: [{ readers: [{ name: "ana", role: null, through: [{ expired: "category" }, {}] }, {}] }],
    });
  });

  test("a vault without grants says so, and that key holders read all even so", async () => {
    const empty = await Shell.open();
    await (await empty.makeVault()).close();
    expect(await empty.coffre(["access"])).toEqual({
      stdout: "",
      stderr: `No grant gives anything here.\n${FILE_READS_ALL}`,
      exitCode: 0,
    });
    await empty.close();
  });
});

describe("coffre access on a company's tree", () => {
  let shell: Shell;
  beforeAll(async () => {
    shell = await Shell.open();
    await (await shell.makeVault()).close();
    await fillLargeTree(shell.vaultFile, shell.keyFile);
  });
  afterAll(() => shell.close());

  test("tells of 1,000 categories, 200 users and 50 groups who reads what", async () => {
    const { stdout } = await shell.coffre(["access", "--json"]);
    const answer = JSON.parse(stdout) as { access: { readers: unknown[] }[]; principals: unknown[] };
    expect([answer.access.length, answer.principals.length]).toEqual([1001, 250]);
    expect(answer.access.reduce((sum, { readers }) => sum + readers.length, 0)).toBeGreaterThan(30_000);
  });
});
