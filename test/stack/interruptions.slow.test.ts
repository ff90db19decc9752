import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { type PostgresServer, startPostgres } from "../fixtures/postgres-server.ts";
import { succeed } from "../fixtures/pulumi-project.ts";
import { createVaultProject, currentValue, output, type VaultProject, versionsOf } from "./harness.ts";
import { holdRoles } from "./held-roles.ts";

// Runs that end in the middle, and runs that meet.
let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
}, 60_000);
afterAll(() => server.remove(), 30_000);

function program(role: string): string {
  return `
const orders = new coffre.Credential("${role}", {
  username: "${role}",
  target: coffre.postgres({
    host: "127.0.0.1", port: ${String(server.port)}, admin: { username: "postgres", passwordEnv: "PG_ADMIN" },
    account: { create: true },
  }),
});
export const version = orders.currentVersion;
`;
}

async function createStack(role: string): Promise<VaultProject> {
  return createVaultProject(program(role), { env: { PG_ADMIN: server.password } });
}

async function logsIn(stack: VaultProject, role: string): Promise<boolean> {
  const client = new pg.Client({
    ...server.connection(),
    user: role,
    password: await currentValue(stack.vault, [role]),
  });
  await client.connect();
  await client.end();
  return true;
}

test("an engine that is killed leaves a plugin that finishes and ends; cancel and up draw nothing anew", async () => {
  const stack = await createStack("killed_app");
  try {
    const held = await holdRoles(server, `CREATE ROLE "killed_app"`);
    const run = stack.project.start(["up", "--yes", "--skip-preview"]);
    await held.reached();
    run.kill("SIGKILL");
    await run;
    expect((await stack.project.leftovers()).length).toBeGreaterThan(0);
    await held.release();
    for (let tries = 0; tries < 200 && (await stack.project.leftovers()).length > 0; tries++) await delay(50);
    expect(await stack.project.leftovers()).toEqual([]);
    expect(await versionsOf(stack.vault, ["killed_app"])).toBe("1 current");

    const locked = await stack.project.up();
    expect(output(locked)).toContain("pulumi cancel");
    succeed(await stack.project.run(["cancel", "--yes"]));
    succeed(await stack.project.up());
    expect(await versionsOf(stack.vault, ["killed_app"])).toBe("1 current");
    expect(await stack.project.outputs()).toEqual({ version: 1 });
    expect(await logsIn(stack, "killed_app")).toBe(true);
    expect(await server.refusedLogins("killed_app")).toBe(0);
  } finally {
    await stack.project.remove();
  }
}, 120_000);

test("Ctrl-C lets what is under way finish, and keeps it", async () => {
  const stack = await createStack("ctrl_c_app");
  try {
    const held = await holdRoles(server, `CREATE ROLE "ctrl_c_app"`);
    const run = stack.project.start(["up", "--yes", "--skip-preview"]);
    await held.reached();
    run.kill("SIGINT");
    await delay(200);
    await held.release();
    const { exitCode } = await run;
    expect(exitCode).not.toBe(0);
    expect(await versionsOf(stack.vault, ["ctrl_c_app"])).toBe("1 current");
    const again = succeed(await stack.project.up());
    expect(output(again)).not.toMatch(/Credential ctrl_c_app (creating|updating)/);
    expect(await logsIn(stack, "ctrl_c_app")).toBe(true);
  } finally {
    await stack.project.remove();
  }
}, 120_000);

test("two stacks that up at once on one vault both end well; for one name exactly one of them does", async () => {
  const own = (name: string) =>
    Array.from({ length: 5 }, (_, index) => `new coffre.Credential("${name}-${String(index)}");`).join("\n");
  const first = await createVaultProject(own("first"), { name: "one" });
  const second = await createVaultProject(own("second"), { name: "two", vault: first.vault });
  try {
    const both = () => Promise.all([first.project.up(), second.project.up()]);
    for (const result of await both()) succeed(result);
    expect(await versionsOf(first.vault, ["first-4"])).toBe("1 current");
    expect(await versionsOf(first.vault, ["second-4"])).toBe("1 current");

    const same = (name: string) => `import * as coffre from "coffre";\n${own(name)}\nnew coffre.Credential("wanted");`;
    await first.project.setProgram(same("first"));
    await second.project.setProgram(same("second"));
    const results = await both();
    expect(results.map(({ exitCode }) => exitCode === 0).sort()).toEqual([false, true]);
    expect(results.map(output).join("\n")).toMatch(/CONFLICT: There is a credential "wanted"[\s\S]*adopt/);
    expect(await versionsOf(first.vault, ["wanted"])).toBe("1 current");
  } finally {
    await first.project.remove();
    await second.project.remove();
  }
}, 120_000);

test("the same names on two backends are told apart by coffre:owner", async () => {
  const text = 'new coffre.Credential("smtp");';
  const first = await createVaultProject(text);
  const second = await createVaultProject(text, { vault: first.vault });
  try {
    succeed(await first.project.up());
    await second.project.setConfig("coffre:owner", "team-b");
    const refused = await second.project.up();
    expect(output(refused)).toMatch(/CONFLICT: There is a credential "smtp" that this resource didn't make/);
    await second.project.setConfig("coffre:rootCategory", "Team B");
    succeed(await second.project.up());
    succeed(await second.project.destroy());
    expect(await versionsOf(first.vault, ["smtp"])).toBe("1 current");
  } finally {
    await first.project.remove();
    await second.project.remove();
  }
}, 120_000);
