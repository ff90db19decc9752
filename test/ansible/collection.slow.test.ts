import { chmodSync } from "node:fs";
import { resolve } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { Secret } from "../../provider/core/secret.js";
import { LockselfScene } from "../fixtures/lockself-scene.js";
import { LockselfStandIn, STAND_IN_TOKENS } from "../fixtures/lockself-stand-in.js";
import { ServerScene } from "../fixtures/server-scene.js";
import { AnsibleScene, HARD_VALUE } from "../fixtures/ansible-scene.js";
import { v1Front } from "../../provider/server/v1/front.js";

jest.setTimeout(1_800_000);

const COLLECTION = resolve(import.meta.dirname, "../../ansible/ansible_collections/coffre/vault");

let scene: AnsibleScene;
beforeAll(async () => {
  scene = await AnsibleScene.start();
});
afterAll(() => scene.close());

/** A playbook on the controller with these tasks. */
const onController = (tasks: string) => `- hosts: localhost\n  gather_facts: false\n  tasks:\n${tasks}`;
const includes = (target: string) =>
  onController(`    - include_tasks: ${COLLECTION}/tests/integration/targets/${target}/tasks/main.yml\n`);

/** The way to a space by LockSelf's routes. @param tokens files of both tokens, or of the one that is both */
function overLockself(origin: string, space: string, ...tokens: [auth: string, ls?: string]) {
  const [auth, ls = auth] = tokens;
  return {
    COFFRE_AGENT: "",
    COFFRE_URL: `lockself+${origin}/${space}`,
    COFFRE_LOCKSELF_AUTH_TOKEN_FILE: auth,
    COFFRE_LOCKSELF_LS_TOKEN_FILE: ls,
  };
}

/** What went wrong, for a message that helps. */
const failures = ({ events }: Awaited<ReturnType<AnsibleScene["play"]>>) =>
  events
    .filter(({ event, stdout }) => event.endsWith("_failed") && !stdout.includes("...ignoring"))
    .map(({ stdout }) => stdout);

test("modules and lookup do on an agent what they say, in check mode too, and change nothing twice", async () => {
  const { name } = await scene.vault.identity();
  await scene.vault.people.createPrincipal({ kind: "group", name: "dba" });
  const played = await scene.play(scene.write("vault.yml", includes("vault")), {
    variables: { hard_value: HARD_VALUE, vault_name: name },
  });
  if (played.result.status !== "successful") throw new Error(failures(played).join("\n"));
  expect(played.result.status).toBe("successful");
  expect(played.shown).not.toContain("Mark'er");
});

test("entries and categories go by LockSelf's routes too", async () => {
  const lockself = await LockselfScene.start();
  try {
    await lockself.category("Robots");
    const file = scene.write("lockself-token", lockself.token);
    const played = await scene.play(scene.write("lockself.yml", includes("lockself")), {
      variables: { hard_value: HARD_VALUE, hard_note: 'it\'s {{ 7 * 7 }} "$HOME" %' },
      environment: overLockself(lockself.server.origin, "Robots", file),
    });
    if (played.result.status !== "successful") throw new Error(failures(played).join("\n"));
    expect(Object.values(played.result.hosts)[0]?.failed).toBe(0);
  } finally {
    await lockself.close();
  }
});

test("by LockSelf's routes two of a name, a refusal and a server that is gone are told as what they are, and quote nothing", async () => {
  const standIn = await LockselfStandIn.start();
  const { origin } = standIn;
  const { auth, ls } = STAND_IN_TOKENS;
  const files = [scene.write("auth-token", auth), scene.write("ls-token", ls)] as const;
  standIn.categories.set(1, { id: 1, name: "Robots", parentId: null });
  for (const name of ["double", "double", "single"]) standIn.put(1, name, { password: "Mark'er of LockSelf" });
  standIn.fault = ({ route }) =>
    route === "credentials.decrypt" ? { status: 403, body: { message: "Mark'er of LockSelf" } } : undefined;
  const ask = async (name: string) => {
    const task = `    - debug: {msg: "{{ lookup('coffre.vault.credential', '${name}') }}"}\n`;
    const environment = overLockself(origin, "Robots", ...files);
    const { shown } = await scene.play(scene.write("ask.yml", onController(task)), { environment, verbosity: 4 });
    expect(shown).not.toContain("Mark'er");
    return shown;
  };
  try {
    expect(await ask("double")).toContain("CONFLICT: ");
    expect(await ask("single")).toContain("FORBIDDEN: ");
  } finally {
    await standIn.close();
  }
  expect(await ask("single")).toContain("UNREACHABLE: ");
});

test("who has no right to read is told so by a server, and a thousand values come by one request", async () => {
  const server = await ServerScene.start({ fronts: [v1Front] });
  try {
    const { vault } = server;
    const [mine, others] = await Promise.all(
      ["Mine", "Others"].map(async (category) => (await vault.createCategory({ name: category, parentId: null })).id),
    );
    const token = await server.token("runner");
    const user = await vault.people.findPrincipal("user", "runner");
    await vault.people.createGrant({ categoryId: mine ?? "", principalId: user?.id ?? "", role: "editor" });
    const admin = await server.token("root", { role: "administrator" });
    const names = Array.from({ length: 1_000 }, (_, index) => `host-${String(index)}`);
    const inputs = [...names.map((name) => ({ name, categoryId: mine })), { name: "x", categoryId: others }].map(
      (input) => ({
        ...input,
        valueManagedBy: "external",
        initial: { value: `value of ${input.name}`, causes: ["command:test"] },
      }),
    );
    const headers = { "x-coffre-request": crypto.randomUUID() };
    await server.send("/v1/create-credentials", { token: admin, headers, body: { inputs } });
    server.log.length = 0;
    const all = `lookup('coffre.vault.credential', *(range(1000) | map('regex_replace', '^', 'Mine/host-') | list), form='by_reference')`;
    const played = await scene.play(
      scene.write(
        "served.yml",
        onController(
          `    - set_fact: {read: "{{ ${all} }}"}\n      no_log: true\n` +
            `    - assert: {that: "read['Mine/host-999'] == 'value of host-999'"}\n      no_log: true\n` +
            `    - debug: {msg: "{{ lookup('coffre.vault.credential', 'Others/x') }}"}\n      ignore_errors: true\n      register: refused\n` +
            `    - assert: {that: "'FORBIDDEN:' in refused.msg"}\n`,
        ),
      ),
      {
        environment: {
          COFFRE_AGENT: "",
          COFFRE_URL: `coffre+${server.origin}`,
          COFFRE_TOKEN_FILE: scene.write("token", token),
        },
      },
    );
    if (played.result.status !== "successful") throw new Error(failures(played).join("\n"));
    expect(server.log).toHaveLength(2);
  } finally {
    await server.close();
  }
});

test("an agent that is gone, and none at all, are named as what they are", async () => {
  const playbook = scene.write(
    "gone.yml",
    onController(`    - debug: {msg: "{{ lookup('coffre.vault.credential', 'a/b') }}"}\n`),
  );
  const gone = await scene.play(playbook, { agent: `${scene.folder}/nothing.sock` });
  expect(gone.result.status).toBe("failed");
  expect(gone.shown).toContain(`UNREACHABLE: There is no agent at ${scene.folder}/nothing.sock`);
  const none = await scene.play(playbook, { environment: { COFFRE_AGENT: "" } });
  expect(none.shown).toContain("CONFIGURATION: No vault is named");
});

test("the seed of one-time codes is handed out to nobody who asks for a code, in no form of the answer", async () => {
  const id = await scene.entry("Partners", "portal", "the password of portal");
  const seed = new Secret("JBSWY3DPEHPK3PXP");
  await scene.vault.updateCredential(id, {
    fields: [{ change: "put", name: "code", type: "totp", value: seed, cause: "command:test" }],
  });
  for (const form of ["values", "by_reference", "entries"]) {
    const asked = `lookup('coffre.vault.credential', 'Partners/portal?field=code', form='${form}')`;
    const { result, shown } = await scene.play(
      scene.write("code.yml", onController(`    - debug: {msg: "{{ ${asked} }}"}\n`)),
    );
    expect(result.status).toBe("failed");
    expect(shown).toContain("NOT_SUPPORTED: One-time codes aren't handed out here");
    expect(shown).not.toContain(seed.reveal());
  }
});

test("rotate runs the command where the task runs, and says what became of each entry", async () => {
  await scene.entry("Rotated", "one", "the first value of one");
  const root = resolve(import.meta.dirname, "../..");
  const start = `exec "${process.execPath}" --disable-warning=ExperimentalWarning "${root}/tools/served/main.ts" "$@"`;
  const coffre = scene.write("coffre", `#!/bin/sh\n${start}\n`);
  chmodSync(coffre, 0o755);
  const task = (reference: string, more: string) =>
    `    - coffre.vault.rotate: {references: ["${reference}"], executable: "${coffre}"}\n${more}`;
  const played = await scene.play(
    scene.write(
      "rotate.yml",
      onController(
        task("Rotated/one", "      check_mode: true\n      register: planned\n") +
          task("Rotated/one", "      register: done\n") +
          task("Rotated/two", "      register: unknown\n      ignore_errors: true\n") +
          `    - assert:\n        that:\n          - planned.changed and done.changed\n` +
          `          - done.rotations[0].action == 'rotated' and done.rotations[0].version == 2\n` +
          `          - unknown.code == 'NOT_FOUND'\n`,
      ),
    ),
    { environment: { HOME: scene.folder } },
  );
  if (played.result.status !== "successful") throw new Error(failures(played).join("\n"));
  const [answer] = await scene.vault.readMany([{ path: ["Rotated", "one"] }]);
  expect(answer).toMatchObject({ version: 2 });
});
