import { readFile, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import { Secret } from "../../provider/core/secret.js";
import type { Transfer } from "../../provider/vault/port.js";
import { RecordVault } from "../../provider/vault/records/record-vault.js";
import { collect } from "../contract/vault-cases/setup.ts";
import { succeed } from "../fixtures/pulumi-project.ts";
import { createVaultProject, IMPORTS, inVault, output, resourceNamed, type VaultProject } from "./harness.ts";

let stack: VaultProject;
afterEach(() => stack.project.remove());

const PASSWORD = "correct horse battery";

const program = (inputs = "") => `
const config = new pulumi.Config();
const report = new coffre.Transfer("report", {
  files: [new pulumi.asset.FileAsset("./report.txt"), { path: "./notes.txt", name: "n.txt" }],
  from: "Example Ltd",
  to: ["bo@EXAMPLE.com"],
  publicUrl: "https://vault.example.com",
  ${inputs}
});
export const id = report.id;
export const url = report.url;
export const password = report.password;
export const status = report.status;
export const downloadCount = report.downloadCount;
export const to = report.to;
`;

const liveTransfers = (): Promise<Transfer[]> => inVault(stack.vault, (vault) => collect(vault.boxes.transfers.list()));

/** What whoever has the address does with it. @returns the first file's content */
function download(url: string, password: string): Promise<string> {
  return inVault(stack.vault, async (vault) => {
    if (!(vault instanceof RecordVault) || !vault.links) throw new Error("no links");
    const link = new Secret(url.split("/").at(-1) ?? "");
    await vault.links.unlock(link, new Secret(password));
    const [file] = (await vault.links.open(link)).files;
    const { content } = await vault.links.download(link, file?.id ?? "", "192.0.2.7");
    return Buffer.concat(await collect(content)).toString();
  });
}

test("a transfer lives like other resources: sent, opened, changed, sent anew, ended, and its secrets are the stack's", async () => {
  stack = await createVaultProject(program('password: config.requireSecret("word"),'));
  const { project } = stack;
  await project.setSecret("word", PASSWORD);
  const refused = await project.preview();
  expect(output(refused)).toContain("report.txt is no file that can be sent");
  await project.write({ "report.txt": "figures of ten", "notes.txt": "notes" });
  expect(output(succeed(await project.preview()))).toMatch(/coffre:index:Transfer +report +create/);
  succeed(await project.up());

  const seen = await project.outputs();
  expect(seen).toMatchObject({ url: "[secret]", password: "[secret]", status: "open", downloadCount: 0 });
  const { id, url, password } = await project.outputs({ showSecrets: true });
  expect(url).toMatch(/^https:\/\/vault\.example\.com\/transfers\/tr_\w{22}\.[\w-]{43}$/);
  expect(await download(String(url), String(password))).toBe("figures of ten");
  const state = JSON.stringify(await project.exportState());
  const said = output(await project.run(["stack"]));
  for (const value of [PASSWORD, String(url).split(".").at(-1) ?? "", "figures of ten"]) {
    expect(state).not.toContain(value);
    expect(said).not.toContain(value);
  }
  expect(state).toContain("report.txt"); // the same search finds what is there
  expect(JSON.stringify(await resourceNamed(project, "report")).length).toBeLessThan(4_000);
  expect(output(succeed(await project.up()))).toMatch(/Resources:\s+3 unchanged/);
  succeed(await project.refresh());
  expect((await resourceNamed(project, "report")).outputs).toMatchObject({ downloadCount: 1, status: "open" });
  expect(JSON.stringify(await project.exportState())).not.toContain(String(url).split(".").at(-1));

  await project.setProgram(IMPORTS + program('generatePassword: true, message: "The figures", maxDownloads: 2,'));
  expect(output(succeed(await project.preview()))).toMatch(/~ {2}coffre:index:Transfer report update/);
  succeed(await project.up());
  const changed = await project.outputs({ showSecrets: true });
  expect(changed).toMatchObject({ id, url, password: expect.stringMatching(/^[\w-]{20}$/) });
  expect(JSON.stringify(await project.exportState())).not.toContain(String(changed["password"]));
  expect(await download(String(url), String(changed["password"]))).toBe("figures of ten");

  await project.write({ "report.txt": "figures of eleven" });
  await project.setProgram(IMPORTS + program("endToEnd: true,"));
  expect(output(succeed(await project.preview()))).toMatch(/coffre:index:Transfer +report +.*replace/);
  succeed(await project.up());
  const anew = await project.outputs({ showSecrets: true });
  expect(anew["id"]).not.toBe(id);
  const key = String(anew["url"]).split("#")[1] ?? "";
  expect(key).toMatch(/^AGE-SECRET-KEY-1/);
  expect(JSON.stringify(await project.exportState()) + output(await project.run(["stack"]))).not.toContain(key);
  expect(await liveTransfers()).toMatchObject([{ id: anew["id"], to: ["bo@example.com"], downloadCount: 0 }]);
  await rm(join(project.folder, "report.txt")); // what was sent stays sent
  expect(output(succeed(await project.up()))).toMatch(/Resources:\s+3 unchanged/);

  succeed(await project.destroy());
  expect(await liveTransfers()).toEqual([]);
}, 400_000);

test("the program in the docs is one that a preview takes", async () => {
  const page = await readFile(resolve(import.meta.dirname, "../../docs/resources/transfer.md"), "utf8");
  const [, text = ""] = /^```ts\n(.*?)^```$/ms.exec(page) ?? [];
  stack = await createVaultProject("");
  await stack.project.setProgram(text);
  await stack.project.write({ "report.pdf": "%PDF-1.7", "figures.csv": "10;20" });
  expect(output(succeed(await stack.project.preview()))).toMatch(/coffre:index:Transfer +acme-report +create/);

  for (const [files, said] of [
    ['"./report.pdf"', /Transfer resource 'one' has a problem: files: must be a list, not text/],
    [
      '[{ path: "./report.pdf", name: "../a.pdf" }]',
      /'one' has a problem: .*files\.0\.name: receivers would see "a\.pdf"/,
    ],
  ] as const) {
    await stack.project.setProgram(
      `${IMPORTS}new coffre.Transfer("one", { files: ${files} as any, from: "a", publicUrl: "https://vault.example.com" });`,
    );
    const refused = await stack.project.preview();
    expect(refused.exitCode).not.toBe(0);
    expect(output(refused)).toMatch(said);
    expect(output(refused)).not.toMatch(/TypeError|\n\s+at /);
  }
}, 400_000);
