import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { Client } from "pg";
import type { LinuxHost, LinuxHosts } from "../fixtures/linux-hosts.js";
import {
  databaseSettings,
  expectSuccess,
  failedTask,
  HARD_PASSWORD,
  PlaybookScene,
  prepareEntries,
  SCENE_SECRETS,
  startDatabaseHosts,
  WAITING,
} from "../fixtures/playbook-scene.js";

jest.setTimeout(900_000);

const CATEGORY = "Databases";
const PORT = 5499;
const PLAYBOOK = "create-database.yml";

let scene: PlaybookScene;
let hosts: LinuxHosts;
let host: LinuxHost;

beforeAll(async () => {
  scene = await PlaybookScene.start();
  hosts = await startDatabaseHosts();
  host = hosts.host;
  await startDatabase();
  await prepareEntries(scene, CATEGORY);
});
afterAll(async () => {
  await hosts.stop();
  await scene.close();
});

/** As Debian has it, at the host's own address. Every statement is written down. */
async function startDatabase(): Promise<void> {
  const settings = [
    `listen_addresses = '${host.address}'`,
    `port = ${String(PORT)}`,
    "log_statement = 'all'",
    "fsync = off",
    "dynamic_shared_memory_type = mmap",
  ].join("\n");
  const access = `host all all ${host.address}/32 scram-sha-256`;
  await host.must('cat >>"$(echo /etc/postgresql/*/main/postgresql.conf)"', `${settings}\n`);
  await host.must('cat >>"$(echo /etc/postgresql/*/main/pg_hba.conf)"', `${access}\n`);
  await host.must('pg_ctlcluster "$(ls /etc/postgresql)" main start');
}

const sql = (statement: string) => host.must(`runuser -u postgres -- psql -qtAp ${String(PORT)}`, `${statement};\n`);
const settings = () => ({ ...databaseSettings(host, CATEGORY), server_port: PORT });

/** A login over the network, with the password alone. @returns the rows, or the server's word for why not */
async function query(user: string, password: string, text: string): Promise<string> {
  const client = new Client({ host: host.address, port: PORT, user, password, database: "orders" });
  try {
    await client.connect();
    return JSON.stringify((await client.query(text)).rows);
  } catch (error) {
    return (error as { code: string }).code;
  } finally {
    await client.end();
  }
}

test("a check changes nothing, whether nothing is there yet, or some of the passwords, or all", async () => {
  for (const entries of ["Elsewhere/Databases", CATEGORY, WAITING]) {
    expectSuccess(await scene.play(PLAYBOOK, host, { ...settings(), entries }, { check: true }));
  }
  const { vault } = scene.ansible;
  expect(await vault.findCategory(["Elsewhere"])).toBeUndefined();
  expect(await vault.findCredential([CATEGORY, "orders_admin"])).toBeUndefined();
  expect(await sql("SELECT datname FROM pg_database WHERE datname = 'orders'")).toBe("");
  expect(await sql("SELECT rolname FROM pg_roles WHERE rolname LIKE 'orders%'")).toBe("");
});

test("a database comes with its users, each with what it may do, and the server never sees a password", async () => {
  const first = await scene.play(PLAYBOOK, host, settings());
  expectSuccess(first);
  const [admin = "", report = ""] = await Promise.all(
    ["orders_admin", "orders_report"].map((name) => scene.valueOf(CATEGORY, name)),
  );
  expect(await scene.valueOf(CATEGORY, "orders_app")).toBe(HARD_PASSWORD);
  scene.expectNoTrace(host, { admin, report, ...SCENE_SECRETS });
  const log = await host.must("cat /var/log/postgresql/*.log");
  expect(log).toContain("CREATE DATABASE");
  for (const value of [admin, HARD_PASSWORD, report, "SCRAM-SHA-256$"]) expect(log).not.toContain(value);
  expect(first.result.warnings).toEqual([]);

  expect(await query("orders_admin", admin, "CREATE TABLE item (id serial, name text)")).toBe("[]");
  expect(await query("orders_app", HARD_PASSWORD, "INSERT INTO item (name) VALUES ('a') RETURNING id")).toBe(
    '[{"id":1}]',
  );
  expect(await query("orders_app", HARD_PASSWORD, "DROP TABLE item")).toBe("42501");
  expect(await query("orders_report", report, "SELECT name FROM item")).toBe('[{"name":"a"}]');
  expect(await query("orders_report", report, "DELETE FROM item")).toBe("42501");
  expect(await query("orders_report", "another", "SELECT 1")).toBe("28P01");
  const { people } = scene.ansible.vault;
  const [dba, place] = [await people.findPrincipal("group", "dba"), await scene.ansible.vault.findCategory([CATEGORY])];
  expect(await people.findGrant(place?.id ?? "", dba?.id ?? "")).toMatchObject({ role: "reader" });

  const second = await scene.play(PLAYBOOK, host, settings());
  expectSuccess(second);
  expect(second.result.hosts[host.name]).toMatchObject({ status: "ok", changed: 0 });
  await sql("ALTER ROLE orders_report PASSWORD 'of somebody else'");
  expectSuccess(await scene.play(PLAYBOOK, host, settings(), { check: true }));
  expect(await query("orders_report", report, "SELECT 1 AS one")).toBe("28P01");
  expectSuccess(await scene.play(PLAYBOOK, host, settings()));
  expect(await query("orders_report", report, "SELECT 1 AS one")).toBe('[{"one":1}]');
  scene.expectNoTrace(host, { admin, report, ...SCENE_SECRETS });
});

test("a server that asks for no password proves nothing, and names that aren't plain are refused first", async () => {
  const injected = { ...settings(), database: 'x"; DROP ROLE orders_app; --' };
  const refused = await scene.play(PLAYBOOK, host, injected);
  expect(refused.result.status).toBe("failed");
  expect(failedTask(refused)).toBe("Check the names");
  const trusting =
    'f="$(echo /etc/postgresql/*/main/pg_hba.conf)"; { echo "host all all all trust"; cat "$f"; } >/tmp/hba';
  await host.must(`${trusting}; cat /tmp/hba >"$f"`);
  await sql("SELECT pg_reload_conf()");
  const trusted = await scene.play(PLAYBOOK, host, settings());
  expect(failedTask(trusted)).toMatch(/^See that nobody is let in/);
});
