import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { newVault, sharedServer } from "../fixtures/openbao.js";
import { startPostgres } from "../fixtures/postgres-server.ts";
import { createProject, succeed } from "../fixtures/pulumi-project.ts";
import { output } from "./harness.ts";

const PROGRAM = resolve(import.meta.dirname, "../../examples/vm-and-database/index.ts");

afterAll(async () => (await sharedServer()).stop());

test("the quickstart's program runs as it stands on a vault in OpenBao, and applications read what it rotated", async () => {
  const [{ server, place, url, open }, database] = await Promise.all([newVault({ name: "prod" }), startPostgres()]);
  const project = await createProject({ name: "coffre-quickstart", program: await readFile(PROGRAM, "utf8") });
  const vault = open();
  try {
    const [passwordFile, tokenFile] = [join(project.folder, "admin-password"), join(project.folder, "token")];
    await writeFile(passwordFile, `${database.password}\n`, { mode: 0o600 });
    await writeFile(tokenFile, server.rootToken, { mode: 0o600 });
    project.env["COFFRE_TOKEN_FILE"] = tokenFile;
    const settings = { "coffre:url": url, host: database.host, port: String(database.port) };
    for (const [name, value] of Object.entries({ ...settings, adminPasswordFile: passwordFile })) {
      await project.setConfig(name, value);
    }
    succeed(await project.up());
    expect(await project.outputs()).toEqual({ ref: "coffre://prod/Databases/orders-app", version: 1 });
    expect(output(succeed(await project.up()))).toMatch(/Resources:\s+6 unchanged/);
    const { body } = await server.api("GET", `${place.mount}/data/Databases/orders-app`);
    const shown = (body.data as { data: Record<string, string>; metadata: { version: number } }) ?? {};
    const [answer] = await vault.readMany([{ path: ["Databases", "orders-app"] }]);
    if (!answer || answer instanceof Error) throw answer ?? new Error("no answer");
    expect(shown.data["password"]).toBe(answer.value.reveal());
    expect(shown.metadata.version).toBe(2); // made, and promoted once
    expect(JSON.stringify(await project.exportState())).not.toContain(answer.value.reveal());
    succeed(await project.destroy());
    expect(await vault.findCredential(["Databases", "orders-app"])).toBeUndefined();
  } finally {
    await vault.close();
    await project.remove();
    await database.remove();
  }
}, 120_000);
