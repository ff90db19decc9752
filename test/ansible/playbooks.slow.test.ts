import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { type LinuxHosts, opensshLogsIn, startHosts } from "../fixtures/linux-hosts.js";
import { expectSuccess, PlaybookScene } from "../fixtures/playbook-scene.js";

jest.setTimeout(900_000);

const FACTORY = { name: "factory", password: "CoffreMarker-of-the-factory-1", sudo: "password" };

let scene: PlaybookScene;
let hosts: LinuxHosts;

beforeAll(async () => {
  scene = await PlaybookScene.start();
  hosts = await startHosts({ users: [FACTORY] });
});
afterAll(async () => {
  await hosts.stop();
  await scene.close();
});

test("a new machine gets an account whose password is in the vault first, and a second run changes nothing", async () => {
  const machine = hosts.host;
  const { ansible } = scene;
  const factoryId = await ansible.entry("Images", "debian", FACTORY.password);
  await ansible.vault.updateCredential(factoryId, { username: FACTORY.name });
  const variables = { hosts_group: "fleet", entries: "Machines/New", account: "admin", factory: "Images/debian" };
  const first = await scene.play("bootstrap-vm.yml", machine, variables);
  expectSuccess(first);
  const password = await scene.valueOf("Machines", "New", machine.name);
  scene.expectNoTrace(machine, { password, factory: FACTORY.password });
  expect(first.result.warnings).toEqual([]);
  const login = { address: machine.address, port: machine.port, hostKey: machine.hostKey };
  await expect(opensshLogsIn({ ...login, username: "admin", password })).resolves.toBe(true);
  await expect(opensshLogsIn({ ...login, username: FACTORY.name, password: FACTORY.password })).resolves.toBe(false);

  const second = await scene.play("bootstrap-vm.yml", machine, variables);
  expect(second.result.hosts[machine.name]).toMatchObject({ status: "ok", changed: 0 });
  expect(await scene.valueOf("Machines", "New", machine.name)).toBe(password);

  // As if the first run had been cut off before its last task.
  await machine.must(`usermod -U ${FACTORY.name}`);
  expectSuccess(await scene.play("bootstrap-vm.yml", machine, variables));
  await expect(opensshLogsIn({ ...login, username: FACTORY.name, password: FACTORY.password })).resolves.toBe(false);
});
