import { afterAll, expect, test } from "@jest/globals";
import { newVault, sharedServer } from "../fixtures/openbao.js";
import { succeed } from "../fixtures/pulumi-project.ts";
import { output } from "./harness.ts";
import { createQuickstart } from "./quickstart-program.ts";

afterAll(async () => (await sharedServer()).stop());

test("the quickstart's program runs as it stands on a vault in OpenBao, and applications read what it rotated", async () => {
  const { server, place, url, open } = await newVault({ name: "prod" });
  const { project, remove } = await createQuickstart(url, { COFFRE_TOKEN_FILE: server.rootToken });
  const vault = open();
  try {
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
    await remove();
  }
}, 120_000);
