import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, jest, test } from "@jest/globals";
import { Client } from "pg";
import { type AnsibleVariables, template } from "../../provider/ansible-runner/index.js";
import { Secret } from "../../provider/core/secret.js";
import { onHosts, playbookNamed } from "../fixtures/ansible-hosts.js";
import { AnsibleScene, type Played } from "../fixtures/ansible-scene.js";
import { type LinuxHost, type LinuxHosts, opensshLogsIn, startHosts } from "../fixtures/linux-hosts.js";
import { RunTrace } from "../leak/run-trace.ts";

jest.setTimeout(900_000);

const FACTORY = { name: "factory", password: "CoffreMarker-of-the-factory-1", sudo: "password" };
const KEEPER = { name: "keeper", password: "CoffreMarker-of-the-keeper-1", sudo: "free" };
/** Not a secret: the search for leaks has to find it. */
const CONTROL = "CoffreMarker-that-is-to-be-found";
const DATABASE_PORT = 5499;

let scene: AnsibleScene;
let hosts: LinuxHosts;
let databases: LinuxHosts;

beforeAll(async () => {
  scene = await AnsibleScene.start();
  hosts = await startHosts({ users: [FACTORY] });
  const say = (line: string) => process.stderr.write(`${line}\n`);
  databases = await startHosts({ packages: ["postgresql"], users: [KEEPER], say });
  await startDatabase(databases.host);
});
afterAll(async () => {
  await Promise.all([hosts, databases].map((each) => each.stop()));
  await scene.close();
});

let trace: RunTrace;
let runs: Played[];
beforeEach(() => {
  runs = [];
});

/** As Debian has it, at the host's own address. Every statement is written down. */
async function startDatabase(host: LinuxHost): Promise<void> {
  const settings = [
    `listen_addresses = '${host.address}'`,
    `port = ${String(DATABASE_PORT)}`,
    "log_statement = 'all'",
    "fsync = off",
    "dynamic_shared_memory_type = mmap",
  ].join("\n");
  const access = `host all all ${host.address}/32 scram-sha-256`;
  await host.must('cat >>"$(echo /etc/postgresql/*/main/postgresql.conf)"', `${settings}\n`);
  await host.must('cat >>"$(echo /etc/postgresql/*/main/pg_hba.conf)"', `${access}\n`);
  await host.must('pg_ctlcluster "$(ls /etc/postgresql)" main start');
}

/** Runs a playbook, and keeps what it told for the search. */
async function play(name: string, host: LinuxHost, variables: AnsibleVariables): Promise<Played> {
  const disk = join(host.folder, "up");
  trace = new RunTrace(scene.socket, [scene.folder, ...["home", "root", "tmp"].map((place) => join(disk, place))]);
  const played = await scene.play(playbookNamed(name), {
    ...onHosts([host]),
    variables,
    environment: { HOME: scene.folder, CONTROL },
    verbosity: 4,
  });
  trace.stop();
  expect(trace.left()).toEqual([]);
  runs.push(played);
  return played;
}

/** @throws Error with what went wrong */
function expectSuccess({ result, events }: Played): void {
  const failed = events.filter(({ event }) => event.endsWith("_failed") || event.endsWith("_unreachable"));
  if (result.status !== "successful") throw new Error(failed.map(({ stdout }) => stdout).join("\n"));
}

async function valueOf(...path: string[]): Promise<string> {
  const [answer] = await scene.vault.readMany([{ path }]);
  if (answer === undefined || answer instanceof Error) throw new Error(`no value of ${path.join("/")}`);
  return answer.value.reveal();
}

/** Looks at what the last run told and wrote, and at what is left on the host. */
function expectNoTrace(host: LinuxHost, secrets: Readonly<Record<string, string>>): void {
  const search = trace.search(
    { ...secrets, CONTROL, address: host.address },
    runs.flatMap(({ events }) => events),
  );
  search.inFolder(host.folder);
  expect(search.placesOf("CONTROL").some((place) => place.startsWith("environ of process"))).toBe(true);
  expect(search.placesOf("CONTROL").some((place) => place.includes("/artifacts/run/command"))).toBe(true);
  expect(search.placesOf("address").some((place) => place.startsWith("event "))).toBe(true);
  expect(search.placesOf("address").some((place) => place.includes("/job_events/"))).toBe(true);
  expect(search.findings.filter(({ secret }) => secret !== "CONTROL" && secret !== "address")).toEqual([]);
}

test("a new machine gets an account whose password is in the vault first, and a second run changes nothing", async () => {
  const machine = hosts.host;
  const factoryId = await scene.entry("Images", "debian", FACTORY.password);
  await scene.vault.updateCredential(factoryId, { username: FACTORY.name });
  const variables = { hosts_group: "fleet", entries: "Machines/New", account: "admin", factory: "Images/debian" };
  const first = await play("bootstrap-vm.yml", machine, variables);
  expectSuccess(first);
  const password = await valueOf("Machines", "New", machine.name);
  expectNoTrace(machine, { password, factory: FACTORY.password });
  expect(first.result.warnings).toEqual([]);
  const login = { address: machine.address, port: machine.port, hostKey: machine.hostKey };
  await expect(opensshLogsIn({ ...login, username: "admin", password })).resolves.toBe(true);
  await expect(opensshLogsIn({ ...login, username: FACTORY.name, password: FACTORY.password })).resolves.toBe(false);

  const second = await play("bootstrap-vm.yml", machine, variables);
  expect(second.result.hosts[machine.name]).toMatchObject({ status: "ok", changed: 0 });
  expect(await valueOf("Machines", "New", machine.name)).toBe(password);

  // As if the first run had been cut off before its last task.
  await machine.must(`usermod -U ${FACTORY.name}`);
  expectSuccess(await play("bootstrap-vm.yml", machine, variables));
  await expect(opensshLogsIn({ ...login, username: FACTORY.name, password: FACTORY.password })).resolves.toBe(false);
});

const USERS = [
  { name: "orders_admin", access: "owner" },
  { name: "orders_app", access: "write" },
  { name: "orders_report", access: "read" },
];

/** A login over the network, with the password alone. */
async function query(user: string, password: string, text: string): Promise<string> {
  const { address } = databases.host;
  const client = new Client({ host: address, port: DATABASE_PORT, user, password, database: "orders" });
  try {
    await client.connect();
    return JSON.stringify((await client.query(text)).rows);
  } catch (error) {
    return (error as { code: string }).code;
  } finally {
    await client.end();
  }
}

const settings = () => ({
  server: databases.host.name,
  server_port: DATABASE_PORT,
  login_host: databases.host.address,
  database: "orders",
  entries: "Production/Databases",
  readers: "dba",
  users: USERS,
});
/** Of the keeper, who may become postgres there. */
const asKeeper = {
  ansible_user: KEEPER.name,
  ansible_password: template("{{ lookup('coffre.vault.credential', 'Admins/keeper') }}"),
};

test("a database comes with its users, each with what it may do, and the server never sees a password", async () => {
  const { host } = databases;
  await scene.entry("Admins", "keeper", KEEPER.password);
  await scene.vault.people.createPrincipal({ kind: "group", name: "dba" });
  // One that is there already keeps its value, whatever signs it has.
  const hard = `It's %2F/:@?#& "x" \\ \\' $HOME {{ 7 }}`;
  const production = await scene.vault.createCategory({ name: "Production", parentId: null });
  const place = await scene.vault.createCategory({ name: "Databases", parentId: production.id });
  const initial = { value: new Secret(hard), causes: ["command:test"] };
  await scene.vault.createCredentials([{ name: "orders_app", categoryId: place.id, initial }]);

  const first = await play("create-database.yml", host, { ...settings(), ...asKeeper });
  expectSuccess(first);
  const [admin, app, report] = await Promise.all(USERS.map(({ name }) => valueOf("Production", "Databases", name)));
  expect(app).toBe(hard);
  expectNoTrace(host, { admin: admin ?? "", app: hard, report: report ?? "", keeper: KEEPER.password });
  const log = await host.must("cat /var/log/postgresql/*.log");
  expect(log).toContain("CREATE DATABASE");
  for (const value of [admin, app, report]) expect(log).not.toContain(value);
  expect(log).not.toContain("SCRAM-SHA-256$");
  expect(first.result.warnings).toEqual([]);

  expect(await query("orders_admin", admin ?? "", "CREATE TABLE item (id serial, name text)")).toBe("[]");
  expect(await query("orders_app", hard, "INSERT INTO item (name) VALUES ('a') RETURNING id")).toBe('[{"id":1}]');
  expect(await query("orders_app", hard, "DROP TABLE item")).toBe("42501");
  expect(await query("orders_report", report ?? "", "SELECT name FROM item")).toBe('[{"name":"a"}]');
  expect(await query("orders_report", report ?? "", "DELETE FROM item")).toBe("42501");
  expect(await query("orders_report", "another", "SELECT 1")).toBe("28P01");
  const dba = await scene.vault.people.findPrincipal("group", "dba");
  const grant = await scene.vault.people.findGrant(place.id, dba?.id ?? "");
  expect(grant).toMatchObject({ role: "reader" });

  const second = await play("create-database.yml", host, { ...settings(), ...asKeeper });
  expectSuccess(second);
  expect(second.result.hosts[host.name]).toMatchObject({ status: "ok", changed: 0 });
  await host.must("runuser -u postgres -- psql -qp 5499", "ALTER ROLE orders_report PASSWORD 'of somebody else';\n");
  expectSuccess(await play("create-database.yml", host, { ...settings(), ...asKeeper }));
  expect(await query("orders_report", report ?? "", "SELECT 1 AS one")).toBe('[{"one":1}]');
});

test("a server that asks for no password proves nothing, and names that aren't plain are refused first", async () => {
  const { host } = databases;
  const injected = { ...settings(), ...asKeeper, database: 'x"; DROP ROLE orders_app; --' };
  const refused = await play("create-database.yml", host, injected);
  expect(refused.result.status).toBe("failed");
  expect(refused.events.find(({ event }) => event === "runner_on_failed")?.task).toBe("Check the names");
  const trusting =
    'f="$(echo /etc/postgresql/*/main/pg_hba.conf)"; { echo "host all all all trust"; cat "$f"; } >/tmp/hba';
  await host.must(`${trusting}; cat /tmp/hba >"$f"; runuser -u postgres -- psql -qp 5499 -c "SELECT pg_reload_conf()"`);
  const trusted = await play("create-database.yml", host, { ...settings(), ...asKeeper });
  expect(trusted.events.find(({ event }) => event === "runner_on_failed")?.task).toMatch(/^See that nobody is let in/);
});
