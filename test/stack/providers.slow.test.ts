import { afterEach, expect, test } from "@jest/globals";
import { succeed } from "../fixtures/pulumi-project.ts";
import {
  createVault,
  createVaultProject,
  IMPORTS,
  inVault,
  output,
  resourceNamed,
  type VaultProject,
} from "./harness.ts";

let stack: VaultProject;
afterEach(() => stack.project.remove());

test("with previewReads false a preview needs no vault and no key, and an up does its work", async () => {
  const program = (more: string) => `${IMPORTS}
const smtp = new coffre.Credential("smtp", { ${more} });
export const known = smtp.password.apply(() => true);
smtp.password.apply(() => console.log("READ"));`;
  stack = await createVaultProject("", { config: { "coffre:previewReads": "false" } });
  await stack.project.setProgram(program(""));
  const env = { COFFRE_KEY_FILE: "", COFFRE_URL: "file://./not-here.db" };
  succeed(await stack.project.preview([], { env }));
  expect(output(succeed(await stack.project.up()))).toContain("READ");
  const preview = succeed(await stack.project.preview([], { env }));
  expect(output(preview)).not.toContain("READ");
  expect(output(preview)).toMatch(/Resources:\s+3 unchanged/);
  await stack.project.setProgram(program('description: "relay"'));
  expect(output(succeed(await stack.project.preview([], { env })))).toMatch(/~ {2}coffre:index:Credential smtp update/);
}, 90_000);

test("another spelling of the URL touches nothing; another vault is refused, until the resource is tainted and moves", async () => {
  stack = await createVaultProject('new coffre.Credential("smtp");');
  succeed(await stack.project.up());
  const { id } = await resourceNamed(stack.project, "smtp");
  await stack.project.setConfig("coffre:url", "file://./prod.db");
  expect(output(succeed(await stack.project.up()))).not.toMatch(/Credential smtp/);

  const robots = await createVault(stack.project.folder, "robots");
  const keys = `url: ${JSON.stringify(robots.url)}, keyFile: ${JSON.stringify(robots.keyFile)}`;
  await stack.project.setProgram(
    `${IMPORTS}new coffre.Credential("smtp", {}, { provider: new coffre.Provider("robots", { ${keys} }) });`,
  );
  const refused = await stack.project.up();
  expect(refused.exitCode).not.toBe(0);
  expect(output(refused)).toContain("WRONG_VAULT");
  const { urn } = await resourceNamed(stack.project, "smtp");
  succeed(await stack.project.run(["state", "taint", urn, "--yes"]));
  succeed(await stack.project.up());
  expect((await inVault(stack.vault, (vault) => vault.readCredential(id ?? ""))).archivedAt).toBeDefined();
  expect(await inVault(robots, (vault) => vault.findCredential(["smtp"]))).toBeDefined();
}, 90_000);
