import { execFileSync, spawn } from "node:child_process";
import { chmod, mkdir, readFile, rename, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { expect, test } from "@jest/globals";
import { findWay, startHosts } from "../../tools/linux-hosts/hosts.ts";
import { findCommandPlugin } from "../fixtures/command-plugin.ts";
import { type PulumiProject, type RunResult, succeed } from "../fixtures/pulumi-project.ts";
import { ProcessSampler } from "../leak/processes.ts";
import { LeakSearch } from "../leak/search.ts";
import { decryptedLogs, valuesOf } from "../leak/stack.ts";
import { createVaultProject, currentValue, output, type TestVault, versionsOf } from "./harness.ts";
import { newKeyPair } from "../../tools/linux-hosts/key-pair.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const COFFRE = resolve(ROOT, "test/.work/pkg/node_modules/coffre/bin/coffre.js");
const ENTRY = ["orders-app"];
const LOUD = ["-v=9", "--logtostderr", "--logflow"];

/** The example in a project of its own, its runs, and all that they say. */
class Scene {
  readonly project: PulumiProject;
  readonly vault: TestVault;
  /** Where the example puts the password. */
  readonly file: string;
  readonly #outputs: string[] = [];
  readonly #sampler = new ProcessSampler();

  private constructor(project: PulumiProject, vault: TestVault) {
    this.project = project;
    this.vault = vault;
    this.file = join(project.folder, "service/orders-app");
  }

  static async open(): Promise<Scene> {
    const { folder } = await findCommandPlugin();
    const { project, vault } = await createVaultProject("", { name: "coffre-with-command" });
    const scene = new Scene(project, vault);
    await project.setProgram(await readFile(join(ROOT, "examples/with-command/index.ts"), "utf8"));
    await project.write({ "bin/coffre": `#!/bin/sh\nexec '${process.execPath}' '${COFFRE}' "$@"\n` });
    await chmod(scene.command, 0o755);
    await mkdir(join(project.folder, "service"));
    project.env["PATH"] = [join(project.folder, "bin"), folder, project.env["PATH"]].join(":");
    await project.setConfig("file", scene.file);
    return scene;
  }

  /** The command of this project, as its commands find it on PATH. */
  get command(): string {
    return join(this.project.folder, "bin/coffre");
  }

  async run(kind: "up" | "destroy", args: readonly string[] = []): Promise<RunResult> {
    const result = await this.project[kind](args);
    this.#outputs.push(output(result));
    return result;
  }

  /** @returns what a successful run printed */
  async succeed(kind: "up" | "destroy", args: readonly string[] = []): Promise<string> {
    return output(succeed(await this.run(kind, args)));
  }

  /** `coffre …`, as a person at a terminal. */
  coffre(...args: string[]): string {
    return execFileSync(this.command, args, { cwd: this.project.folder, env: this.project.env, encoding: "utf8" });
  }

  /** Where a value was found that is meant for the vault and the service alone. */
  async leaks(except: readonly string[]): Promise<string[]> {
    const values = await valuesOf(this.vault);
    expect(Object.keys(values).length).toBeGreaterThan(1);
    const search = new LeakSearch({ ...values, control: "coffre-with-command" }); // the project's name is everywhere
    search.inFolder(this.project.folder, { except });
    for (const text of this.#outputs) search.in("output", text);
    for (const [text, whose] of this.#sampler.seen) search.in(whose, Buffer.from(text, "latin1"));
    for (const [name, text] of await decryptedLogs(this.project)) search.in(name, text);
    const controls = search.placesOf("control").join("\n");
    for (const place of ["/.pulumi/stacks/", "/.pulumi/history/", "output", "decrypted log", "cmdline", "environ"]) {
      expect(controls).toContain(place);
    }
    return search.findings.filter(({ secret }) => secret !== "control").map(({ place, form }) => `${place}: ${form}`);
  }

  async close(): Promise<void> {
    this.#sampler.stop();
    await this.project.remove();
  }
}

test("a command that is given a reference delivers the value, again when it changes, and no state has it", async () => {
  const scene = await Scene.open();
  const { vault, file } = scene;
  const delivered = async () => {
    const [text, { mode }] = [await readFile(file, "utf8"), await stat(file)];
    expect((mode & 0o777).toString(8)).toBe("600");
    expect(text).toBe(await currentValue(vault, ENTRY));
    return text;
  };
  try {
    expect(await scene.succeed("up")).toMatch(/Resources:\s+\+ 4 created/);
    const first = await delivered();
    expect(await scene.succeed("up")).toMatch(/Resources:\s+4 unchanged/);

    // A person rotates. What can't be read is not delivered as nothing, and the next up delivers it.
    scene.coffre("rotate", "orders-app");
    expect(await versionsOf(vault, ENTRY)).toBe("1 previous, 2 current");
    await rename(scene.command, `${scene.command}.away`);
    expect(output(await scene.run("up"))).toContain("coffre: command not found");
    expect(await readFile(file, "utf8")).toBe(first);
    await rename(`${scene.command}.away`, scene.command);
    expect(await scene.succeed("up", LOUD)).toMatch(/Resources:\s+~ 1 updated\s+3 unchanged/);
    expect(await delivered()).not.toBe(first);
    expect(await scene.leaks([file])).toEqual([]);

    await scene.succeed("destroy");
    await expect(stat(file)).rejects.toThrow("ENOENT");
  } finally {
    await scene.close();
  }
}, 300_000); // five runs of the engine, on a busy machine

(findWay().way === "stand-in" ? test.skip : test)(
  "on a machine too, over SSH by an agent's key, and a command there that has no value tells the service",
  async () => {
    const key = newKeyPair();
    const hosts = await startHosts({ users: [{ name: "shop", authorizedKeys: [key.public] }] });
    const { address, port, hostKey } = hosts.host;
    const scene = await Scene.open();
    const agent = spawn("ssh-agent", ["-D", "-a", join(scene.project.folder, "agent")], { stdio: "ignore" });
    const there = (path: string) => hosts.host.must(`cat /home/shop/${path}`);
    try {
      scene.project.env["SSH_AUTH_SOCK"] = join(scene.project.folder, "agent");
      await addKey(scene, key.private);
      const reload = 'wc -l <orders/password >>reloads && echo "reloaded"';
      const settings = { host: address, port: String(port), user: "shop", hostKey, reload };
      for (const [name, value] of Object.entries(settings)) await scene.project.setConfig(name, value);

      expect(await scene.succeed("up")).toMatch(/Resources:\s+\+ 6 created/);
      expect(await there("orders/password")).toBe(await currentValue(scene.vault, ENTRY));
      expect(await hosts.host.must("stat -c '%a %U' /home/shop/orders/password")).toBe("600 shop\n");
      expect(await there("reloads")).toBe("0\n");

      // A new version arrives in place; another place is a replacement: there first, and then no longer here.
      const file = `${scene.file}-2`;
      await scene.project.setConfig("reason", "2026-11");
      await scene.project.setConfig("file", file);
      expect(await scene.succeed("up", LOUD)).toMatch(/Resources:\s+~ 2 updated\s+\+-2 replaced/);
      expect(await readFile(file, "utf8")).toBe(await currentValue(scene.vault, ENTRY));
      await expect(stat(scene.file)).rejects.toThrow("ENOENT");
      expect(await there("orders/password")).toBe(await currentValue(scene.vault, ENTRY));
      expect(await there("reloads")).toBe("0\n0\n");
      expect(await scene.leaks([file])).toEqual([]);
      const state = succeed(await scene.project.run(["stack", "export", "--show-secrets"])).stdout;
      expect(state).toContain(address); // so secrets are shown, and none of them is a key
      expect(state).not.toMatch(/PRIVATE KEY|"(privateKey|password)":/);

      await scene.succeed("destroy");
      expect((await hosts.host.exec("ls /home/shop/orders")).exitCode).not.toBe(0);
      expect(await hosts.host.refusedLogins()).toBe(0);
    } finally {
      agent.kill();
      await scene.close();
      await hosts.stop();
    }
  },
  300_000,
);

/** Over stdin, once the agent is up. */
async function addKey({ project }: Scene, privateKey: string): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      execFileSync("ssh-add", ["-q", "-"], { env: project.env, input: privateKey, stdio: "pipe" });
      return;
    } catch (error) {
      if (tries > 20) throw error;
      await new Promise((done) => setTimeout(done, 100));
    }
  }
}
