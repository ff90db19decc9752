import { expect, test } from "@jest/globals";
import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { startPostgres } from "../fixtures/postgres-server.ts";
import { succeed } from "../fixtures/pulumi-project.ts";
import { createVaultProject, output, versionsOf } from "./harness.ts";

const EXAMPLE = resolve(import.meta.dirname, "../../examples/vm-and-database");

test("the quickstart's program makes a role, its password and nothing else, and is unchanged after", async () => {
  const server = await startPostgres();
  const { project, vault } = await createVaultProject("", { name: "coffre-quickstart" });
  try {
    const passwordFile = join(project.folder, "admin-password");
    await writeFile(passwordFile, `${server.password}\n`, { mode: 0o600 });
    await project.setConfig("host", server.host);
    await project.setConfig("port", String(server.port));
    await project.setConfig("adminPasswordFile", passwordFile);
    await project.setProgram(await readFile(join(EXAMPLE, "index.ts"), "utf8"));

    succeed(await project.up());
    expect(await project.outputs()).toEqual({ ref: "coffre://prod/Databases/orders-app", version: 1 });
    expect(await versionsOf(vault, ["Databases", "orders-app"])).toBe("1 current");
    expect(output(succeed(await project.up()))).toMatch(/Resources:\s+4 unchanged/);
  } finally {
    await project.remove();
    await server.remove();
  }
}, 90_000);
