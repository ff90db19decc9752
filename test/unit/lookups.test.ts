import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { Secret } from "../../provider/core/secret.js";
import * as coffre from "../../provider/index.js";
import {
  lookUpCategory,
  lookUpCredential,
  lookUpGroup,
  lookUpUser,
  type LookupPlace,
} from "../../provider/resources/lookup.js";
import type { Credential, Vault } from "../../provider/vault/port.js";
import { createMemoryVault } from "../../provider/vault/memory/memory-vault.js";
import { settle } from "../fixtures/outputs.ts";
import { inVault, type TestVault, createVault } from "../stack/harness.ts";

jest.setTimeout(30_000); // for a busy machine

const VALUE = "a value that no lookup shows";

async function fill(vault: Vault): Promise<{ categoryId: string; credential: Credential }> {
  const top = await vault.createCategory({ name: "Production", parentId: null });
  const policy = { minLength: 30 };
  const category = await vault.createCategory({ name: "Databases", parentId: top.id, description: "servers", policy });
  const [credential] = await vault.createCredentials([
    {
      name: "orders-app",
      categoryId: category.id,
      username: "orders_app",
      initial: { value: new Secret(VALUE), causes: [] },
    },
  ]);
  if (!credential) throw new Error("nothing was created");
  await vault.people.createPrincipal({ kind: "group", name: "DBA", displayName: "Database admins" });
  await vault.people.createPrincipal({ kind: "user", name: "ana", email: "a@example.com" });
  return { categoryId: category.id, credential };
}

describe("a lookup", () => {
  let vault: Vault;
  let made: Awaited<ReturnType<typeof fill>>;
  const at = (...rootCategory: string[]): LookupPlace => ({ vault, rootCategory });
  beforeEach(async () => {
    vault = createMemoryVault({ name: "prod" });
    made = await fill(vault);
  });
  afterEach(() => vault.close());

  test("of a credential answers everything but its value, by path, by reference and by id", async () => {
    const { id } = made.credential;
    const expected = {
      id,
      name: "orders-app",
      path: "Production/Databases/orders-app",
      categoryId: made.categoryId,
      username: "orders_app",
      tags: [],
      ref: "coffre://prod/Production/Databases/orders-app",
      idRef: `coffre://prod/id/${id}`,
      currentVersion: 1,
      status: "done",
    };
    expect(await lookUpCredential(at(), { path: "Production/Databases/orders-app" })).toEqual(expected);
    expect(await lookUpCredential(at(), { ref: expected.ref })).toEqual(expected);
    expect(await lookUpCredential(at(), { ref: expected.idRef })).toEqual(expected);
    expect(await lookUpCredential(at(), { id, path: undefined })).toEqual(expected);
    expect(JSON.stringify(expected)).not.toContain(VALUE);
  });

  test("of a category, a group or a user answers what they are", async () => {
    const category = await lookUpCategory(at(), { path: "Production/Databases" });
    expect(category).toEqual({
      id: made.categoryId,
      name: "Databases",
      path: "Production/Databases",
      parentId: expect.any(String),
      description: "servers",
      passwordPolicy: { minLength: 30 },
      inheritGrants: true,
      readOnly: false,
      expiresAt: undefined,
    });
    expect(await lookUpCategory(at(), { id: made.categoryId })).toEqual(category);
    const group = await lookUpGroup(at(), { name: "DBA" });
    expect(group).toEqual({ id: expect.stringMatching(/^gp_/), name: "DBA", displayName: "Database admins" });
    expect(await lookUpGroup(at(), { id: group.id })).toEqual(group);
    const user = await lookUpUser(at(), { name: "ana" });
    expect(user).toEqual({ id: expect.stringMatching(/^us_/), name: "ana", email: "a@example.com" });
    await expect(lookUpUser(at(), { id: group.id })).rejects.toThrow("NOT_FOUND"); // a group is no user
  });

  test("by path begins at the branch of coffre:rootCategory; an id and a reference don't", async () => {
    const branch = at("Production");
    expect((await lookUpCategory(branch, { path: "Databases" })).id).toBe(made.categoryId);
    expect((await lookUpCredential(branch, { path: "Databases/orders-app" })).id).toBe(made.credential.id);
    expect((await lookUpCredential(branch, { ref: "coffre://prod/Production/Databases/orders-app" })).id).toBe(
      made.credential.id,
    );
    await expect(lookUpCategory(branch, { path: "Production/Databases" })).rejects.toThrow("NOT_FOUND");
  });

  test.each([
    [lookUpCredential, {}, "INVALID_INPUT: getCredential takes one of path, ref and id"],
    [lookUpCredential, { path: "a", id: "b" }, "Leave out all but one: here are path and id."],
    [lookUpCredential, { path: "" }, "INVALID_INPUT"],
    [lookUpCredential, { path: "/a" }, "has an empty name in it"],
    [lookUpCredential, { path: 7 }, "INVALID_INPUT"],
    [lookUpCredential, { path: "Nowhere/x" }, 'NOT_FOUND: There is no credential "Nowhere/x"'],
    [lookUpCredential, { ref: "coffre://dev/Production/x" }, "WRONG_VAULT"],
    [lookUpCredential, { ref: "hunter2" }, "a reference starts with coffre://"],
    [lookUpCredential, { id: "cr_gone" }, "NOT_FOUND"],
    [lookUpCategory, { name: "Production" }, "INVALID_INPUT: getCategory takes one of path and id"],
    [lookUpCategory, { path: "Production//Databases" }, "INVALID_INPUT"],
    [lookUpCategory, { id: "ct_gone" }, "NOT_FOUND"],
    [lookUpGroup, { name: "ana" }, 'NOT_FOUND: There is no group "ana"'],
    [lookUpUser, { name: "DBA" }, 'NOT_FOUND: There is no user "DBA"'],
    [lookUpUser, { name: null }, "INVALID_INPUT"],
  ])("%p of %j is refused: %s", async (lookUp, query, reason) => {
    await expect(lookUp(at(), query)).rejects.toThrow(reason);
  });

  test("of an archived credential says that it is archived, and of an unfinished one that it is unfinished", async () => {
    const { id } = made.credential;
    await vault.acquireLease(id, { holder: "x", ttlSeconds: 60 }, [
      { step: "stage", value: new Secret("next"), causes: [], accounts: [] },
    ]);
    expect(await lookUpCredential(at(), { id })).toMatchObject({ status: "unfinished", currentVersion: 1 });
    await vault.archiveCredential(id, {});
    await expect(lookUpCredential(at(), { id })).rejects.toThrow(/NOT_FOUND[\s\S]*archived[\s\S]*adopt/);
  });
});

describe("a program's function", () => {
  let folder: string;
  let vault: TestVault;
  let credential: Credential;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "coffre-lookups-"));
    vault = await createVault(folder);
    ({ credential } = await inVault(vault, fill));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** A run of a program without an engine, as a preview or as an up; a resource that a preview would make has no id. */
  async function run<Result>(preview: boolean, program: () => Promise<Result> | Result): Promise<Result> {
    await pulumi.runtime.setMocks(
      {
        newResource: ({ name, inputs }) => ({
          id: preview ? undefined : `${name}-id`,
          state: inputs as object,
        }),
        call: () => ({}),
      },
      "shop",
      "dev",
      preview,
    );
    pulumi.runtime.setAllConfig({});
    const result = await program();
    await pulumi.runtime.disconnect();
    return result;
  }

  const provider = (more: coffre.ProviderArgs = {}) =>
    new coffre.Provider("prod", { url: vault.url, keyFile: vault.keyFile, ...more });

  test("answers a promise, or an output whose parts can be taken", async () => {
    await run(false, async () => {
      const opts = { provider: provider() };
      expect(await coffre.getCredential({ path: "Production/Databases/orders-app" }, opts)).toMatchObject({
        id: credential.id,
        username: "orders_app",
      });
      expect((await coffre.getCategory({ path: "Production" }, opts)).path).toBe("Production");
      expect((await coffre.getGroup({ name: "DBA" }, opts)).displayName).toBe("Database admins");
      expect((await coffre.getUser({ name: "ana" }, opts)).email).toBe("a@example.com");
      const name = pulumi.output("DBA");
      expect(await settle(coffre.getGroupOutput({ name }, opts).displayName)).toBe("Database admins");
      expect(await settle(coffre.getUserOutput({ name: "ana" }, opts).email)).toBe("a@example.com");
      expect(await settle(coffre.getCategoryOutput({ path: "Production" }, opts).path)).toBe("Production");
      const found = coffre.getCredentialOutput({ id: credential.id }, opts);
      expect(await settle(found.ref)).toBe("coffre://prod/Production/Databases/orders-app");
      expect(await pulumi.isSecret(found)).toBe(false);
    });
  });

  test("counts paths from the provider's rootCategory", async () => {
    await run(false, async () => {
      const opts = { provider: provider({ rootCategory: "Production" }) };
      expect((await coffre.getCategory({ path: "Databases" }, opts)).path).toBe("Production/Databases");
    });
  });

  test("asks the vault in a preview too, unless previewReads is false: then an output is unknown and a promise fails", async () => {
    await run(true, async () => {
      const opts = { provider: provider() };
      expect((await coffre.getGroup({ name: "DBA" }, opts)).name).toBe("DBA");
      const quiet = { provider: provider({ previewReads: false, url: "file:///nowhere/at-all.db" }) };
      expect(await settle(coffre.getGroupOutput({ name: "DBA" }, quiet).id)).toBe("unknown");
      await expect(coffre.getGroup({ name: "DBA" }, quiet)).rejects.toThrow(
        /CONFIGURATION[\s\S]*previewReads is false[\s\S]*getGroupOutput/,
      );
    });
    await run(false, async () => {
      const opts = { provider: provider({ previewReads: false }) };
      expect((await coffre.getGroup({ name: "DBA" }, opts)).name).toBe("DBA");
    });
  });

  test("is unknown while what it depends on is to be made", async () => {
    await run(true, async () => {
      const opts = { provider: provider() };
      const group = new coffre.Group("new", {}, opts);
      expect(await settle(coffre.getGroupOutput({ name: "new" }, { ...opts, dependsOn: group }).id)).toBe("unknown");
      expect(await settle(coffre.getGroupOutput({ id: group.id }, opts).name)).toBe("unknown");
      expect(await settle(coffre.getGroupOutput({ name: "DBA" }, { ...opts, dependsOn: [] }).name)).toBe("DBA");
    });
  });

  test("refuses a provider of another kind, and a wrong question, before the vault is asked", async () => {
    await run(false, async () => {
      class Other extends pulumi.ProviderResource {}
      await expect(coffre.getGroup({ name: "DBA" }, { provider: new Other("aws", "x") })).rejects.toThrow(
        "The provider was not made by coffre.Provider",
      );
      await expect(coffre.getGroup({}, { provider: provider() })).rejects.toThrow("takes one of name and id");
    });
  });
});
