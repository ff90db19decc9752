import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { succeed } from "../fixtures/pulumi-project.ts";
import { createVaultProject, currentValue, IMPORTS, output, type VaultProject, versionsOf } from "./harness.ts";

const COFFRE = resolve(import.meta.dirname, "../../bin/coffre.js");

let stack: VaultProject;
let agent: ChildProcess;
let socket: string;

function program(trigger: string): string {
  return `${IMPORTS}
const databases = new coffre.Category("Databases", { passwordPolicy: { minLength: 24 } });
const orders = new coffre.Credential("orders-app", {
  categoryId: databases.id, username: "orders_app", rotateWhenChanged: { n: "${trigger}" },
});
export const length = pulumi.unsecret(orders.password.apply((password) => password.length));
`;
}

beforeAll(async () => {
  stack = await createVaultProject("");
  const { project } = stack;
  socket = join(project.folder, "run", "agent.sock");
  await start();
  // From here on nothing but the agent opens the vault.
  delete project.env["COFFRE_KEY_FILE"];
  project.env["COFFRE_AGENT"] = socket;
}, 60_000);
afterAll(async () => {
  await end("SIGTERM");
  await stack.project.remove();
});

async function start(): Promise<void> {
  const { url, keyFile } = stack.vault;
  const env = { ...stack.project.env, COFFRE_URL: url, COFFRE_KEY_FILE: keyFile, COFFRE_AGENT: "" };
  agent = spawn(process.execPath, [COFFRE, "agent", "--socket", socket], { env, stdio: ["ignore", "pipe", "inherit"] });
  if (agent.stdout) await once(agent.stdout, "data"); // it prints its socket
}

async function end(signal: NodeJS.Signals): Promise<void> {
  if (agent.exitCode !== null || agent.signalCode !== null) return;
  const exit = once(agent, "exit");
  agent.kill(signal);
  await exit;
}

test("a stack is made, read and rotated through an agent, without a key of its own", async () => {
  const { project, vault } = stack;
  await project.write({ "index.ts": program("1") });
  succeed(await project.up());
  const first = await currentValue(vault, ["Databases", "orders-app"]);
  expect(await project.outputs()).toMatchObject({ length: first.length });
  expect(output(succeed(await project.up()))).not.toMatch(/orders-app +update/);

  await project.write({ "index.ts": program("2") });
  succeed(await project.up());
  expect(await versionsOf(vault, ["Databases", "orders-app"])).toBe("1 previous, 2 current");
}, 180_000);

test("once the agent has died a run says so and changes nothing; with another one it goes on", async () => {
  const { project, vault } = stack;
  await end("SIGKILL");
  await project.write({ "index.ts": program("3") });
  const failed = await project.up();
  expect(failed.exitCode).not.toBe(0);
  expect(output(failed)).toContain("the agent that listened there has ended");
  expect(await versionsOf(vault, ["Databases", "orders-app"])).toBe("1 previous, 2 current");

  await start();
  succeed(await project.up());
  expect(await versionsOf(vault, ["Databases", "orders-app"])).toContain("3 current");
}, 180_000);
