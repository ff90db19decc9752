import { afterEach, expect, test } from "@jest/globals";
import type { Grant } from "../../provider/vault/port.js";
import { collect } from "../contract/vault-cases/setup.ts";
import { succeed } from "../fixtures/pulumi-project.ts";
import { createVaultProject, IMPORTS, inVault, output, resourceNamed, type VaultProject } from "./harness.ts";

let stack: VaultProject;
afterEach(() => stack.project.remove());

const PROGRAM = `
const databases = new coffre.Category("Databases");
const sealed = new coffre.Category("Sealed", { parentId: databases.id, inheritGrants: false });
const ana = new coffre.User("ana", { displayName: "Ana Ferreira", email: "ana@example.com" });
const dba = new coffre.Group("DBA");
const platform = new coffre.Group("Platform");
const membership = new coffre.GroupMembership("ana-dba", { groupId: dba.id, memberId: ana.id });
new coffre.GroupMembership("dba-platform", { groupId: platform.id, memberId: dba.id });
const grant = new coffre.Grant("dba", { categoryId: databases.id, principalId: platform.id, role: ROLE });
export const looked = coffre.Grant.get("looked", grant.id).role;
export const lookedMembership = coffre.GroupMembership.get("looked-membership", membership.id).groupId.apply(Boolean);
export const lookedCategory = coffre.Category.get("looked-category", sealed.id).path;
export const lookedUser = coffre.User.get("looked-user", ana.id).email;
export const lookedGroup = coffre.Group.get("looked-group", dba.id).name;
`;
const program = (role = "reader") => PROGRAM.replace("ROLE", JSON.stringify(role));

const grantsOf = (): Promise<Grant[]> => inVault(stack.vault, (vault) => collect(vault.people.listGrants()));

test("users, groups, memberships and grants live like other resources: made, changed, drifted, refreshed, removed", async () => {
  stack = await createVaultProject(program());
  const { project, vault } = stack;
  expect(output(succeed(await project.preview()))).toMatch(/coffre:index:Grant +dba +create/);
  succeed(await project.up());
  expect(await project.outputs()).toEqual({
    looked: "reader",
    lookedMembership: true,
    lookedCategory: "Databases/Sealed",
    lookedUser: "ana@example.com",
    lookedGroup: "DBA",
  });
  expect(output(succeed(await project.up()))).toMatch(/Resources:\s+10 unchanged/);
  const state = await resourceNamed(project, "dba");
  expect(JSON.stringify(state).length).toBeLessThan(1_700); // a grant is small, and so is what is kept of it

  await project.setProgram(IMPORTS + program("manager"));
  succeed(await project.up());
  const [grant] = await grantsOf();
  expect(grant).toMatchObject({ role: "manager", owned: true });

  await inVault(vault, (opened) => opened.people.updateGrant(grant?.id ?? "", { role: "editor" }));
  expect(output(succeed(await project.preview()))).toMatch(/~ {2}coffre:index:Grant dba update/);
  succeed(await project.up());
  expect(await grantsOf()).toMatchObject([{ id: grant?.id, role: "manager" }]);

  await inVault(vault, async (opened) => {
    const ana = await opened.people.findPrincipal("user", "ana");
    await opened.people.deletePrincipal(ana?.id ?? "", {});
  });
  const refused = await project.up();
  expect(output(refused)).toContain("was removed, not by this stack");
  succeed(await project.refresh());
  succeed(await project.up());
  expect(await inVault(vault, (opened) => collect(opened.people.listMemberships()))).toHaveLength(2);

  succeed(await project.destroy());
  await inVault(vault, async ({ people }) => {
    expect([await collect(people.listPrincipals()), await collect(people.listGrants())]).toEqual([[], []]);
  });
}, 300_000);

test("with previewReads false a preview of them needs no vault, and rootCategory is where grants and lookups begin", async () => {
  stack = await createVaultProject("", {
    config: { "coffre:previewReads": "false", "coffre:rootCategory": "Production" },
  });
  const { project, vault } = stack;
  const groupId = await inVault(vault, async (opened) => {
    const { id } = await opened.people.createPrincipal({ kind: "group", name: "DBA" });
    const production = await opened.createCategory({ name: "Production", parentId: null });
    await opened.createCategory({ name: "Databases", parentId: production.id });
    return id;
  });
  await project.setProgram(`${IMPORTS}
const dba = coffre.getGroupOutput({ name: "DBA" });
const databases = coffre.getCategoryOutput({ path: "Databases" });
new coffre.Grant("here", { categoryId: databases.id, principalId: dba.id, role: "reader" });
new coffre.Grant("everywhere", { principalId: dba.id, role: "reader" });
export const path = databases.path;
export const looked = coffre.Group.get("looked", ${JSON.stringify(groupId)}).name;`);
  const env = { COFFRE_KEY_FILE: "", COFFRE_URL: "file://./not-here.db" };
  expect(output(succeed(await project.preview([], { env })))).toMatch(/coffre:index:Grant +here +create/);
  succeed(await project.up());
  expect(await project.outputs()).toEqual({ path: "Production/Databases", looked: "DBA" });
  const [production, databases] = await inVault(vault, (opened) => collect(opened.listCategories()));
  const places = (await grantsOf()).map(({ categoryId }) => categoryId);
  expect(places.sort()).toEqual([production?.id, databases?.id].sort());
  succeed(await project.preview([], { env }));
  expect(output(succeed(await project.up()))).toMatch(/Resources:\s+4 unchanged/);
}, 180_000);
