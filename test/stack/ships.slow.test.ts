import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, expect, test } from "@jest/globals";
import { execa } from "execa";
import { succeed } from "../fixtures/pulumi-project.ts";
import { collect } from "../contract/vault-cases/setup.js";
import { createVaultProject, currentValue, IMPORTS, inVault, output, type VaultProject } from "./harness.ts";

const EXAMPLE = resolve(import.meta.dirname, "../../examples/ships");
const SHIPS = 1_000;
const NODES = 12;

let stack: VaultProject | undefined;
let receiver: ChildProcess | undefined;
afterEach(async () => {
  receiver?.kill();
  receiver = undefined;
  await stack?.project.remove();
  stack = undefined;
});

async function createExample(): Promise<VaultProject> {
  const made = await createVaultProject("", { name: "coffre-ships" });
  stack = made;
  for (const file of ["index.ts", "template.ts", "ships.json", "anti-spam.mjs"]) {
    await cp(join(EXAMPLE, file), join(made.project.folder, file));
  }
  const { stdout } = await execa(process.execPath, [join(EXAMPLE, "make-ships.mjs"), String(SHIPS)]);
  await writeFile(join(made.project.folder, "thousand.json"), stdout);
  return made;
}

/** The stand-in of the anti-spam system, in the project's folder. @returns its address */
async function startReceiver(folder: string): Promise<string> {
  receiver = spawn(process.execPath, ["anti-spam.mjs", "0", "domains.txt", "hook.secret"], { cwd: folder });
  const [line] = (await once(receiver.stdout ?? receiver, "data")) as [Buffer];
  return `http://127.0.0.1:${/\d+/.exec(String(line))?.[0] ?? ""}/`;
}

const categories = ({ vault }: VaultProject): Promise<number> =>
  inVault(vault, async (opened) => (await collect(opened.listCategories())).length);

/** The domains that the anti-spam system lets through, in the order in which it was told. */
async function domains({ project }: VaultProject): Promise<string[]> {
  const text = await readFile(join(project.folder, "domains.txt"), "utf8").catch(() => "");
  return text.split("\n").flatMap((line) => (line === "" ? [] : [line.split(" ")[0] ?? ""]));
}

/** Processes that carry out what concerns resources: the engine and the program go on without them. */
async function plugins(project: VaultProject["project"]): Promise<number[]> {
  const found: number[] = [];
  for (const pid of await project.leftovers()) {
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (/dynamic-provider|pulumi-resource-/.test(command)) found.push(pid);
  }
  return found;
}

test("the example keeps a thousand ships in one resource, and tells the anti-spam system once of each, though a run is killed", async () => {
  const made = await createExample();
  const { project, vault } = made;
  succeed(await project.run(["config", "set", "antiSpam", "--", await startReceiver(project.folder)]));
  const first = output(succeed(await project.up()));
  expect(first).toContain("wasn't told of 3 new copies: answered 401");
  expect(await categories(made)).toBe(1 + 3 * NODES);
  await writeFile(join(project.folder, "hook.secret"), await currentValue(vault, ["anti-spam-hook"]), { mode: 0o600 });
  succeed(await project.up());
  const three = ["aurora.example", "borealis.example", "mail.borealis.example", "calypso.example"];
  expect((await domains(made)).sort()).toEqual([...three].sort());
  expect(output(succeed(await project.up()))).toMatch(/Resources:\s+8 unchanged/);

  // Killed once the first of the thousand were told.
  succeed(await project.run(["config", "set", "ships", "thousand.json"]));
  const running = project.start(["up", "--yes", "--skip-preview"]);
  for (let waited = 0; (await domains(made)).length < three.length + 40 && waited < 6_000; waited += 1) await pause(20);
  running.kill("SIGKILL");
  // With its plugin, which would otherwise finish what is under way.
  for (const pid of await project.leftovers()) if (pid !== receiver?.pid) process.kill(pid, "SIGKILL");
  await running;
  const toldBefore = (await domains(made)).length - three.length;
  expect(toldBefore).toBeGreaterThan(0);
  expect(toldBefore).toBeLessThan(SHIPS);
  succeed(await project.run(["cancel", "--yes"]));

  succeed(await project.up());
  const told = (await domains(made)).slice(three.length);
  expect(told).toHaveLength(SHIPS);
  expect(new Set(told).size).toBe(SHIPS);
  expect(await categories(made)).toBe(1 + SHIPS * NODES);
  const again = succeed(await project.up());
  expect(output(again)).toMatch(/Resources:\s+8 unchanged/);
  expect((await project.stateText()).length).toBeLessThan(500_000);

  const template = await readFile(join(project.folder, "template.ts"), "utf8");
  await project.write({ "template.ts": template.replace("minLength: 24", "minLength: 28") });
  const preview = output(succeed(await project.preview()));
  expect(preview).toMatch(/Ship 0000, Ship 0001, .* and 980 more \(1000 in all\): ~ Network: minLength 24 => 28/);
  succeed(await project.up());
  await inVault(vault, async (opened) => {
    expect((await opened.findCategory(["Fleet", "Ship 0999", "Network"]))?.policy).toMatchObject({ minLength: 28 });
  });
  expect(await domains(made)).toHaveLength(three.length + SHIPS);

  succeed(await project.destroy());
  expect(await categories(made)).toBe(0);
}, 900_000);

test("the plugin that is killed alone leaves nothing doubled: the next run makes what is missing, and each new ship is told of", async () => {
  const made = await createExample();
  const { project, vault } = made;
  succeed(await project.run(["config", "set", "antiSpam", "--", await startReceiver(project.folder)]));
  succeed(await project.up());
  await writeFile(join(project.folder, "hook.secret"), await currentValue(vault, ["anti-spam-hook"]), { mode: 0o600 });
  succeed(await project.up());
  const three = (await domains(made)).length;
  succeed(await project.run(["config", "set", "ships", "thousand.json"]));

  // Once before the thousand are booked, and once while they are told of.
  for (const many of [0, three + 40]) {
    const running = project.start(["up", "--yes", "--skip-preview"]);
    let killed: number[] = [];
    for (let waited = 0; killed.length === 0 && waited < 6_000; waited += 1) {
      await pause(20);
      if ((await domains(made)).length >= many) killed = await plugins(project);
    }
    expect(killed).not.toEqual([]);
    for (const pid of killed) process.kill(pid, "SIGKILL");
    const ended = await running;
    expect(ended.signal).toBeUndefined(); // the engine was left to end by itself
    expect(ended.exitCode).not.toBe(0);
  }
  expect((await domains(made)).length).toBeLessThan(three + SHIPS);

  succeed(await project.up());
  const told = (await domains(made)).slice(three);
  expect([told.length, new Set(told).size]).toEqual([SHIPS, SHIPS]);
  expect(await categories(made)).toBe(1 + SHIPS * NODES);
  expect(output(succeed(await project.up()))).toMatch(/Resources:\s+8 unchanged/);
}, 900_000);

test("a tree lives like other resources: shown, changed, kept where something stands in it, refused, destroyed", async () => {
  const program = (names: string, more = "") => `
const crew = new coffre.Group("Crew");
const fleet = new coffre.Category("Fleet");
const ships = new coffre.CategoryTree("ships", {
  parentId: fleet.id,
  names: ${names},
  template: { grants: [{ principalId: crew.id, role: "reader" }], nodes: [{ name: "Bridge", nodes: [{ name: "Radar" }] }] },
});
${more}`;
  const radar = `new coffre.Credential("radar", { categoryId: ships.categoryId("Borealis/Bridge/Radar") });`;
  stack = await createVaultProject(program(`["Aurora"]`));
  const { project, vault } = stack;
  const set = (names: string, more = "") => project.setProgram(IMPORTS + program(names, more));
  expect(output(succeed(await project.preview()))).toMatch(/coffre:index:CategoryTree +ships +create/);
  succeed(await project.up());
  expect(output(succeed(await project.up()))).toMatch(/Resources:\s+5 unchanged/);

  await set(`["Aurora", "Borealis"]`, radar);
  const preview = output(succeed(await project.preview()));
  expect(preview).toContain("Borealis: new, 3 categories");
  succeed(await project.up());
  await inVault(vault, async (opened) => {
    expect(await opened.findCredential(["Fleet", "Borealis", "Bridge", "Radar", "radar"])).toBeDefined();
  });

  // The ship and what stands in it leave in one commit.
  await set(`["Aurora"]`);
  expect(output(succeed(await project.preview()))).toContain(
    "Borealis stays: Borealis/Bridge/Radar holds a credential",
  );
  succeed(await project.up());
  const gone = output(succeed(await project.up()));
  expect(gone).toMatch(/coffre:index:CategoryTree ships updated/);
  await inVault(vault, async (opened) => {
    expect(await opened.findCategory(["Fleet", "Borealis"])).toBeUndefined();
  });

  await inVault(vault, async (opened) => {
    const bridge = await opened.findCategory(["Fleet", "Aurora", "Bridge"]);
    await opened.createCredentials([{ name: "by hand", categoryId: bridge?.id ?? null }]);
  });
  const refused = await project.destroy();
  expect(refused.exitCode).not.toBe(0);
  expect(output(refused)).toContain("Aurora stays: Aurora/Bridge holds a credential");
  await inVault(vault, async (opened) => {
    const entry = await opened.findCredential(["Fleet", "Aurora", "Bridge", "by hand"]);
    await opened.deleteCredential(entry?.id ?? "", {});
  });
  succeed(await project.destroy());
  expect(await categories(stack)).toBe(0);
}, 300_000);

test("a template that holds itself is refused before anything is asked", async () => {
  stack = await createVaultProject(`
const bridge: any = { name: "Bridge", nodes: [] };
bridge.nodes.push(bridge);
new coffre.CategoryTree("ships", { template: { nodes: [bridge] } });`);
  const refused = await stack.project.preview();
  expect(refused.exitCode).not.toBe(0);
  expect(output(refused)).toMatch(/CategoryTree (resource 'ships'|\(ships\))[\s\S]{0,160}template: holds itself/);
  expect(output(refused)).not.toMatch(/\n\s+at /); // no stack
}, 120_000);
