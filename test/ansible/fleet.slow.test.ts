import { join } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { runPlaybook } from "../../provider/ansible-runner/index.js";
import { Secret } from "../../provider/core/secret.js";
import { linuxDriver } from "../../provider/target/linux/driver.js";
import { onHosts, playbookNamed, writeCoffre } from "../fixtures/ansible-hosts.js";
import { AnsibleScene } from "../fixtures/ansible-scene.js";
import { type LinuxHost, type LinuxHosts, opensshLogsIn, startHosts } from "../fixtures/linux-hosts.js";
import { RunTrace } from "../leak/run-trace.ts";

jest.setTimeout(1_800_000);

const FLEET = 50;
const KEEPER = { name: "keeper", password: "CoffreMarker-of-the-keeper-!\"'$", sudo: "free" };
/** Not a secret: the search for leaks has to find it. */
const CONTROL = "CoffreMarker-that-is-to-be-found";
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
  coffre = writeCoffre(scene);
  const keeperId = await scene.entry("Admins", "keeper", KEEPER.password);
  await scene.vault.updateCredential(keeperId, { username: KEEPER.name });
  const { name: vaultName } = await scene.vault.identity();
  const { id: categoryId } = await scene.vault.createCategory({ name: "Hosts", parentId: null });
  const adminRef = `coffre://${vaultName}/Admins/keeper`;
  await scene.vault.createCredentials(
    hosts.all.map((host) => {
      const { address, port, hostKey, name } = host;
      const { kind, account, description } = linuxDriver.parse({ host: address, port, hostKey, adminRef }, "deploy");
      const target = { kind, account, description, accountMade: false, adminId: keeperId };
      const initial = { value: new Secret(passwordOf(host)), causes: ["command:test"] };
      return { name, categoryId, username: "deploy", targets: [target], initial };
    }),
  );
});
afterAll(async () => {
  await hosts.stop();
  await scene.close();
});

async function valueOf(name: string): Promise<string> {
  const [answer] = await scene.vault.readMany([{ path: ["Hosts", name] }]);
  if (answer === undefined || answer instanceof Error) throw new Error(`no value of ${name}`);
  return answer.value.reveal();
}

const rotation = () => ({ hosts_group: "fleet", entries: "Hosts", parallel: 8, coffre });

test(`one command changes the passwords of ${String(FLEET)} hosts, each its own, proves them, and leaves no trace at -vvvv`, async () => {
  const disks = hosts.all.map(({ folder }) => join(folder, "up"));
  const trace = new RunTrace(scene.socket, [
    scene.folder,
    ...disks.flatMap((disk) => ["home", "root", "tmp"].map((name) => join(disk, name))),
  ]);
  const played = await scene.play(playbookNamed("rotate-accounts.yml"), {
    ...onHosts(hosts.all),
    variables: rotation(),
    environment: { HOME: scene.folder, CONTROL },
    forks: 10,
    verbosity: 4,
  });
  trace.stop();
  expect(trace.left()).toEqual([]);
  expect(played.result.status).toBe("successful");
  expect(played.result.warnings).toEqual([]);
  expect(Object.keys(played.result.hosts).filter((name) => name !== "localhost")).toHaveLength(FLEET);

  const now = await Promise.all(hosts.all.map(({ name }) => valueOf(name)));
  expect(new Set(now).size).toBe(FLEET);
  for (const [index, host] of [...hosts.all.entries()].filter((_, place) => place % 10 === 0)) {
    const { address, port, hostKey } = host;
    const login = { address, port, hostKey, username: "deploy" };
    await expect(opensshLogsIn({ ...login, password: now[index] ?? "" })).resolves.toBe(true);
    await expect(opensshLogsIn({ ...login, password: passwordOf(host) })).resolves.toBe(false);
  }

  const address = hosts.host.address;
  const secrets = Object.fromEntries([
    ...now.map((value, index) => [`new ${String(index)}`, value] as const),
    ...hosts.all.map((host) => [`first of ${host.name}`, passwordOf(host)] as const),
  ]);
  const search = trace.search({ ...secrets, keeper: KEEPER.password, CONTROL, address }, played.events);
  for (const { folder } of hosts.all) search.inFolder(folder);
  expect(search.placesOf("CONTROL").some((place) => place.startsWith("environ of process"))).toBe(true);
  expect(search.placesOf("CONTROL").some((place) => place.includes("/artifacts/run/command"))).toBe(true);
  expect(search.placesOf("address").some((place) => place.startsWith("event "))).toBe(true);
  expect(search.placesOf("address").some((place) => place.includes("/job_events/"))).toBe(true);
  expect(trace.processes.rounds).toBeGreaterThan(20);
  expect(search.findings.filter(({ secret }) => secret !== "CONTROL" && secret !== "address")).toEqual([]);
});

test("a host that is down is told apart from those that were rotated", async () => {
  const [down, up] = hosts.all;
  if (!down || !up) throw new Error("there are hosts");
  const before = await valueOf(up.name);
  await down.kill();
  try {
    const played = await scene.play(playbookNamed("rotate-accounts.yml"), {
      ...onHosts([down, up]),
      variables: rotation(),
      environment: { HOME: scene.folder },
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
    expect(await valueOf(up.name)).not.toBe(before);
  } finally {
    await down.start();
  }
});

test("a host that goes down in the middle of a run is unreachable, and the others go on to the end", async () => {
  const [down, up] = hosts.all;
  if (!down || !up) throw new Error("there are hosts");
  const playbook = scene.write(
    "middle.yml",
    `- hosts: fleet
  gather_facts: false
  vars:
    ansible_user: deploy
    ansible_password: "{{ lookup('coffre.vault.credential', 'Hosts/' ~ inventory_hostname) }}"
  tasks:
    - {name: first, ping: }
    - {name: wait, pause: {seconds: 3}}
    - {name: second, ping: }
`,
  );
  const run = runPlaybook({ playbook, binFolder: scene.bin, agent: scene.socket, ...onHosts([down, up]) });
  try {
    for await (const { event, task } of run.events) {
      if (event === "playbook_on_task_start" && task === "wait") await down.kill();
    }
    const { hosts: fared } = await run.result;
    expect(fared[down.name]).toMatchObject({ status: "unreachable", unreachable: 1 });
    expect(fared[up.name]).toMatchObject({ status: "ok", ok: 2, unreachable: 0 });
    await expect(run.successful()).rejects.toMatchObject({ failure: "unreachable", hosts: [down.name] });
  } finally {
    await down.start();
  }
});
