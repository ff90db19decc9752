import { execFile, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "@jest/globals";
import { isMadeOf, Switch } from "../../examples/network-switch/device/switch.ts";
import { succeed } from "../fixtures/pulumi-project.ts";
import { talk } from "../fixtures/switch-talk.ts";
import { createVaultProject, currentValue, output, versionsOf } from "./harness.ts";

const EXAMPLE = resolve(import.meta.dirname, "../../examples/network-switch");
const COFFRE = resolve(import.meta.dirname, "../../bin/coffre.js");
const OPERATOR = ["Network", "operator"];
const ADMIN = ["Network", "netadmin"];
const FACTORY = "factory-default";

test("a switch's accounts are made, set and proven by a program, where the machine allows it, and by coffre rotate too", async () => {
  const device = await Switch.start();
  device.give("netadmin", FACTORY, { privileged: true });
  const { project, vault } = await createVaultProject("", { name: "coffre-network-switch" });
  const hashIsOf = async (user: string, path: readonly string[]) =>
    isMadeOf(device.users.get(user)?.hash ?? "", await currentValue(vault, path));
  const everything: string[] = [];
  const up = async () => {
    const result = await project.up();
    everything.push(output(result));
    return result;
  };
  try {
    await project.setProgram(await readFile(join(EXAMPLE, "index.ts"), "utf8"));
    await project.write({ "factory-password": FACTORY });
    await project.setConfig("port", String(device.port));
    await project.setConfig("factoryFile", join(project.folder, "factory-password"));

    const refused = await up();
    expect(refused.exitCode).not.toBe(0);
    expect(output(refused)).toContain("no programs are allowed here");
    expect(device.log).toEqual([]);

    project.env["COFFRE_COMMANDS"] = join(EXAMPLE, "commands");
    succeed(await up());
    expect(await project.outputs()).toEqual({ ref: "coffre://prod/Network/operator", version: 1 });
    await expect(hashIsOf("netadmin", ADMIN)).resolves.toBe(true);
    await expect(hashIsOf("operator", OPERATOR)).resolves.toBe(true);
    expect(device.refusedLogins("netadmin")).toBe(1); // the proof that the maker's password is gone
    expect(device.refusedLogins("operator")).toBe(0);
    expect(output(succeed(await up()))).toMatch(/Resources:\s+\d+ unchanged/);

    const options = { cwd: project.folder, env: project.env, encoding: "utf8" } as const;
    const coffre = async (...args: string[]) => {
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [COFFRE, ...args], options);
      everything.push(stderr, stdout);
    };
    await coffre("rotate", "Network/operator");
    await coffre("verify", "Network/operator");
    expect(everything.at(-1)).toContain("agrees");
    expect(await versionsOf(vault, OPERATOR)).toBe("1 previous, 2 current");
    await expect(hashIsOf("operator", OPERATOR)).resolves.toBe(true);
    expect(await talk(device.port, ["operator", await currentValue(vault, OPERATOR), "exit"])).toContain("Welcome");

    const state = succeed(await project.run(["stack", "export", "--show-secrets"])).stdout;
    everything.push(state, device.log.join("\n"));
    for (const path of [OPERATOR, ADMIN]) expect(everything.join("\n")).not.toContain(await currentValue(vault, path));
    expect(everything.join("\n")).toContain("switch.mjs");
    succeed(await project.run(["destroy", "--yes"]));
    expect(device.users.get("operator")?.enabled).toBe(false); // made by Coffre, so disabled by it
    expect(device.users.get("netadmin")?.enabled).toBe(true);
  } finally {
    await project.remove();
    await device.stop();
  }
}, 240_000);

test("the switch to try it on listens where it says", async () => {
  const device = spawn(process.execPath, [join(EXAMPLE, "device/index.ts"), "0"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  try {
    const said = await new Promise<string>((resolve) => {
      device.stdout.once("data", (chunk: Buffer) => resolve(chunk.toString("utf8")));
    });
    const port = Number(/port (\d+)/.exec(said)?.[1]);
    expect(await talk(port, ["netadmin", FACTORY, "enable", "exit"])).toContain("switch-1# ");
  } finally {
    device.kill();
  }
});
