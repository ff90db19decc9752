import { expect, test } from "@jest/globals";
import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { findWay, type LinuxHost, startHosts } from "../../tools/linux-hosts/hosts.ts";
import { startPostgres } from "../fixtures/postgres-server.ts";
import { type PulumiProject, succeed } from "../fixtures/pulumi-project.ts";
import { createVaultProject, output, versionsOf } from "./harness.ts";
import { newKeyPair } from "../../tools/linux-hosts/key-pair.ts";

const EXAMPLE = resolve(import.meta.dirname, "../../examples/vm-and-database");

/** The quickstart's program on a server and, where one can be made, on a machine. */
async function withExample(
  host: LinuxHost | undefined,
  key: { private: string },
  work: (scene: Awaited<ReturnType<typeof createVaultProject>>) => Promise<void>,
): Promise<void> {
  const server = await startPostgres();
  const scene = await createVaultProject("", { name: "coffre-quickstart" });
  const { project } = scene;
  try {
    const passwordFile = join(project.folder, "admin-password");
    await writeFile(passwordFile, `${server.password}\n`, { mode: 0o600 });
    await project.setConfig("host", server.host);
    await project.setConfig("port", String(server.port));
    await project.setConfig("adminPasswordFile", passwordFile);
    if (host) await describeMachine(project, host, key.private);
    await project.setProgram(await readFile(join(EXAMPLE, "index.ts"), "utf8"));
    await work(scene);
  } finally {
    await project.remove();
    await server.remove();
  }
}

async function describeMachine(project: PulumiProject, host: LinuxHost, privateKey: string): Promise<void> {
  const keyFile = join(project.folder, "admin-key");
  await writeFile(keyFile, privateKey, { mode: 0o600 });
  const settings = { vmHost: host.address, vmPort: String(host.port), vmAdmin: "admin", vmAdminKeyFile: keyFile };
  for (const [name, value] of Object.entries(settings)) await project.setConfig(name, value);
  await describeIdentity(project, host);
}

async function describeIdentity(project: PulumiProject, { hostKey }: LinuxHost): Promise<void> {
  await project.setConfig("vmHostKey", hostKey);
  await project.setConfig("vmId", hostKey.split(" ")[1] ?? "");
}

const { way } = findWay();

test("without a machine the quickstart's program makes a role, its password and nothing else, and is unchanged after", async () => {
  await withExample(undefined, { private: "" }, async ({ project, vault }) => {
    succeed(await project.up());
    expect(await project.outputs()).toEqual({ ref: "coffre://prod/Databases/orders-app", version: 1 });
    expect(await versionsOf(vault, ["Databases", "orders-app"])).toBe("1 current");
    expect(output(succeed(await project.up()))).toMatch(/Resources:\s+6 unchanged/);
  });
}, 90_000);

(way === "stand-in" ? test.skip : test)(
  "one up makes the accounts of machine and database; a machine made anew under its name gets its password again",
  async () => {
    const key = newKeyPair();
    const users = [{ name: "admin", sudo: "free", authorizedKeys: [key.public] }];
    const hosts = await startHosts({ users });
    try {
      await withExample(hosts.host, key, async ({ project, vault }) => {
        succeed(await project.up());
        expect(await project.outputs()).toMatchObject({
          ref: "coffre://prod/Databases/orders-app",
          machineRef: "coffre://prod/Machines/deploy",
          machineVersion: 1,
        });
        expect(output(succeed(await project.up()))).toMatch(/Resources:\s+9 unchanged/);

        await hosts.host.recreate({ users });
        await describeIdentity(project, hosts.host);
        expect(output(succeed(await project.up()))).toMatch(/Resources:\s+~ 1 updated\s+8 unchanged/);
        expect(await versionsOf(vault, ["Machines", "deploy"])).toBe("1 previous, 2 current");
        expect(await versionsOf(vault, ["Databases", "orders-app"])).toBe("1 current");
        expect(await hosts.host.must("id -un deploy")).toBe("deploy\n");
        expect(await hosts.host.refusedLogins()).toBe(0);
      });
    } finally {
      await hosts.stop();
    }
  },
  120_000,
);
