import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { systemClock } from "../../provider/core/clock.js";
import { openEmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";
import { readKeyFile } from "../../provider/vault/embedded/key-file.js";
import { newVault, sharedServer } from "../fixtures/openbao.ts";
import { succeed } from "../fixtures/pulumi-project.ts";
import { newValue } from "../fixtures/sync-scene.ts";
import { createVaultProject, currentValue, output } from "./harness.ts";

const EXAMPLE = resolve(import.meta.dirname, "../../examples/two-vaults");

afterAll(async () => (await sharedServer()).stop());

test("the example copies what machines need to OpenBao: they read it there, follow a change, and see nothing else", async () => {
  const { server, place, url } = await newVault({ name: "machines" });
  const { project, vault } = await createVaultProject("", { name: "coffre-two-vaults" });
  const read = async (path: string) => {
    const { status, body } = await server.api("GET", `${place.mount}/data/${path}`);
    if (status !== 200) return status;
    const { ".coffre": _ours, ...shown } = (body.data as { data: Record<string, unknown> }).data;
    return shown;
  };
  try {
    await project.setProgram(await readFile(join(EXAMPLE, "index.ts"), "utf8"));
    await writeFile(join(project.folder, "machines.token"), server.rootToken, { mode: 0o600 });
    for (const [key, value] of Object.entries({ url, tokenFile: "machines.token" })) {
      succeed(
        await project.run(["config", "set", "--path", "--plaintext", `coffre:vaults.machines.${key}`, "--", value]),
      );
    }
    succeed(await project.up());
    expect(await project.outputs()).toEqual({ copied: 2 });
    const path = ["Databases", "orders-app"];
    const orders = { username: "orders_app", host: "orders.example.com", port: "5432" };
    expect(await read("prod/Databases/orders-app")).toEqual({ ...orders, password: await currentValue(vault, path) });
    expect(await read("prod/break-glass")).toBe(404);
    expect(output(succeed(await project.up()))).toMatch(/Resources:\s+7 unchanged/);

    const key = { keyText: readKeyFile(vault.keyFile) };
    const opened = openEmbeddedVault({ path: vault.path, key, actor: "a test", clock: systemClock });
    await newValue(opened, (await opened.findCredential(path))?.id ?? "", "what a person gave");
    await opened.close();
    expect(output(succeed(await project.preview()))).toContain("sync of prod to machines: 1 changed");
    succeed(await project.up());
    expect(await read("prod/Databases/orders-app")).toEqual({ ...orders, password: "what a person gave" });
    const state = await project.stateText();
    for (const value of ["what a person gave", server.rootToken]) expect(state).not.toContain(value);

    succeed(await project.destroy());
    expect(await read("prod/Databases/orders-app")).not.toBe(404); // machines read on until somebody says otherwise
  } finally {
    await project.remove();
  }
}, 300_000); // eight runs of the engine, on a busy machine
