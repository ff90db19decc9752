import { afterAll, beforeAll, expect, test } from "@jest/globals";
import pg from "pg";
import { type PostgresServer, startPostgres } from "../fixtures/postgres-server.ts";
import { succeed } from "../fixtures/pulumi-project.ts";
import { createVaultProject, currentValue, output, resourceNamed, type VaultProject, versionsOf } from "./harness.ts";

// A database account's password through a stack's life, told in order.
let stack: VaultProject;
let server: PostgresServer;
const ORDERS = ["Databases", "orders-app"];

interface Variant {
  trigger?: string;
  identity?: string;
  role?: string;
}

function program({ trigger = "1", identity = "vm-1", role = "orders_app" }: Variant = {}): string {
  return `import * as coffre from "coffre";
const databases = new coffre.Category("Databases", { passwordPolicy: { minLength: 24, require: ["upper", "digit"] } });
const orders = new coffre.Credential("orders-app", {
  categoryId: databases.id, username: "${role}", rotateWhenChanged: { n: "${trigger}" },
  target: coffre.postgres({
    host: "127.0.0.1", port: ${String(server.port)}, identity: "${identity}",
    admin: { username: "postgres", passwordEnv: "PG_ADMIN" }, account: { create: true },
  }),
});
export const ref = orders.ref;
export const version = orders.currentVersion;
`;
}

beforeAll(async () => {
  server = await startPostgres();
  stack = await createVaultProject("");
  stack.project.env["PG_ADMIN"] = server.password;
  await stack.project.setProgram(program());
}, 90_000);
afterAll(async () => {
  await stack.project.remove();
  await server.remove();
}, 30_000);

/** Whether a login with the password that the vault has in force succeeds. */
async function logsIn(role = "orders_app"): Promise<boolean> {
  const password = await currentValue(stack.vault, ORDERS);
  const client = new pg.Client({ ...server.connection(), user: role, password });
  try {
    await client.connect();
    return true;
  } catch (error) {
    // 28P01 a wrong password, 28000 NOLOGIN; everything else is no answer to the question
    if (error instanceof pg.DatabaseError && (error.code === "28P01" || error.code === "28000")) return false;
    throw error;
  } finally {
    await client.end();
  }
}

test("up while the server is down keeps the entry unfinished; the plain next up finishes it", async () => {
  await server.stop();
  const failed = await stack.project.up();
  expect(failed.exitCode).not.toBe(0);
  expect(output(failed)).toContain("UNREACHABLE");
  expect(output(failed)).not.toMatch(/\n\s+at .*\.js:\d+/); // no stack of ours
  const kept = await resourceNamed(stack.project, "orders-app");
  expect(kept.outputs).toMatchObject({ status: "unfinished", username: "orders_app", __provider: expect.any(String) });

  succeed(await stack.project.refresh()); // clears the engine's own note of the failure
  await server.start();
  succeed(await stack.project.up());
  expect((await resourceNamed(stack.project, "orders-app")).outputs).toMatchObject({
    status: "done",
    currentVersion: 1,
  });
  expect(await logsIn()).toBe(true);
}, 120_000);

test("an unchanged up and a preview find nothing to do and log in nowhere", async () => {
  const before = (await server.log()).length;
  const up = succeed(await stack.project.up(["--expect-no-changes"]));
  expect(output(up)).toMatch(/Resources:\s+4 unchanged/);
  expect((await server.log()).slice(before)).not.toContain("connection received");
}, 60_000);

test("a trigger and a machine made anew each bring one new version", async () => {
  await stack.project.setProgram(program({ trigger: "2" }));
  succeed(await stack.project.up());
  expect(await versionsOf(stack.vault, ORDERS)).toBe("1 previous, 2 current");
  await stack.project.setProgram(program({ trigger: "2", identity: "vm-2" }));
  succeed(await stack.project.up());
  expect(await versionsOf(stack.vault, ORDERS)).toBe("1 previous, 2 previous, 3 current");
  expect(await logsIn()).toBe(true);
}, 120_000);

test("a change that fails in the middle shows again, and is finished by the next up", async () => {
  await server.stop();
  await stack.project.setProgram(program({ trigger: "3", identity: "vm-2" }));
  expect((await stack.project.up()).exitCode).not.toBe(0);
  await server.start();
  expect(await logsIn()).toBe(true);
  expect(output(succeed(await stack.project.preview()))).toMatch(/~ {2}coffre:index:Credential orders-app update/);
  succeed(await stack.project.up());
  expect(await versionsOf(stack.vault, ORDERS)).toBe("1 previous, 2 previous, 3 previous, 4 current");
  expect(await logsIn()).toBe(true);
}, 120_000);

test("--replace disables the role, and the new entry enables it with a password of its own", async () => {
  const { urn, id } = await resourceNamed(stack.project, "orders-app");
  const replaced = succeed(await stack.project.up(["--replace", urn]));
  expect(output(replaced)).toContain("was disabled");
  expect((await resourceNamed(stack.project, "orders-app")).id).not.toBe(id);
  expect(await versionsOf(stack.vault, ORDERS)).toBe("1 current");
  expect(await logsIn()).toBe(true);
}, 90_000);

test("another role gets the next version, and the first one is disabled", async () => {
  await stack.project.setProgram(program({ trigger: "3", identity: "vm-2", role: "orders_v2" }));
  succeed(await stack.project.up());
  expect(await logsIn("orders_v2")).toBe(true);
  expect(await logsIn("orders_app")).toBe(false);
}, 90_000);

test("destroy disables the role that Coffre made; up again brings it back", async () => {
  succeed(await stack.project.destroy());
  const before = await server.refusedLogins();
  succeed(await stack.project.up());
  expect(await logsIn("orders_v2")).toBe(true);
  expect((await server.refusedLogins()) - before).toBe(0);
}, 90_000);
