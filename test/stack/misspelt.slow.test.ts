import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { succeed } from "../fixtures/pulumi-project.ts";
import { createVault, createVaultProject, IMPORTS, output, type VaultProject } from "./harness.ts";

// A program runs without a look at its types. Each resource's own words are in test/unit/resources-misspelt.test.ts.

const SECRET = "hunter2-hunter2";

/** One resource of each kind; `more` is added to the one of this kind. */
const program = (kind = "", more = "", description = "first") => {
  const with_ = (name: string, args: string) => `{ ${args}${name === kind ? `, ${more}` : ""} }`;
  return `${IMPORTS}
const category = new coffre.Category("people", ${with_("Category", `description: "${description}"`)});
const categoryId = category.id;
new coffre.CategoryTree("ships", ${with_("CategoryTree", `name: "ships", template: { description: "${description}" }`)});
new coffre.Credential("smtp", ${with_("Credential", `username: "mailer", description: "${description}"`)});
const user = new coffre.User("ana", ${with_("User", `displayName: "${description}"`)});
const group = new coffre.Group("crew", ${with_("Group", `displayName: "${description}"`)});
new coffre.GroupMembership("in", ${with_("GroupMembership", "groupId: group.id, memberId: user.id")});
new coffre.Grant("right", ${with_("Grant", `categoryId, principalId: group.id, role: "${description === "first" ? "reader" : "manager"}"`)});
new coffre.DropBox("box", ${with_("DropBox", `recipients: ["ana@acme.example"], description: "${description}"`)});
new coffre.Transfer("sent", ${with_("Transfer", `files: ["./Pulumi.yaml"], from: "a", publicUrl: "https://vault.example.com", maxDownloads: ${description === "first" ? 1 : 2}`)});
new coffre.VaultSync("copies", ${with_("VaultSync", `categoryId, to: "robots", onDelete: "${description === "first" ? "keep" : "remove"}"`)});
`;
};

let stack: VaultProject;
beforeAll(async () => {
  stack = await createVaultProject("");
  const robots = await createVault(stack.project.folder, "robots");
  const named = JSON.stringify({ robots: { url: robots.url, keyFile: robots.keyFile } });
  await stack.project.setConfig("coffre:vaults", named);
}, 60_000);
afterAll(async () => stack.project.remove());

test("what a program spells right is made, kept, refreshed and changed", async () => {
  await stack.project.setProgram(program());
  succeed(await stack.project.up());
  const again = succeed(await stack.project.up());
  expect(output(again)).toMatch(/Resources:\s+\d+ unchanged/);
  succeed(await stack.project.refresh());
  await stack.project.setProgram(program("", "", "second"));
  expect(output(succeed(await stack.project.up()))).toMatch(/~ 9 updated/);
  succeed(await stack.project.refresh());
  expect(output(succeed(await stack.project.up()))).toMatch(/Resources:\s+\d+ unchanged/);
}, 180_000);

test.each([
  ["Category", "passwordPolicies", "passwordPolicy"],
  ["CategoryTree", "onDelet", "onDelete"],
  ["Credential", "usrname", "username"],
  ["User", "expireAt", "expiresAt"],
  ["Group", "displayname", "displayName"],
  ["GroupMembership", "adobt", "adopt"],
  ["Grant", "expireAt", "expiresAt"],
  ["DropBox", "expireAt", "expiresAt"],
  ["Transfer", "pasword", "password"],
  ["VaultSync", "onDelte", "onDelete"],
])(
  "a preview refuses a %s with %s, and the state stays",
  async (kind, misspelt, right) => {
    const before = await stack.project.exportState();
    await stack.project.setProgram(program(kind, `${misspelt}: "${SECRET}"`, "second"));
    const result = await stack.project.preview();
    expect(result.exitCode).not.toBe(0);
    expect(output(result)).toMatch(
      new RegExp(`${kind} \\([a-z]+\\):[\\s\\S]{0,160}has no field "${misspelt}" \\(did you mean "${right}"\\?\\)`),
    );
    expect(output(result)).not.toContain(SECRET);
    expect(await stack.project.exportState()).toEqual(before);
  },
  60_000,
);
