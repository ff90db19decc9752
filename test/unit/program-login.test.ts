import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { Secret } from "../../provider/core/secret.js";
import * as coffre from "../../provider/index.js";
import type { Vault } from "../../provider/vault/port.js";
import { settle } from "../fixtures/outputs.ts";
import { createVault, inVault, type TestVault } from "../stack/harness.ts";

// A program reads user name and password apart; they must belong to one version.

jest.setTimeout(30_000); // for a busy machine

const valueOf = (version: number) => `the value of version ${version}`;

/** An entry whose logins take turns: version 1 for `app_a`, 2 for `app_b`, 3 pending for `app_a`. @returns its id */
async function fill(vault: Vault): Promise<string> {
  const [made] = await vault.createCredentials([{ name: "app", username: "app", categoryId: null }]);
  const id = made?.id ?? "";
  const { lease } = await vault.acquireLease(id, { holder: "a test", ttlSeconds: 60 });
  for (const [index, username] of ["app_a", "app_b", "app_a"].entries()) {
    const version = index + 1;
    await vault.record(lease, [
      { step: "stage", value: new Secret(valueOf(version)), causes: [], accounts: [], username },
    ]);
    if (version < 3) await vault.record(lease, [{ step: "promote", version, verified: false }]);
  }
  await vault.record(lease, [{ step: "release" }]);
  return id;
}

describe("the login of a credential in a program", () => {
  let folder: string;
  let vault: TestVault;
  let id: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "coffre-login-"));
    vault = await createVault(folder);
    id = await inVault(vault, fill);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** A run of a program without an engine, to which the state says which version is in force. */
  async function read(currentVersion: number, { preview = false, previewReads = true } = {}) {
    await pulumi.runtime.setMocks(
      {
        newResource: ({ inputs }) => ({
          id,
          state: { ...(inputs as object), currentVersion, status: "done", ref: "coffre://prod/app", username: "app" },
        }),
        call: () => ({}),
      },
      "shop",
      "dev",
      preview,
    );
    pulumi.runtime.setAllConfig({});
    const provider = new coffre.Provider("prod", { url: vault.url, keyFile: vault.keyFile, previewReads });
    const { login, password } = coffre.Credential.get("app", id, { provider });
    const settled = { login: await settle(login), password: await settle(password) };
    await pulumi.runtime.disconnect();
    return settled;
  }

  test.each([
    [1, "app_a"],
    [2, "app_b"],
  ])("is that of the version that the password is of: %s", async (version, login) => {
    expect(await read(version)).toEqual({ login, password: valueOf(version) });
  });

  test("is read in a preview too, unless previewReads is false", async () => {
    expect(await read(2, { preview: true })).toEqual({ login: "app_b", password: valueOf(2) });
    expect(await read(2, { preview: true, previewReads: false })).toEqual({ login: "unknown", password: "unknown" });
  });
});
