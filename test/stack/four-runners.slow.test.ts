import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import pg from "pg";
import { makeTokens, ServedVault } from "../../tools/served/served-vault.ts";
import { collect } from "../contract/vault-cases/setup.ts";
import { type PostgresServer, startPostgres } from "../fixtures/postgres-server.ts";
import { createProject, type PulumiProject, succeed } from "../fixtures/pulumi-project.ts";
import { createVault, currentValue, IMPORTS, inVault, output, type TestVault, versionsOf } from "./harness.ts";
import { holdRoles } from "./held-roles.ts";

const TEAMS = ["red", "green", "blue", "black"];

let folder: string;
let database: PostgresServer;
let vault: TestVault;
let server: ServedVault;
let runners: PulumiProject[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "coffre-runners-"));
  [database, vault] = await Promise.all([startPostgres(), createVault(folder)]);
  const tokens = await makeTokens(vault, await invite());
  server = await ServedVault.start(vault);
  runners = await Promise.all(
    TEAMS.map(async (team, index) => {
      const tokenFile = join(folder, `${team}.token`);
      await writeFile(tokenFile, tokens[index] ?? "", { mode: 0o600 });
      const env = { COFFRE_TOKEN_FILE: tokenFile, PG_ADMIN: database.password };
      const project = await createProject({ name: `team-${team}`, program: "", env });
      await project.setConfig("coffre:url", `coffre+${server.origin}`);
      await project.setConfig("coffre:rootCategory", team);
      return project;
    }),
  );
}, 120_000);
afterAll(async () => {
  for (const runner of runners) await runner.remove();
  await server.stop();
  await database.remove();
  await rm(folder, { recursive: true });
}, 60_000);

/** As an administrator does once: each team's category and operators, and its runner, who manages that category and nothing else. */
async function invite(): Promise<{ user: string; userId: string; role: "user"; label: string }[]> {
  return inVault(vault, async (opened) => {
    const tokens = [];
    for (const team of TEAMS) {
      const { people } = opened;
      const category = await opened.createCategory({ name: team, parentId: null });
      await people.createPrincipal({ kind: "group", name: `${team}-operators` });
      const { id: userId } = await people.createPrincipal({ kind: "user", name: team });
      await people.createGrant({ categoryId: category.id, principalId: userId, role: "manager" });
      tokens.push({ user: team, userId, role: "user" as const, label: "a runner" });
    }
    return tokens;
  });
}

/** A team's category with accounts `red_0`, `red_1` … @param trigger another one rotates what is there */
async function declare(count: number, trigger: string): Promise<void> {
  for (const [index, team] of TEAMS.entries()) {
    await runners[index]?.setProgram(`${IMPORTS}
const category = new coffre.Category("accounts", { passwordPolicy: { minLength: 24 } });
const people = coffre.getGroupOutput({ name: "${team}-operators" });
new coffre.Grant("${team}-operators", { categoryId: category.id, principalId: people.id, role: "reader" });
for (let n = 0; n < ${String(count)}; n++) {
  new coffre.Credential("${team}-" + n, {
    categoryId: category.id, username: "${team}_" + n, rotateWhenChanged: { trigger: "${trigger}" },
    target: coffre.postgres({
      host: "127.0.0.1", port: ${String(database.port)}, admin: { username: "postgres", passwordEnv: "PG_ADMIN" },
      account: { create: true },
    }),
  });
}
`);
  }
}

const upAll = () => Promise.all(runners.map((runner) => runner.up()));

/** The versions of every credential, each of whose current values its role accepts. */
async function proven(): Promise<Record<string, string>> {
  const paths = await inVault(vault, async (opened) =>
    (await collect(opened.listCredentials())).map(({ path }) => path),
  );
  const versions: Record<string, string> = {};
  for (const path of paths) {
    const [team = "", , name = ""] = path;
    const user = name.replace("-", "_");
    const client = new pg.Client({ ...database.connection(), user, password: await currentValue(vault, path) });
    await client.connect();
    await client.end();
    versions[name] = await versionsOf(vault, path);
    expect(name).toContain(team);
  }
  expect(await database.refusedLogins()).toBe(0);
  return versions;
}

/** `{ "red-0": state, "red-1": state, … }` */
function each(numbers: readonly number[], state: string): Record<string, string> {
  return Object.fromEntries(TEAMS.flatMap((team) => numbers.map((n) => [`${team}-${String(n)}`, state])));
}

test("four runners that up four stacks on one server at once all succeed, and are unchanged after", async () => {
  await declare(4, "first");
  for (const result of await upAll()) succeed(result);
  expect(await proven()).toEqual(each([0, 1, 2, 3], "1 current"));
  for (const result of await upAll()) expect(output(succeed(result))).toMatch(/Resources:\s+8 unchanged/);
}, 300_000);

test("where the server is killed in the middle of that, all succeed at the next run: nothing is lost, and nothing doubled", async () => {
  await declare(6, "second");
  const held = await holdRoles(database, `ALTER ROLE "red_0" CONNECTION LIMIT 9`, `CREATE ROLE "green_4"`);
  const runs = upAll();
  await held.reached(2);
  await server.kill();
  await held.release(); // both passwords come into force while there is nobody to be told
  await delay(4_000); // more than a client waits
  await server.restart();
  const results = await runs;
  expect(results.map(output).join("\n")).toContain("UNREACHABLE");
  expect(results[0]?.exitCode).not.toBe(0);
  expect(results[1]?.exitCode).not.toBe(0);

  for (const result of await upAll()) succeed(result);
  expect(await proven()).toEqual({
    ...each([0, 1, 2, 3], "1 previous, 2 current"),
    ...each([4, 5], "1 current"),
  });
  for (const result of await upAll()) expect(output(succeed(result))).toMatch(/Resources:\s+10 unchanged/);
}, 300_000);
