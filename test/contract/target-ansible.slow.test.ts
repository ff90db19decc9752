import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { systemClock } from "../../provider/core/clock.js";
import { Secret } from "../../provider/core/secret.js";
import { commandCause } from "../../provider/rotation/causes.js";
import { closeRotationContext, createRotationContext } from "../../provider/rotation/context.js";
import { reachCauses } from "../../provider/rotation/rotate.js";
import { prepareTargets } from "../../provider/rotation/targets.js";
import { ansibleDriver } from "../../provider/target/ansible/driver.js";
import { createMemoryVault } from "../../provider/vault/memory/memory-vault.js";
import { referenceTo } from "../fixtures/rotation-scene.js";
import { AnsibleHarness } from "./ansible-harness.js";
import { ADMIN } from "./linux-harness.js";

jest.setTimeout(600_000);

const PASSWORD = "CoffreMarker-7 \"x\" \\ 'y' {{ 7 * 7 }}";
const password = new Secret(PASSWORD);
const admin = { username: "admin", password: new Secret("CoffreMarker-of-the-admin"), self: false };

let harness: AnsibleHarness;
beforeAll(async () => {
  harness = await AnsibleHarness.start();
}, 600_000);
afterAll(() => harness.stop());

describe("what playbooks say", () => {
  const folder = mkdtempSync(join(tmpdir(), "coffre-playbooks-"));
  let allowed: string | undefined;
  beforeAll(() => {
    allowed = process.env["COFFRE_PLAYBOOKS"];
    process.env["COFFRE_PLAYBOOKS"] = folder;
    write("look.yml", "    - {name: look, debug: {msg: here}}\n");
  });
  afterAll(() => {
    process.env["COFFRE_PLAYBOOKS"] = allowed;
    rmSync(folder, { recursive: true, force: true });
  });

  /** A play on the controller, for each host of the inventory. @returns its name */
  function write(name: string, tasks: string): string {
    const play = `- hosts: all\n  gather_facts: false\n  connection: local\n  vars: {ansible_python_interpreter: "{{ ansible_playbook_python }}"}\n  tasks:\n`;
    writeFileSync(join(folder, name), play + tasks, { mode: 0o644 });
    return name;
  }

  const specOf = (description: Record<string, unknown> = {}) =>
    ansibleDriver.parse(
      {
        host: "web-1",
        look: "look.yml",
        playbook: "look.yml",
        verify: { playbook: "look.yml" },
        inventory: { a: { host: "a" } },
        adminRef: "coffre://prod/Admins/admin",
        ...description,
      },
      "deploy",
    );
  let number = 0;
  async function setBy(tasks: string, description: Record<string, unknown> = {}) {
    const spec = specOf({ playbook: write(`set-${String(++number)}.yml`, tasks), ...description });
    const session = await ansibleDriver.connect(spec, admin);
    return session.set(spec, password);
  }
  const BOTH = { inventory: { a: { host: "a" }, b: { host: "b" } } };
  const say = (answer: string) => `    - set_stats: {data: {coffre_answer: ${answer}}}\n`;

  test("the value reaches a task as it is, and a reason in which it stands isn't quoted", async () => {
    const same = `    - assert: {that: "value == wanted and login == 'CoffreMarker-of-the-admin'"}\n      no_log: true\n      vars:
        value: "{{ lookup('coffre.vault.credential', 'account') }}"
        login: "{{ lookup('coffre.vault.credential', 'login') }}"\n        wanted: !unsafe ${JSON.stringify(PASSWORD)}\n`;
    await expect(setBy(same)).resolves.toEqual({ result: "set", accountMade: false });
    const tell = (why: string) =>
      `${say("refused")}    - set_stats: {data: {coffre_why: "${why}"}}\n      no_log: true\n`;
    const lookup = "no: {{ lookup('coffre.vault.credential', 'account') }}";
    await expect(setBy(tell(lookup))).resolves.toEqual({ result: "refused", reason: "the device refused" });
    const plain = { result: "refused", reason: "the playbook says: the disk is full" };
    await expect(setBy(tell("the disk is full."))).resolves.toEqual(plain);
  });

  test("of several hosts a yes needs them all, and nothing is taken for unchanged where one was changed", async () => {
    const fails = `${say("done")}    - {name: fail, fail: {msg: no}, when: inventory_hostname == 'b'}\n`;
    await expect(setBy(fails, BOTH)).resolves.toMatchObject({ result: "in-doubt" });
    const changes = `    - {name: change, command: "true", when: inventory_hostname == 'b'}\n${say("value-refused")}`;
    await expect(setBy(changes, BOTH)).resolves.toMatchObject({ result: "in-doubt" });
    await expect(setBy(say("value-refused"), BOTH)).resolves.toMatchObject({ result: "value-refused" });
    await expect(setBy(say("made"), BOTH)).resolves.toEqual({ result: "set", accountMade: true });
  });

  test("what isn't said, or can't be, is no answer, and a set is then in doubt", async () => {
    await expect(setBy("    - {name: fail, fail: {msg: no}}\n")).resolves.toMatchObject({ result: "in-doubt" });
    for (const word of ["maybe", "login-refused\n", "[]", "not-verifiable"]) {
      await expect(setBy(say(JSON.stringify(word)))).resolves.toMatchObject({ result: "in-doubt" });
    }
    const split = say(`"{{ 'done' if inventory_hostname == 'a' else 'refused' }}"`);
    await expect(setBy(split, BOTH)).resolves.toMatchObject({ result: "in-doubt" });
    const slow = setBy("    - {name: wait, command: sleep 60}\n", { limits: { setMs: 3_000 } });
    await expect(slow).resolves.toEqual({ result: "in-doubt", reason: "The run took longer than 3 s and was ended" });
    const spec = specOf();
    await expect(ansibleDriver.verify(spec, password, spec.address)).resolves.toMatchObject({ proof: "unanswered" });
  });

  test("a playbook that can't be read, or would write a value down, sets nothing", async () => {
    const refused = { result: "refused", reason: expect.stringMatching(/^Ansible can't read the playbook set-/) };
    await expect(setBy("    - {name: x, nothing_of_the_kind: }\n")).resolves.toEqual(refused);
    const shows = "    - {name: shows, debug: {msg: \"{{ lookup('coffre.vault.credential', 'account') }}\"}}\n";
    const problem = expect.stringContaining('The task "shows"');
    await expect(setBy(shows)).rejects.toMatchObject({ code: "CONFIGURATION", problem });
  });
});

test("a rotation by playbooks alone: each password is proven by one, and a wrong one is told from a host that is gone", async () => {
  const { host } = harness;
  await harness.makeAccount("rotated", "what it was before");
  const vault = createMemoryVault({ name: "scene", clock: systemClock, actor: "test", source: "test" });
  const context = createRotationContext({ vault, drivers: [ansibleDriver], clock: systemClock });
  const initial = (value: string) => ({ value: new Secret(value), causes: ["command:test"] });
  const [keeper] = await vault.createCredentials([
    { name: "keeper", username: ADMIN.name, categoryId: null, initial: initial(ADMIN.password) },
  ]);
  if (!keeper) throw new Error("no credential was made");
  const { admin: _named, ...described } = harness.description();
  const declared = { ...described, verify: { playbook: "prove.yml" }, adminRef: referenceTo(keeper) };
  const targets = await prepareTargets(context, {
    targets: [{ kind: "ansible", ...declared }],
    username: "rotated",
  });
  const [made] = await vault.createCredentials([
    { name: "rotated", username: "rotated", categoryId: null, targets, initial: initial("what it was before") },
  ]);
  await reachCauses(context, made?.id ?? "", [commandCause()]);
  await closeRotationContext(context);
  const [answer] = await vault.readMany([{ id: made?.id ?? "" }]);
  if (answer === undefined || answer instanceof Error) throw new Error("no value");
  expect(answer).toMatchObject({ version: 2, status: "current" });
  await expect(harness.canLogIn("rotated", answer.value.reveal())).resolves.toBe(true);

  const spec = ansibleDriver.parse(declared, "rotated");
  const refusedBefore = await harness.refusedLogins("rotated");
  await expect(ansibleDriver.verify(spec, password, spec.address)).resolves.toMatchObject({ proof: "refused" });
  expect(await harness.refusedLogins("rotated")).toBe(refusedBefore + 1);
  await host.kill();
  await expect(ansibleDriver.verify(spec, password, spec.address)).resolves.toMatchObject({ proof: "unreachable" });
});
