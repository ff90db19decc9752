import { createHash } from "node:crypto";
import { afterEach, expect, test } from "@jest/globals";
import { fileBytes } from "../../provider/core/field.js";
import { deposit } from "../contract/vault-cases/boxes.ts";
import { succeed } from "../fixtures/pulumi-project.ts";
import { createVaultProject, inVault, output, type VaultProject } from "./harness.ts";

let stack: VaultProject;
afterEach(() => stack.project.remove());

const PROGRAM = `
const box = new coffre.DropBox("acme", { recipients: ["ana@acme.example"], onDelete: "archive" });
const api = new coffre.Credential("api", {
  username: "api",
  secretFields: { certificate: { type: "file", source: { dropBox: box.id, file: "acme.crt" } } },
});
export const boxId = box.id;
export const id = api.id;
export const status = api.status;
`;
const FIRST = "the certificate of this year, of its own";
const SECOND = "the certificate of next year, of its own";

async function handIn(content: string): Promise<void> {
  const { boxId } = await stack.project.outputs();
  await inVault(stack.vault, async (vault) => {
    await deposit(vault, await vault.boxes.readBox(String(boxId)), { "acme.crt": content });
  });
}

/** What the field has now. */
async function certificate(): Promise<string> {
  const { id } = await stack.project.outputs();
  return inVault(stack.vault, async (vault) => {
    const [answer] = await vault.readMany([{ id: String(id), field: "certificate" }]);
    if (answer === undefined || answer instanceof Error) throw answer ?? new Error("no answer");
    return fileBytes(answer.value).toString();
  });
}

test("a deposit becomes a field of a credential, a newer one its next version, and nothing of either is in the state", async () => {
  stack = await createVaultProject(PROGRAM);
  const { project } = stack;
  succeed(await project.up());
  expect(await project.outputs()).toMatchObject({ status: "awaiting-value" });
  await expect(certificate()).rejects.toThrow(/certificate/);
  expect(output(succeed(await project.preview()))).toMatch(/waits for the file acme\.crt of the drop-box bx_/);
  for (const content of [FIRST, SECOND]) {
    await handIn(content);
    const announced = output(succeed(await project.preview()));
    expect(announced).toMatch(/coffre:index:Credential +api +update/);
    expect(announced).toContain(createHash("sha256").update(content).digest("hex"));
    succeed(await project.up());
    expect(await certificate()).toBe(content);
    expect(await project.outputs()).toMatchObject({ status: "done" });
    expect(output(succeed(await project.up()))).toMatch(/Resources:\s+4 unchanged/);
  }
  const state = await project.stateText();
  for (const content of [FIRST, SECOND]) {
    for (const form of [content, Buffer.from(content).toString("base64")]) expect(state).not.toContain(form);
  }
}, 400_000);
