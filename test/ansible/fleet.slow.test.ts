import { chmodSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { type Inventory, runPlaybook, template } from "../../provider/ansible-runner/index.js";
import { Secret } from "../../provider/core/secret.js";
import { linuxDriver } from "../../provider/target/linux/driver.js";
import { AnsibleScene } from "../fixtures/ansible-scene.js";
import { type LinuxHost, type LinuxHosts, opensshLogsIn, startHosts } from "../fixtures/linux-hosts.js";
import { ProcessSampler } from "../leak/processes.ts";
import { LeakSearch } from "../leak/search.ts";

jest.setTimeout(1_800_000);

const ROOT = resolve(import.meta.dirname, "../..");
const PLAYBOOKS = join(ROOT, "ansible/playbooks");
const FLEET = 50;
const KEEPER = { name: "keeper", password: "CoffreMarker-of-the-keeper-!\"'$", sudo: "free" };
const FACTORY = { name: "factory", password: "CoffreMarker-of-the-factory-1", sudo: "password" };
const passwordOf = (host: LinuxHost) => `CoffreMarker-first-of-${host.name}`;

let scene: AnsibleScene;
let hosts: LinuxHosts;
let coffre: string;

beforeAll(async () => {
  scene = await AnsibleScene.start();
  hosts = await startHosts({
    count: FLEET,
    users: [KEEPER, { name: "deploy", password: "CoffreMarker-of-all-at-first" }],
  });
  // Each its own.
  await Promise.all(hosts.all.map((host) => host.must("chpasswd", `deploy:${passwordOf(host)}\n`)));
  coffre = scene.write("coffre", `#!/bin/sh\nexec "${process.execPath}" "${ROOT}/tools/served/main.ts" "$@"\n`);
  chmodSync(coffre, 0o755);
});
afterAll(async () => {
  await hosts.stop();
  await scene.close();
});

/** Ansible's inventory of these hosts. `localhost` is the controller. */
function inventoryOf(all: readonly LinuxHost[]): Inventory {
  const local = { ansible_connection: "local", ansible_python_interpreter: template("{{ ansible_playbook_python }}") };
  const fleet = all.map(({ name, address, port }) => [name, { ansible_host: address, ansible_port: port }] as const);
  return {
    all: { hosts: { localhost: local } },
    fleet: { hosts: Object.fromEntries(fleet), vars: { ansible_python_interpreter: "/usr/bin/python3" } },
  };
}

const knownHostsOf = (all: readonly LinuxHost[]) =>
  all.map(({ address, port, hostKey }) => `[${address}]:${String(port)} ${hostKey}`);

/** What the run has written so far in its private folder, which is found by the environment of its processes. */
function keepFiles({ seen }: ProcessSampler, written: Map<string, Buffer>): void {
  for (const text of seen.keys()) {
    if (!text.includes(`COFFRE_AGENT=${scene.socket}`)) continue;
    const home = /(?:^|\0)ANSIBLE_HOME=([^\0]+)/.exec(text)?.[1];
    if (home === undefined || !existsSync(home)) continue;
    for (const entry of readdirSync(dirname(home), { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      if (entry.isFile() && existsSync(path)) written.set(path, readFileSync(path));
    }
    return;
  }
}

async function valueOf(...path: string[]): Promise<string> {
  const [answer] = await scene.vault.readMany([{ path }]);
  if (answer === undefined || answer instanceof Error) throw new Error(`no value of ${path.join("/")}`);
  return answer.value.reveal();
}

test("one command changes the passwords of 50 hosts, each its own, proves them, and leaves no trace at -vvvv", async () => {
  await scene.entry("Admins", "keeper", KEEPER.password);
  const keeper = await scene.vault.findCredential(["Admins", "keeper"]);
  await scene.vault.updateCredential(keeper?.id ?? "", { username: KEEPER.name });
  const { name: vaultName } = await scene.vault.identity();
  const { id: categoryId } = await scene.vault.createCategory({ name: "Hosts", parentId: null });
  const adminRef = `coffre://${vaultName}/Admins/keeper`;
  await scene.vault.createCredentials(
    hosts.all.map((host) => {
      const { address, port, hostKey, name } = host;
      const { kind, account, description } = linuxDriver.parse({ host: address, port, hostKey, adminRef }, "deploy");
      const target = { kind, account, description, accountMade: false, adminId: keeper?.id ?? "" };
      const initial = { value: new Secret(passwordOf(host)), causes: ["command:test"] };
      return { name, categoryId, username: "deploy", targets: [target], initial };
    }),
  );
  const sampler = new ProcessSampler();
  const places = new Map<string, string | Buffer>();
  const run = runPlaybook({
    playbook: join(PLAYBOOKS, "rotate-accounts.yml"),
    binFolder: scene.bin,
    agent: scene.socket,
    inventory: inventoryOf(hosts.all),
    knownHosts: knownHostsOf(hosts.all),
    variables: { hosts_group: "fleet", entries: "Hosts", account: "deploy", parallel: 8, coffre },
    environment: { HOME: scene.folder },
    forks: 10,
    verbosity: 4,
  });
  const written = new Map<string, Buffer>();
  for await (const event of run.events) {
    places.set(`event ${String(event.counter)}`, JSON.stringify(event));
    if (event.event === "playbook_on_play_start" || event.event === "playbook_on_stats") keepFiles(sampler, written);
  }
  const result = await run.successful();
  sampler.stop();
  expect(Object.keys(result.hosts).filter((name) => name !== "localhost")).toHaveLength(FLEET);

  const now = await Promise.all(hosts.all.map(({ name }) => valueOf("Hosts", name)));
  expect(new Set(now).size).toBe(FLEET);
  const [first] = hosts.all;
  if (!first) throw new Error("there is a host");
  const login = { address: first.address, port: first.port, hostKey: first.hostKey, username: "deploy" };
  await expect(opensshLogsIn({ ...login, password: now[0] ?? "" })).resolves.toBe(true);
  await expect(opensshLogsIn({ ...login, password: passwordOf(first) })).resolves.toBe(false);

  const secrets = Object.fromEntries(now.map((value, index) => [`new ${String(index)}`, value]));
  const search = new LeakSearch({ ...secrets, keeper: KEEPER.password, planted: scene.folder });
  for (const [place, content] of places) search.in(place, content);
  for (const [path, content] of written) search.in(path, content);
  for (const [text, place] of sampler.seen) search.in(place, Buffer.from(text, "latin1"));
  search.inFolder(scene.folder);
  expect([...written.keys()].some((path) => path.includes("/job_events/"))).toBe(true);
  expect(sampler.rounds).toBeGreaterThan(20);
  expect(search.findings.some(({ secret }) => secret === "planted")).toBe(true);
  expect(search.findings.filter(({ secret }) => secret !== "planted")).toEqual([]);
});

test("a host that is down is told apart from those that were rotated", async () => {
  const [down, up] = hosts.all;
  if (!down || !up) throw new Error("there are hosts");
  const before = await valueOf("Hosts", up.name);
  await down.kill();
  try {
    const played = await scene.play(join(PLAYBOOKS, "rotate-accounts.yml"), {
      inventory: inventoryOf([down, up]),
      knownHosts: knownHostsOf([down, up]),
      variables: { hosts_group: "fleet", entries: "Hosts", account: "deploy", coffre },
    });
    expect(played.result.status).toBe("failed");
    const failed = played.events.find(({ event }) => event === "runner_on_failed")?.result as {
      code: string;
      rotations: { ref: string; action: string; error: object | null }[];
    };
    expect(failed.code).toBe("UNREACHABLE");
    expect(failed.rotations.map(({ action, error }) => [action, error === null])).toEqual([
      ["none", false],
      ["rotated", true],
    ]);
    expect(await valueOf("Hosts", up.name)).not.toBe(before);
  } finally {
    await down.start();
  }
});

test("a new machine gets an account whose password is in the vault first, and a second run changes nothing", async () => {
  const machine = await hosts.add({ users: [FACTORY] });
  await scene.entry("Images", "debian", FACTORY.password);
  const factory = await scene.vault.findCredential(["Images", "debian"]);
  await scene.vault.updateCredential(factory?.id ?? "", { username: FACTORY.name });
  const options = {
    inventory: inventoryOf([machine]),
    knownHosts: knownHostsOf([machine]),
    variables: { hosts_group: "fleet", entries: "Machines/New", account: "admin", factory: "Images/debian" },
  };
  const first = await scene.play(join(PLAYBOOKS, "bootstrap-vm.yml"), options);
  if (first.result.status !== "successful") {
    // The host isn't reached by what isn't there yet: that attempt is counted, and ignored.
    expect(first.result.hosts[machine.name]).toMatchObject({ failed: 0 });
  }
  const login = { address: machine.address, port: machine.port, hostKey: machine.hostKey };
  const password = await valueOf("Machines", "New", machine.name);
  await expect(opensshLogsIn({ ...login, username: "admin", password })).resolves.toBe(true);
  await expect(opensshLogsIn({ ...login, username: FACTORY.name, password: FACTORY.password })).resolves.toBe(false);
  expect(first.result.warnings).toEqual([]);
  const second = await scene.play(join(PLAYBOOKS, "bootstrap-vm.yml"), options);
  expect(second.result.hosts[machine.name]).toMatchObject({ status: "ok", changed: 0 });
  expect(await valueOf("Machines", "New", machine.name)).toBe(password);
});
