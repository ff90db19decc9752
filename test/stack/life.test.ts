import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { succeed } from "../fixtures/pulumi-project.ts";
import { createVault, createVaultProject, currentValue, inVault, output } from "./harness.ts";
import { resourceNamed, type VaultProject, versionsOf } from "./harness.ts";

// One stack's life, told in order: each test goes on where the one before it stopped.
let stack: VaultProject;
const SMTP = ["Databases", "smtp"];

function program({ trigger = "1", extra = "" } = {}): string {
  return `import * as pulumi from "@pulumi/pulumi";
import * as coffre from "coffre";
const databases = new coffre.Category("Databases", { passwordPolicy: { minLength: 30, allowedSymbols: "" } });
const smtp = new coffre.Credential("smtp", {
  categoryId: databases.id, username: "mailer", rotateWhenChanged: { n: "${trigger}" },
});
${extra}
export const ref = smtp.ref;
export const idRef = smtp.idRef;
export const password = smtp.password;
export const version = smtp.currentVersion;
export const status = smtp.status;
`;
}

beforeAll(async () => {
  stack = await createVaultProject("");
  await stack.project.setProgram(program());
}, 60_000);
afterAll(async () => stack.project.remove());

test("a first preview takes what isn't known yet and changes nothing", async () => {
  const preview = succeed(await stack.project.preview());
  expect(output(preview)).toMatch(/coffre:index:Category Databases create[\s\S]*coffre:index:Credential smtp create/);
  expect(await inVault(stack.vault, (vault) => vault.findCategory(["Databases"]))).toBeUndefined();
}, 60_000);

test("up makes the entry under its final type, with a small state that holds no value", async () => {
  const up = succeed(await stack.project.up());
  expect(output(up)).toMatch(/\+ {2}coffre:index:Credential smtp created/);
  const value = await currentValue(stack.vault, SMTP);
  expect(value).toMatch(/^[A-Za-z0-9]{30}$/);

  const smtp = await resourceNamed(stack.project, "smtp");
  expect(smtp.type).toBe("coffre:index:Credential");
  expect(smtp.inputs?.["__provider"]).toBe('exports.handler=()=>require("coffre/dynamic/credential")');
  expect(smtp.outputs).toMatchObject({ ref: "coffre://prod/Databases/smtp", currentVersion: 1, status: "done" });
  expect(JSON.stringify(smtp)).not.toContain(value);
  expect(JSON.stringify(smtp).length).toBeLessThan(2_000);

  const outputs = await stack.project.outputs({ showSecrets: true });
  expect(outputs).toMatchObject({
    idRef: `coffre://prod/id/${smtp.id ?? ""}`,
    password: value,
    version: 1,
    status: "done",
  });
  expect(await stack.project.outputs()).toMatchObject({ password: "[secret]" });
}, 60_000);

test("a second up, a preview and a refresh find nothing to do", async () => {
  const up = succeed(await stack.project.up());
  expect(output(up)).toMatch(/Resources:\s+4 unchanged/);
  const preview = succeed(await stack.project.preview(["--refresh", "--expect-no-changes"]));
  expect(output(preview)).toMatch(/Resources:\s+4 unchanged/);
}, 60_000);

test("a changed trigger rotates; the preview before it knows the reference by id and no password", async () => {
  await stack.project.setProgram(
    program({
      trigger: "2",
      extra:
        "smtp.idRef.apply((known) => console.log(`KNOWN ${known}`)); smtp.password.apply(() => console.log('PASSWORD'));",
    }),
  );
  const preview = succeed(await stack.project.preview(["--diff"]));
  expect(output(preview)).toMatch(/n: "1" => "2"/);
  expect(output(preview)).toMatch(/KNOWN coffre:\/\/prod\/id\/cr_/);
  expect(output(preview)).not.toContain("PASSWORD");
  const before = await currentValue(stack.vault, SMTP);
  succeed(await stack.project.up());
  expect(await versionsOf(stack.vault, SMTP)).toBe("1 previous, 2 current");
  const outputs = await stack.project.outputs({ showSecrets: true });
  expect(outputs).toMatchObject({ version: 2, password: await currentValue(stack.vault, SMTP) });
  expect(outputs["password"]).not.toBe(before);
}, 90_000);

test("--replace and state taint archive the old entry and make a new one of the same name", async () => {
  await stack.project.setProgram(program({ trigger: "2" }));
  const { urn, id } = await resourceNamed(stack.project, "smtp");
  succeed(await stack.project.up(["--replace", urn]));
  const replaced = await resourceNamed(stack.project, "smtp");
  succeed(await stack.project.run(["state", "taint", urn, "--yes"]));
  succeed(await stack.project.up());
  const tainted = await resourceNamed(stack.project, "smtp");
  expect(new Set([id, replaced.id, tainted.id]).size).toBe(3);
  await inVault(stack.vault, async (vault) => {
    expect((await vault.readCredential(id ?? "")).archivedAt).toBeDefined();
    expect((await vault.readCredential(replaced.id ?? "")).archivedAt).toBeDefined();
    expect((await vault.findCredential(SMTP))?.id).toBe(tainted.id);
  });
}, 90_000);

test("a rename with an alias keeps the entry; one without is a conflict that names aliases", async () => {
  const { id } = await resourceNamed(stack.project, "smtp");
  const renamed = (options: string) =>
    program({ trigger: "2" })
      .replace('"smtp", {', '"relay", { name: "smtp",')
      .replace("},\n});", `},\n}, ${options});`);
  await stack.project.setProgram(renamed("{}"));
  const refused = await stack.project.up();
  expect(refused.exitCode).not.toBe(0);
  expect(output(refused)).toMatch(/CONFLICT: There is a credential "Databases\/smtp"[\s\S]*aliases/);
  await stack.project.setProgram(renamed('{ aliases: [{ name: "smtp" }] }'));
  succeed(await stack.project.up());
  expect((await resourceNamed(stack.project, "relay")).id).toBe(id);
  expect(await versionsOf(stack.vault, SMTP)).toBe("1 current");
  await stack.project.setProgram(renamed('{ aliases: [{ name: "smtp" }] }'));
  expect(output(succeed(await stack.project.preview(["--expect-no-changes"])))).toMatch(/4 unchanged/);
}, 90_000);

test("a second vault is chosen by a provider, and inherited by the children of a component", async () => {
  const robots = await createVault(stack.project.folder, "robots");
  await stack.project.setProgram(
    program({
      trigger: "2",
      extra: `
const robots = new coffre.Provider("robots", { url: ${JSON.stringify(robots.url)}, keyFile: ${JSON.stringify(robots.keyFile)} });
const direct = new coffre.Credential("direct", {}, { provider: robots });
class Site extends pulumi.ComponentResource {
  readonly inner: coffre.Credential;
  constructor(name: string, options: pulumi.ComponentResourceOptions) {
    super("acme:index:Site", name, {}, options);
    this.inner = new coffre.Credential("inner", {}, { parent: this });
    this.registerOutputs({});
  }
}
const site = new Site("site", { providers: [robots] });
export const looked = coffre.Credential.get("looked", direct.id, { provider: robots }).ref;
export const innerPassword = site.inner.password;
`,
    }).replace('"smtp", {', '"relay", { name: "smtp",'),
  );
  succeed(await stack.project.up());
  const outputs = await stack.project.outputs({ showSecrets: true });
  expect(outputs).toMatchObject({
    looked: "coffre://robots/direct",
    innerPassword: await currentValue(robots, ["inner"]),
  });
  expect((await resourceNamed(stack.project, "inner")).urn).toContain("acme:index:Site$coffre:index:Credential");
  expect(await inVault(stack.vault, (vault) => vault.findCredential(["direct"]))).toBeUndefined();
}, 90_000);

test("destroy archives, and up again makes all anew", async () => {
  await stack.project.setProgram(program());
  succeed(await stack.project.destroy());
  await inVault(stack.vault, async (vault) => {
    expect(await vault.findCategory(["Databases"])).toBeUndefined();
    for await (const { path } of vault.listCredentials()) throw new Error(`${path.join("/")} is still there`);
    let archived = 0;
    for await (const _entry of vault.listCredentials({ archived: true })) archived++;
    expect(archived).toBeGreaterThan(0);
  });
  succeed(await stack.project.up());
  expect(await versionsOf(stack.vault, SMTP)).toBe("1 current");
}, 90_000);
