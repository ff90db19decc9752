import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, describe, expect, test } from "@jest/globals";
import { createProject, type ProjectOptions, type PulumiProject, succeed } from "../fixtures/pulumi-project.ts";

// The language host of tools/engine/host on the real engine, with programs that know nothing of Coffre. Where the official
// host is installed, the same tests run on that one.
let project: PulumiProject | undefined;
afterEach(() => project?.remove());

async function start(options: ProjectOptions): Promise<PulumiProject> {
  project = await createProject(options);
  return project;
}

/** A dynamic resource whose `create` does what `body` says. */
const dynamicResource = (body: string) => `
import * as pulumi from "@pulumi/pulumi";
class Thing extends pulumi.dynamic.Resource {
  declare readonly said: pulumi.Output<string>;
  constructor(name: string) {
    super({ async create() { ${body} } }, name, { said: undefined });
  }
}
export const said = new Thing("thing").said;`;

const SLOW = dynamicResource(`
  require("node:fs").writeFileSync("started", "");
  await new Promise((resolve) => setTimeout(resolve, 20000));
  return { id: "x", outs: {} };`);

/** Waits until something holds. */
async function eventually(holds: () => Promise<boolean>, seconds: number): Promise<void> {
  for (const until = Date.now() + seconds * 1000; !(await holds()); await delay(50))
    if (Date.now() > until) throw new Error(`not within ${String(seconds)} s`);
}

const exists = (path: string) =>
  readFile(path).then(
    () => true,
    () => false,
  );

/** Command lines of what still works in the project's folder. */
async function atWork(of: PulumiProject): Promise<string[]> {
  const read = async (pid: number) => readFile(`/proc/${String(pid)}/cmdline`, "utf8").catch(() => "");
  return (await Promise.all((await of.leftovers()).map(read))).filter(Boolean);
}

const isHostOrProgram = (command: string) => /pulumi-language-nodejs|language-host|cmd\/run(\0|\/index)/.test(command);

async function killedWhileCreating(): Promise<PulumiProject> {
  const started = await start({ program: SLOW });
  const up = started.start(["up", "--yes", "--skip-preview"]);
  await eventually(() => exists(join(started.folder, "started")), 30);
  expect((await atWork(started)).filter(isHostOrProgram).length).toBeGreaterThanOrEqual(2);
  up.kill("SIGKILL");
  await up;
  return started;
}

describe("the language host", () => {
  test("runs a program and its dynamic provider under the Node of the setup", async () => {
    const program = dynamicResource('return { id: "x", outs: { said: process.version } };');
    const stack = await start({ program });
    succeed(await stack.up());
    expect(await stack.outputs()).toEqual({ said: process.version });
  }, 60_000);

  test("hands over configuration, secrets, names, folders and Node's options", async () => {
    const stack = await start({
      name: "names",
      stack: "test",
      nodeArgs: "--stack-trace-limit=7 --no-warnings",
      config: { "names:plain": "a:b", "other:key": "c" },
      program: `import * as pulumi from "@pulumi/pulumi";
const config = new pulumi.Config();
export const plain = config.require("plain");
export const other = new pulumi.Config("other").require("key");
export const hidden = config.requireSecret("hidden");
export const names = [pulumi.getOrganization(), pulumi.getProject(), pulumi.getStack()];
export const folders = [process.cwd(), pulumi.runtime.getRootDirectory()];
export const limit = Error.stackTraceLimit;
export const dryRun = pulumi.runtime.isDryRun();`,
    });
    await stack.setSecret("names:hidden", "s3cret");
    succeed(await stack.up());
    expect(await stack.outputs()).toEqual({
      plain: "a:b",
      other: "c",
      hidden: "[secret]",
      names: ["organization", "names", "test"],
      folders: [stack.folder, stack.folder],
      limit: 7,
      dryRun: false,
    });
    expect(await stack.stateText()).not.toContain("s3cret");
  }, 60_000);

  test("reports a program's error once, and a program that ends by itself by its exit code", async () => {
    const stack = await start({ program: 'throw new Error("the program is wrong");' });
    const thrown = await stack.up();
    expect(thrown.exitCode).not.toBe(0);
    expect(thrown.stdout.match(/Error: the program is wrong/g)).toHaveLength(1);
    await stack.setProgram("process.exit(3);");
    const ended = await stack.up();
    expect(ended.exitCode).not.toBe(0);
    expect(ended.stdout + ended.stderr).toMatch(/exited with (non-zero exit code: |code )3/);
  }, 60_000);

  test("runs a provider plugin that is written for Node", async () => {
    const stack = await start({
      yaml: "plugins:\n  providers:\n    - name: tiny\n      path: ./tiny\n",
      files: {
        "tiny/PulumiPlugin.yaml": "runtime: nodejs\n",
        "tiny/package.json": '{"name": "tiny", "version": "1.0.0", "main": "index.js"}',
        "tiny/index.js": `const provider = require("@pulumi/pulumi/provider");
provider.main({ version: "1.0.0", schema: "{}", async create(urn, inputs) { return { id: "t", outs: { said: inputs.say + "!" } }; } }, process.argv.slice(2));`,
      },
      program: `import * as pulumi from "@pulumi/pulumi";
class Tiny extends pulumi.CustomResource { declare readonly said: pulumi.Output<string>; }
export const said = new Tiny("tiny:index:Tiny", "tiny", { say: "hello", said: undefined }).said;`,
    });
    succeed(await stack.up());
    expect(await stack.outputs()).toEqual({ said: "hello!" });
  }, 60_000);

  test("installs a project's dependencies and lists them", async () => {
    const stack = await start({ program: "", files: { "dep/package.json": '{"name": "dep", "version": "1.2.3"}' } });
    await stack.write({ "package.json": '{"name": "shop", "type": "module", "dependencies": {"dep": "file:./dep"}}' });
    succeed(await stack.run(["install"]));
    const about: unknown = JSON.parse(succeed(await stack.run(["about", "--json"])).stdout);
    expect(about).toMatchObject({
      dependencies: [{ name: "dep", version: "1.2.3" }],
      runtime: { language: "nodejs", executable: process.execPath, version: process.version },
    });
  }, 60_000);

  test("ends with its program soon after its engine was killed", async () => {
    const stack = await killedWhileCreating();
    await eventually(async () => !(await atWork(stack)).some(isHostOrProgram), 5);
  }, 60_000);

  test("lets a Ctrl-C wait for what is being created, and leaves no process behind", async () => {
    const stack = await start({ program: SLOW.replace("20000", "1500") });
    const up = stack.start(["up", "--yes", "--skip-preview"]);
    await eventually(() => exists(join(stack.folder, "started")), 30);
    up.kill("SIGINT");
    const { exitCode } = await up;
    expect(exitCode).not.toBe(0);
    const resources = (await stack.exportState()).deployment.resources ?? [];
    expect(resources.map(({ id }) => id)).toContain("x");
    await eventually(async () => (await atWork(stack)).length === 0, 5);
  }, 60_000);
});
