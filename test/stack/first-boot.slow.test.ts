import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { join, resolve } from "node:path";
import { expect, test } from "@jest/globals";
import { type LinuxHosts, opensshLogsIn, startHosts } from "../fixtures/linux-hosts.ts";
import { succeed } from "../fixtures/pulumi-project.ts";
import { createVaultProject, currentValue, inVault, output, versionsOf } from "./harness.ts";

const EXAMPLE = resolve(import.meta.dirname, "../../examples/first-boot");
const DEPLOY = ["Machines", "web-1-deploy"];

/** Makes real machines by their user-data, as a cloud would: of `users` it knows the name and the hash. */
async function startMaker(hosts: LinuxHosts): Promise<{ url: string; server: Server; hashes: string[] }> {
  const hashes: string[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      let userData = "";
      for await (const chunk of request) userData += String(chunk);
      const [, name = "", passwordHash = ""] = /name: (\S+)[^]*\n +passwd: (\S+)/.exec(userData) ?? [];
      hashes.push(passwordHash);
      const users = [{ name, passwordHash, mustChange: userData.includes("expire: true") }];
      const { address, port, hostKey } = await hosts.add({ users });
      response.end(JSON.stringify({ id: randomUUID(), address, port, hostKey }));
    })();
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const address = server.address();
  return { url: `http://127.0.0.1:${typeof address === "object" ? String(address?.port) : ""}`, server, hashes };
}

test("a machine's first password is replaced in the up that makes it, is refused then, and leaves no change behind", async () => {
  const hosts = await startHosts({ count: 0 });
  const maker = await startMaker(hosts);
  const { project, vault } = await createVaultProject("", { name: "coffre-first-boot" });
  try {
    await project.setConfig("maker", maker.url);
    await project.setProgram(await readFile(join(EXAMPLE, "index.ts"), "utf8"));
    succeed(await project.up());
    expect(await project.outputs()).toEqual({ ref: "coffre://prod/Machines/web-1-deploy", version: 1 });

    expect(maker.hashes).toEqual([expect.stringMatching(/^\$6\$[./0-9A-Za-z]{16}\$[./0-9A-Za-z]{86}$/)]);
    const login = { ...hosts.host, username: "deploy" };
    const { address, port, hostKey } = hosts.host;
    const logsIn = (password: string) => opensshLogsIn({ ...login, address, port, hostKey, password });
    await expect(logsIn(await currentValue(vault, DEPLOY))).resolves.toBe(true);
    const first = await inVault(vault, async (opened) => {
      for await (const { id, supersededBy, path } of opened.listCredentials({ archived: true })) {
        expect({ path, successor: (await opened.readCredential(supersededBy ?? "")).path }).toEqual({
          path: ["Machines", "web-1-first-boot"],
          successor: DEPLOY,
        });
        const [answer] = await opened.readMany([{ id }]);
        return answer === undefined || answer instanceof Error ? "" : answer.value.reveal();
      }
      return "";
    });
    expect(await hosts.host.refusedLogins()).toBe(1); // Coffre's own proof
    await expect(logsIn(first)).resolves.toBe(false);

    expect(output(succeed(await project.up()))).toMatch(/Resources:\s+\d+ unchanged/);
    succeed(await project.run(["refresh", "--yes"]));
    expect(output(succeed(await project.up()))).toMatch(/Resources:\s+\d+ unchanged/);
    expect(await versionsOf(vault, DEPLOY)).toBe("1 current");
    expect(maker.hashes).toHaveLength(1);
    succeed(await project.run(["destroy", "--yes"]));
  } finally {
    maker.server.close();
    await project.remove();
    await hosts.stop();
  }
}, 180_000);
