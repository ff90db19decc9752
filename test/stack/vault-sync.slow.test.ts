import { expect, test } from "@jest/globals";
import { succeed } from "../fixtures/pulumi-project.ts";
import {
  createVault,
  createVaultProject,
  currentValue,
  inVault,
  openTestVault,
  output,
  resourceNamed,
} from "./harness.ts";
import { everything, newValue } from "../fixtures/sync-scene.ts";

const PROGRAM = `
const databases = new coffre.Category("Databases");
const orders = new coffre.Credential("orders-app", { categoryId: databases.id, username: "orders_app" });
const sync = new coffre.VaultSync(
  "robots",
  { to: "robots", categoryId: databases.id, prefix: "From/prod", onDelete: "remove" },
  { dependsOn: [orders] },
);
export const copied = sync.copied;
`;
const COPY = ["From", "prod", "Databases", "orders-app"];

test("an up copies what it has made to the configured vault, the next one what has changed, and no state has a value", async () => {
  const { project, vault } = await createVaultProject(PROGRAM);
  try {
    const robots = await createVault(project.folder, "robots");
    const named = JSON.stringify({ robots: { url: robots.url, keyFile: robots.keyFile } });
    await project.setConfig("coffre:vaults", named);
    succeed(await project.preview());
    succeed(await project.up());
    expect(await project.outputs()).toEqual({ copied: 1 });
    const first = await currentValue(robots, COPY);
    expect(first).toBe(await currentValue(vault, ["Databases", "orders-app"]));
    expect(output(succeed(await project.up()))).toMatch(/Resources:\s+5 unchanged/);

    await inVault(vault, async (opened) => {
      const { id = "" } = (await opened.findCredential(["Databases", "orders-app"])) ?? {};
      await newValue(opened, id, "a value that a person gave");
    });
    expect(output(succeed(await project.preview()))).toContain("sync of prod to robots: 1 changed");
    succeed(await project.up());
    expect(await currentValue(robots, COPY)).toBe("a value that a person gave");
    const state = JSON.stringify(await resourceNamed(project, "robots"));
    expect(state).toContain(`"status":"done"`);
    for (const value of [first, "a value that a person gave"]) expect(state).not.toContain(value);

    succeed(await project.destroy());
    const opened = openTestVault(robots);
    expect(await everything(opened)).toEqual({});
    await opened.close();
  } finally {
    await project.remove();
  }
}, 300_000); // seven runs of the engine, on a busy machine
