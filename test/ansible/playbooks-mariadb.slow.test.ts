import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { createConnection } from "mysql2/promise";
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
const PORT = 3399;
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
    "[mariadbd]",
    `bind-address = ${host.address}`,
    `port = ${String(PORT)}`,
    "general-log = 1",
    "general-log-file = /var/lib/mysql/general.log",
    "innodb-log-file-size = 8M",
  ].join("\n");
  await host.must("cat >/etc/mysql/mariadb.conf.d/99-test.cnf", `${settings}\n`);
  await host.must("install -d -o mysql -g mysql /run/mysqld");
  await host.must("setsid mariadbd --user=mysql >/var/log/mariadbd.log 2>&1 </dev/null &");
  await host.must("for i in $(seq 300); do mariadb-admin ping >/dev/null 2>&1 && exit 0; sleep 0.1; done; exit 1");
}

const sql = (statement: string) => host.must("mariadb --batch --skip-column-names", `${statement};\n`);
// In a grant an underscore stands for any character.
const settings = () => ({
  ...databaseSettings(host, CATEGORY),
  engine: "mariadb",
  server_port: PORT,
  database: "shop_orders",
});

/** A login over the network, with the password alone. @returns the rows, or the server's word for why not */
async function query(user: string, password: string, text: string): Promise<string> {
  const at = { host: host.address, port: PORT, user, password, database: "shop_orders" };
  try {
    const connection = await createConnection(at);
    try {
      const [rows] = await connection.query(text);
      return JSON.stringify(Array.isArray(rows) ? rows : "done");
    } finally {
      await connection.end();
    }
  } catch (error) {
    return (error as { code: string }).code;
  }
}

test("a check changes nothing, whether nothing is there yet, or some of the passwords, or all", async () => {
  for (const entries of ["Elsewhere/Databases", CATEGORY, WAITING]) {
    expectSuccess(await scene.play(PLAYBOOK, host, { ...settings(), entries }, { check: true }));
  }
  const { vault } = scene.ansible;
  expect(await vault.findCategory(["Elsewhere"])).toBeUndefined();
  expect(await vault.findCredential([CATEGORY, "orders_admin"])).toBeUndefined();
  expect(await sql("SHOW DATABASES LIKE 'shop%'")).toBe("");
  expect(await sql("SELECT User FROM mysql.global_priv WHERE User LIKE 'orders%'")).toBe("");
});

test("a database comes with its users, each with what it may do, and the server never sees a password", async () => {
  const first = await scene.play(PLAYBOOK, host, settings());
  expectSuccess(first);
  const [admin = "", report = ""] = await Promise.all(
    ["orders_admin", "orders_report"].map((name) => scene.valueOf(CATEGORY, name)),
  );
  expect(await scene.valueOf(CATEGORY, "orders_app")).toBe(HARD_PASSWORD);
  scene.expectNoTrace(host, { admin, report, ...SCENE_SECRETS });
  const log = await host.must("cat /var/lib/mysql/general.log");
  expect(log).toContain("CREATE DATABASE");
  for (const value of [admin, HARD_PASSWORD, report, "ALTER USER"]) expect(log).not.toContain(value);
  expect(first.result.warnings).toEqual([]);

  const create = "CREATE TABLE item (id int AUTO_INCREMENT PRIMARY KEY, name text)";
  expect(await query("orders_admin", admin, create)).toBe('"done"');
  expect(await query("orders_app", HARD_PASSWORD, "INSERT INTO item (name) VALUES ('a') RETURNING id")).toBe(
    '[{"id":1}]',
  );
  expect(await query("orders_app", HARD_PASSWORD, "DROP TABLE item")).toBe("ER_TABLEACCESS_DENIED_ERROR");
  expect(await query("orders_report", report, "SELECT name FROM item")).toBe('[{"name":"a"}]');
  expect(await query("orders_report", report, "DELETE FROM item")).toBe("ER_TABLEACCESS_DENIED_ERROR");
  expect(await query("orders_report", "another", "SELECT 1")).toBe("ER_ACCESS_DENIED_ERROR");
  await sql("CREATE DATABASE shop2orders; CREATE TABLE shop2orders.item (id int)");
  expect(await query("orders_report", report, "SELECT * FROM shop2orders.item")).toBe("ER_TABLEACCESS_DENIED_ERROR");

  const second = await scene.play(PLAYBOOK, host, settings());
  expectSuccess(second);
  expect(second.result.hosts[host.name]).toMatchObject({ status: "ok", changed: 0 });
  await sql("SET PASSWORD FOR orders_report@'%' = PASSWORD('of somebody else')");
  const checked = await scene.play(PLAYBOOK, host, settings(), { check: true });
  expectSuccess(checked);
  expect(await query("orders_report", report, "SELECT 1 AS one")).toBe("ER_ACCESS_DENIED_ERROR");
  expectSuccess(await scene.play(PLAYBOOK, host, settings()));
  expect(await query("orders_report", report, "SELECT 1 AS one")).toBe('[{"one":1}]');
  scene.expectNoTrace(host, { admin, report, ...SCENE_SECRETS });
});

test("an account that stands before the one that was set, or is let in without a password, is no proof", async () => {
  const shadow = "orders_report@127.0.0.1";
  await sql(`CREATE USER ${shadow} IDENTIFIED BY 'CoffreMarker-of-another'`);
  expect(failedTask(await scene.play(PLAYBOOK, host, settings()))).toBe("Prove it");
  await sql(`ALTER USER ${shadow} IDENTIFIED BY ''`);
  expect(failedTask(await scene.play(PLAYBOOK, host, settings()))).toMatch(/^See that nobody is let in/);
  const injected = { ...settings(), account_host: "%'; DROP DATABASE shop_orders; --" };
  expect(failedTask(await scene.play(PLAYBOOK, host, injected))).toBe("Check the names");
});
