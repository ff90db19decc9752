import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Secret } from "../../provider/core/secret.js";
import { giveValue } from "../../provider/rotation/give.js";
import { createRotationContext } from "../../provider/rotation/context.js";
import { systemClock } from "../../provider/core/clock.js";
import { succeed } from "../fixtures/pulumi-project.ts";
import {
  createVaultProject,
  currentValue,
  IMPORTS,
  inVault,
  output,
  resourceNamed,
  type VaultProject,
} from "./harness.ts";

// Values that people bring, on the real engine: one stack's life, told in order.
let stack: VaultProject;

const SEED = "JBSWY3DPEHPK3PXP";
const KEY = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n";

function program({ revision = "1", token = "1", contact = "ana@example.com" } = {}): string {
  return `${IMPORTS}
const partners = new coffre.Category("Partners", { passwordPolicy: { minLength: 12 } });
const mail = new coffre.Credential("mail", {
  categoryId: partners.id, source: { file: "mail.token", revision: ${JSON.stringify(revision)} },
  fields: { contact: ${JSON.stringify(contact)} },
  secretFields: {
    token: { source: { env: "MAIL_TOKEN", revision: ${JSON.stringify(token)} } },
    totp: { type: "totp", source: { file: "totp.seed", revision: "1" } },
    "tls.key": { type: "file", source: { file: "tls.key", revision: "1" } },
  },
});
const licence = new coffre.Credential("licence", { categoryId: partners.id, source: "typed" });
export const statuses = pulumi.all([mail.status, licence.status]);
export const password = mail.password;
`;
}

beforeAll(async () => {
  stack = await createVaultProject("");
  stack.project.env["MAIL_TOKEN"] = "the-token-from-the-environment";
  await stack.project.setProgram(program());
}, 60_000);
afterAll(async () => stack.project.remove());

async function fieldOf(name: string): Promise<string> {
  return inVault(stack.vault, async (vault) => {
    const [answer] = await vault.readMany([{ path: ["Partners", "mail"], field: name }]);
    if (answer === undefined || answer instanceof Error) throw answer ?? new Error("no answer");
    return answer.value.reveal();
  });
}

test("a preview names the resource, the field and the file that isn't there; without reads it asks for nothing", async () => {
  const refused = await stack.project.preview();
  expect(refused.exitCode).not.toBe(0);
  expect(output(refused)).toMatch(/Credential mail: the file mail\.token doesn't exist[\s\S]*folder of Pulumi\.yaml/);
  await stack.project.write({ "mail.token": "the-first-mail-token\n", "totp.seed": SEED });
  const field = await stack.project.preview();
  expect(output(field)).toMatch(/Credential mail, field tls\.key: the file tls\.key doesn't exist/);
  await stack.project.setConfig("coffre:previewReads", "false");
  succeed(await stack.project.preview());
  await stack.project.setConfig("coffre:previewReads", "true");
  await stack.project.write({ "tls.key": KEY });
}, 90_000);

test("an up brings every value into the vault, and none into the state", async () => {
  succeed(await stack.project.up());
  expect(await currentValue(stack.vault, ["Partners", "mail"])).toBe("the-first-mail-token");
  expect(await fieldOf("token")).toBe("the-token-from-the-environment");
  expect(await fieldOf("totp")).toBe(SEED);
  expect(Buffer.from(await fieldOf("tls.key"), "base64").toString()).toBe(KEY);
  const { inputs, outputs } = await resourceNamed(stack.project, "mail");
  expect(outputs).toMatchObject({
    source: { file: "mail.token", revision: "1" },
    fields: { contact: "ana@example.com" },
  });
  const text = JSON.stringify([inputs, outputs]);
  for (const secret of ["the-first-mail-token", "the-token-from-the-environment", SEED, "MC4CAQ"]) {
    expect(text).not.toContain(secret);
  }
  expect(await stack.project.outputs({ showSecrets: true })).toMatchObject({
    statuses: ["done", "awaiting-value"],
    password: "the-first-mail-token",
  });
}, 60_000);

test("a second up changes nothing, though files and variables are gone; a refresh neither", async () => {
  for (const name of ["mail.token", "totp.seed", "tls.key"]) await rm(join(stack.project.folder, name));
  delete stack.project.env["MAIL_TOKEN"];
  expect(output(succeed(await stack.project.up()))).toMatch(/5 unchanged/);
  succeed(await stack.project.preview(["--refresh", "--expect-no-changes"]));
}, 60_000);

test("a new revision is refused while there is nothing to read, and then read once", async () => {
  await stack.project.setProgram(program({ revision: "2", contact: "bo@example.com" }));
  expect(output(await stack.project.preview())).toMatch(/the file mail\.token doesn't exist/);
  await stack.project.write({ "mail.token": "the-next-mail-token\n" });
  succeed(await stack.project.up());
  expect(await currentValue(stack.vault, ["Partners", "mail"])).toBe("the-next-mail-token");
  const outputs = await stack.project.outputs({ showSecrets: true });
  expect(outputs).toMatchObject({ password: "the-next-mail-token" });
  await inVault(stack.vault, async (vault) => {
    const mail = await vault.findCredential(["Partners", "mail"]);
    expect(mail?.fields.map(({ name, text, versions }) => [name, text, versions.length])).toEqual([
      ["contact", "bo@example.com", 2],
      // The engine hands maps over by their keys.
      ["tls.key", undefined, 1],
      ["token", undefined, 1],
      ["totp", undefined, 1],
    ]);
  });
}, 90_000);

test("what a person types is seen by the next up", async () => {
  await inVault(stack.vault, async (vault) => {
    const licence = await vault.findCredential(["Partners", "licence"]);
    const context = createRotationContext({ vault, drivers: [], clock: systemClock });
    await giveValue(context, licence?.id ?? "", { value: new Secret("a licence of ours"), cause: "command:test" });
  });
  succeed(await stack.project.up());
  expect(await stack.project.outputs()).toMatchObject({ statuses: ["done", "done"] });
  expect(JSON.stringify(await resourceNamed(stack.project, "licence"))).not.toContain("a licence of ours");
}, 60_000);
