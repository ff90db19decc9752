import { join } from "node:path";
import { systemClock } from "../../provider/core/clock.js";
import { createEmbeddedVault } from "../../provider/vault/embedded/create.js";
import { openEmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";
import { newKeyText, readKeyFile, writeKeyFile } from "../../provider/vault/embedded/key-file.js";
import type { Vault } from "../../provider/vault/port.js";
import {
  createProject,
  type ProjectOptions,
  type PulumiProject,
  type RunResult,
  type StateResource,
} from "../fixtures/pulumi-project.ts";

/** The first lines of every program. */
export const IMPORTS = `import * as pulumi from "@pulumi/pulumi";\nimport * as coffre from "coffre";\n`;

/** A vault of a test's own, in a file. */
export interface TestVault {
  path: string;
  url: string;
  keyFile: string;
}

/** A project with a vault beside it, in its configuration and its environment. */
export interface VaultProject {
  project: PulumiProject;
  vault: TestVault;
  /** Opens the vault as a person at the command line would; close it. */
  open(): Vault;
}

export async function createVault(folder: string, name = "prod"): Promise<TestVault> {
  const path = join(folder, `${name}.db`);
  const keyFile = join(folder, `${name}.key`);
  const keyText = newKeyText();
  writeKeyFile(keyFile, keyText);
  await createEmbeddedVault({ path, name, key: { keyText }, actor: "test", clock: systemClock });
  return { path, url: `file://${path}`, keyFile };
}

export function openTestVault({ path, keyFile }: TestVault): Vault {
  return openEmbeddedVault({
    path,
    key: () => ({ keyText: readKeyFile(keyFile) }),
    actor: "test",
    clock: systemClock,
  });
}

/** A project whose program works on a new vault `prod`; `program` follows the {@link IMPORTS}. */
export async function createVaultProject(
  program: string,
  options: Partial<ProjectOptions> & { vault?: TestVault } = {},
): Promise<VaultProject> {
  const { vault: shared, ...rest } = options;
  const project = await createProject({ ...rest, program: IMPORTS + program });
  const vault = shared ?? (await createVault(project.folder));
  project.env["COFFRE_KEY_FILE"] = vault.keyFile;
  await project.setConfig("coffre:url", vault.url);
  return { project, vault, open: () => openTestVault(vault) };
}

/** Work on the vault between two runs. */
export async function inVault<Result>(vault: TestVault, work: (vault: Vault) => Promise<Result>): Promise<Result> {
  const opened = openTestVault(vault);
  try {
    return await work(opened);
  } finally {
    await opened.close();
  }
}

/** The value that is in force. */
export async function currentValue(vault: TestVault, path: readonly string[]): Promise<string> {
  return inVault(vault, async (opened) => {
    const [answer] = await opened.readMany([{ path }]);
    if (answer === undefined || answer instanceof Error) throw answer ?? new Error("no answer");
    return answer.value.reveal();
  });
}

/** `1 previous, 2 current` */
export async function versionsOf(vault: TestVault, path: readonly string[]): Promise<string> {
  return inVault(vault, async (opened) => {
    const credential = await opened.findCredential(path);
    return (credential?.versions ?? []).map(({ number, state }) => `${number} ${state}`).join(", ");
  });
}

/** The credential or category of this name in a stack's state. */
export async function resourceNamed(project: PulumiProject, name: string): Promise<StateResource> {
  const { deployment } = await project.exportState();
  const found = deployment.resources?.find(({ urn }) => urn.endsWith(`::${name}`));
  if (!found) throw new Error(`${name} is not in the state`);
  return found;
}

/** Everything that a run printed. */
export function output({ stdout, stderr }: RunResult): string {
  return `${stdout}\n${stderr}`;
}
