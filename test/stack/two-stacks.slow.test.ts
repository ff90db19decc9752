import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { accessOf } from "../../provider/vault/access.js";
import type { Vault } from "../../provider/vault/port.js";
import { collect } from "../contract/vault-cases/setup.ts";
import { succeed } from "../fixtures/pulumi-project.ts";
import { createVault, createVaultProject, inVault, output, type TestVault, type VaultProject } from "./harness.ts";

const EXAMPLE = resolve(import.meta.dirname, "../../examples/two-stacks");

let folder: string;
let vault: TestVault;
const made: VaultProject[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "coffre-two-stacks-"));
  vault = await createVault(folder);
});
afterEach(async () => {
  for (const { project } of made.splice(0)) await project.remove();
  await rm(folder, { recursive: true });
});

/** One of the example's two stacks, on the vault and the backend of both. */
async function stackOf(name: "platform" | "application") {
  const options = { name: `coffre-two-stacks-${name}`, vault, stateFolder: join(folder, "state") };
  const stack = await createVaultProject("", options);
  made.push(stack);
  await stack.project.setProgram(await readFile(join(EXAMPLE, name, "index.ts"), "utf8"));
  return stack.project;
}

/** `Databases: ana manager by ana DBA` for each right that begins somewhere. */
async function rights(opened: Vault): Promise<string[]> {
  const { people } = opened;
  const categories = await collect(opened.listCategories());
  const principals = await collect(people.listPrincipals());
  const [memberships, grants] = [await collect(people.listMemberships()), await collect(people.listGrants())];
  const nameOf = (id: string) => principals.find((one) => one.id === id)?.name ?? id;
  const everybody = new Set(principals.map(({ id }) => id));
  return accessOf({ categories, principals, memberships, grants }, new Date(), everybody).flatMap(
    ({ categoryId, readers }) =>
      readers.map(({ principalId, role, through }) => {
        const path = categories.find(({ id }) => id === categoryId)?.path.join("/") ?? "(root)";
        const [strongest] = through;
        return `${path}: ${nameOf(principalId)} ${role ?? "expired"} by ${(strongest?.chain ?? []).map(nameOf).join(" ")}`;
      }),
  );
}

const PLATFORMS = ["Databases: DBA manager by DBA", "Databases: ana manager by ana DBA"];

test("the example's two stacks share a vault: each reads what the other gives out, and neither takes what is the other's", async () => {
  const platform = await stackOf("platform");
  const application = await stackOf("application");
  await application.setConfig("platform", "organization/coffre-two-stacks-platform/dev");

  succeed(await platform.up());
  succeed(await application.preview());
  succeed(await application.up());
  expect(await application.outputs()).toEqual({
    ref: "coffre://prod/Databases/Shop/orders-app",
    relayUser: "relay",
    managers: "Database administrators",
  });
  expect(await inVault(vault, rights)).toEqual([
    ...PLATFORMS,
    "Databases/Shop: DBA manager by DBA",
    "Databases/Shop: support reader by support",
    "Databases/Shop: ana manager by ana DBA",
  ]);
  expect(output(succeed(await application.up()))).toMatch(/Resources:\s+6 unchanged/);

  const refused = await platform.destroy();
  expect(output(refused)).toContain("isn't empty");
  succeed(await platform.up());
  succeed(await application.destroy());
  expect(await inVault(vault, rights)).toEqual(PLATFORMS);
  succeed(await platform.destroy());
  await inVault(vault, async (opened) => {
    expect(await collect(opened.listCategories())).toEqual([]);
    expect(await collect(opened.people.listPrincipals())).toEqual([]);
  });
}, 300_000); // nine runs of the engine, on a busy machine
