import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import ssh2 from "ssh2";
import { findWay, startHosts } from "../../tools/linux-hosts/hosts.ts";
import { succeed } from "../fixtures/pulumi-project.ts";
import { createVaultProject, currentValue, output, versionsOf } from "./harness.ts";
import { newKeyPair } from "../../tools/linux-hosts/key-pair.ts";

const COUNT = 50;
const PROGRAM = `
const config = new pulumi.Config();
const hosts = config.requireObject<{ name: string; host: string; port: number; hostKey: string }[]>("hosts");
const machines = new coffre.Category("Machines");
for (const { name, host, port, hostKey } of hosts) {
  new coffre.Credential(name, {
    categoryId: machines.id,
    username: "deploy",
    target: coffre.linux({
      host, port, hostKey,
      admin: { username: "admin", keyFile: config.require("keyFile") },
      account: { create: true },
    }),
    rotateWhenChanged: { round: config.require("round") },
  });
}
`;

(findWay().way === "stand-in" ? test.skip : test)(
  "fifty machines get an account with a password of its own in one up, and another one in the next",
  async () => {
    const key = newKeyPair();
    const users = [{ name: "admin", sudo: "free", authorizedKeys: [key.public] }];
    const hosts = await startHosts({ count: COUNT, users });
    const { project, vault } = await createVaultProject(PROGRAM);
    try {
      const keyFile = join(project.folder, "admin-key");
      await writeFile(keyFile, key.private, { mode: 0o600 });
      await project.setConfig("keyFile", keyFile);
      await project.setConfig("round", "1");
      const list = hosts.all.map(({ name, address: host, port, hostKey }) => ({ name, host, port, hostKey }));
      await project.setConfig("hosts", JSON.stringify(list));
      expect(output(succeed(await project.up()))).toContain(`+ ${String(COUNT + 3)} created`);

      const values = new Set<string>();
      for (const host of hosts.all) {
        const value = await currentValue(vault, ["Machines", host.name]);
        values.add(value);
        expect(await logsIn(host, value)).toBe(true);
      }
      expect(values.size).toBe(COUNT);

      await project.setConfig("round", "2");
      expect(output(succeed(await project.up()))).toContain(`~ ${String(COUNT)} updated`);
      for (const host of hosts.all) {
        expect(await versionsOf(vault, ["Machines", host.name])).toBe("1 previous, 2 current");
        expect(await host.refusedLogins()).toBe(0);
        expect(await logsIn(host, await currentValue(vault, ["Machines", host.name]))).toBe(true);
      }
      const [first] = values;
      expect(await logsIn(hosts.host, first ?? "")).toBe(false);
    } finally {
      await project.remove();
      await hosts.stop();
    }
  },
  600_000,
);

function logsIn({ address: host, port }: { address: string; port: number }, password: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const client = new ssh2.Client();
    client.on("ready", () => {
      client.end();
      resolve(true);
    });
    client.on("error", (error) => {
      if (error.level === "client-authentication") resolve(false);
      else reject(error);
    });
    client.connect({ host, port, username: "deploy", password, authHandler: ["password"] });
  });
}
