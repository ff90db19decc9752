import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import { makeTokens, ServedVault } from "../../tools/served/served-vault.ts";
import { deposit } from "../contract/vault-cases/boxes.ts";
import { collect } from "../contract/vault-cases/setup.ts";
import { succeed } from "../fixtures/pulumi-project.ts";
import { createVaultProject, IMPORTS, inVault, output, resourceNamed, type VaultProject } from "./harness.ts";

let stack: VaultProject;
let server: ServedVault | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
  await stack.project.remove();
});

const program = (month: string, inputs = "") => `
const partners = new coffre.Category("Partners");
const box = new coffre.DropBox("acme-${month}", {
  name: "acme",
  categoryId: partners.id,
  recipients: ["ana@ACME.example"],
  description: "Figures of ${month}",
  onNameConflict: "replace",
  ${inputs}
});
export const id = box.id;
export const url = box.url;
export const path = box.path;
export const status = box.status;
export const depositCount = box.depositCount;
export const looked = coffre.DropBox.get("looked", box.id).recipients;
`;

const liveBoxes = () => inVault(stack.vault, (vault) => collect(vault.boxes.listBoxes()));

/** From the first box to nothing, with what an engine does in between. @param url what the program knows of the page */
async function life(url: RegExp | undefined): Promise<void> {
  const { project, vault } = stack;
  expect(output(succeed(await project.preview()))).toMatch(/coffre:index:DropBox +acme-10 +create/);
  succeed(await project.up());
  const { id, url: page, ...shown } = await project.outputs();
  expect(shown).toEqual({ path: "Partners/acme", status: "open", depositCount: 0, looked: ["ana@acme.example"] });
  if (url === undefined) expect(page).toBeUndefined();
  else expect(page).toMatch(url);
  expect(JSON.stringify(await resourceNamed(project, "acme-10")).length).toBeLessThan(2_000);
  expect(output(succeed(await project.up()))).toMatch(/Resources:\s+4 unchanged/);

  await inVault(vault, async (opened) => {
    await deposit(opened, await opened.boxes.readBox(String(id)), { "figures.txt": "10, 20" });
    await opened.boxes.updateBox(String(id), { recipients: ["eve@example.com"] });
  });
  expect(output(succeed(await project.preview()))).toMatch(/~ {2}coffre:index:DropBox acme-10 update/);
  succeed(await project.up());
  expect(await liveBoxes()).toMatchObject([{ id, recipients: ["ana@acme.example"] }]);
  succeed(await project.refresh());
  expect(await project.outputs()).toMatchObject({ depositCount: 1, status: "open" });

  const refused = await project.destroy();
  expect(refused.exitCode).not.toBe(0);
  expect(output(refused)).toMatch(/isn't empty: a deposit would be lost/);
  await project.setProgram(IMPORTS + program("10", 'onDelete: "archive", keepDays: 0,'));
  expect(output(await project.preview())).toMatch(/keepDays isn't a whole number above 0/);
  await project.setProgram(IMPORTS + program("10", 'onDelete: "archive", expiresAt: "2020-01-01T00:00:00Z",'));
  expect(output(succeed(await project.preview()))).toContain('expiresAt has passed: this closes the box "acme"');
  await project.setProgram(IMPORTS + program("10", 'onDelete: "archive", publicUrl: "https://files.example.com",'));
  succeed(await project.up());
  expect(await project.outputs()).toMatchObject({ url: `https://files.example.com/boxes/${String(id)}` });

  await project.setProgram(IMPORTS + program("11", 'onDelete: "archive", enabled: false,'));
  expect(output(succeed(await project.preview()))).toContain("its 1 deposit stays readable");
  succeed(await project.up());
  expect(await project.outputs()).toMatchObject({ status: "closed", depositCount: 0, path: "Partners/acme" });
  const archived = await inVault(vault, (opened) => collect(opened.boxes.listBoxes({ archived: true })));
  expect(archived).toMatchObject([{ id, depositCount: 1 }]);
  expect(output(succeed(await project.up()))).toMatch(/Resources:\s+4 unchanged/);

  succeed(await project.destroy());
  expect(await liveBoxes()).toEqual([]);
}

test("a drop-box lives like other resources: made, changed, drifted, refreshed, replaced by next month's, archived", async () => {
  stack = await createVaultProject(program("10"));
  await life(undefined);
}, 400_000);

test("a drop-box behind a server lives the same life, and its program knows its page", async () => {
  stack = await createVaultProject(program("10"));
  const { project, vault } = stack;
  const [token = ""] = await makeTokens(vault, [{ user: "ci", role: "administrator", label: "a test" }]);
  server = await ServedVault.start(vault);
  await project.setConfig("coffre:url", `coffre+${server.origin}`);
  delete project.env["COFFRE_KEY_FILE"];
  project.env["COFFRE_TOKEN_FILE"] = join(project.folder, "token");
  await writeFile(project.env["COFFRE_TOKEN_FILE"], token, { mode: 0o600 });
  await life(/^https?:\/\/.*\/boxes\/bx_/);
}, 400_000);

test("a box whose time in the list is over stays as it was declared, and a later time puts a new one in its place", async () => {
  const soon = new Date(Date.now() + 90_000).toISOString();
  const times = (archivesAt: string) =>
    program("10", `onDelete: "archive", archivesAt: ${JSON.stringify(archivesAt)},`);
  stack = await createVaultProject(times(soon));
  const { project } = stack;
  succeed(await project.up());
  const { id } = await project.outputs();
  await inVault(stack.vault, async (vault) => {
    await deposit(vault, await vault.boxes.readBox(String(id)), { "figures.txt": "10" });
  });
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, Date.parse(soon) - Date.now() + 100)));
  expect(output(succeed(await project.up()))).toMatch(/Resources:\s+4 unchanged/);
  await project.setProgram(IMPORTS + times("2099-01-01T00:00:00Z"));
  expect(output(succeed(await project.preview()))).toMatch(/coffre:index:DropBox +acme-10 +.*replace/);
  succeed(await project.up());
  const [box] = await liveBoxes();
  expect(box?.id).not.toBe(id);
  expect(await project.outputs()).toMatchObject({ id: box?.id, depositCount: 0 });
  expect(await inVault(stack.vault, (vault) => vault.boxes.readBox(String(id)))).toMatchObject({
    status: "archived",
    depositCount: 1,
  });
}, 400_000);
