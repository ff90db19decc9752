import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { runPlaybook } from "../../provider/ansible-runner/index.js";
import { findForgottenNoLog } from "../../provider/ansible-runner/no-log.js";
import { template } from "../../provider/ansible-runner/options.js";

const folder = mkdtempSync(join(tmpdir(), "coffre-no-log-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

const VALUE = `"{{ lookup('coffre.vault.credential', 'a/b') }}"`;
const tasksOf = async (path: string) => (await findForgottenNoLog(path)).map(({ task }) => task);

test("a task that uses a value without no_log is found, in blocks and by its number too", async () => {
  const playbook = write(
    "tasks.yml",
    `- hosts: all
  tasks:
    - name: first
      copy: {content: ${VALUE}, dest: /x}
    - copy: {content: ${VALUE}, dest: /x}
    - name: kept
      copy: {content: ${VALUE}, dest: /x}
      no_log: true
    - name: decided
      copy: {content: ${VALUE}, dest: /x}
      no_log: "{{ quiet }}"
    - name: opened
      copy: {content: ${VALUE}, dest: /x}
      no_log: false
    - block:
        - name: inner
          copy: {content: ${VALUE}, dest: /x}
      rescue:
        - {name: rescued, copy: {content: ${VALUE}, dest: /x}}
    - no_log: true
      block:
        - {name: covered, copy: {content: ${VALUE}, dest: /x}}
    - {name: other, ping: {}}
`,
  );
  expect(await tasksOf(playbook)).toEqual(["first", "number 2", "opened", "inner", "rescued"]);
});

test("a variable made of a value counts where it is used, and a connection's own nowhere", async () => {
  const playbook = write(
    "vars.yml",
    `- hosts: all
  vars:
    ansible_password: ${VALUE}
    key: ${VALUE}
    line: "key={{ key }}"
  tasks:
    - {name: login, ping: {}}
    - {name: uses, copy: {content: "{{ key }}", dest: /x}}
    - {name: through, copy: {content: "{{ line }}", dest: /x}}
    - {name: says its name, debug: {msg: key}}
    - name: logs in as another
      ping: {}
      vars: {ansible_become_password: ${VALUE}}
`,
  );
  expect(await tasksOf(playbook)).toEqual(["uses", "through"]);
});

test("what is included by name is read with what holds around it", async () => {
  write("inc/more.yml", `- {name: included, copy: {content: ${VALUE}, dest: /x}}\n`);
  write("roles/web/tasks/main.yml", `- {name: of the role, copy: {content: ${VALUE}, dest: /x}}\n`);
  write("other.yml", `- hosts: all\n  tasks:\n    - {name: of the other, copy: {content: ${VALUE}, dest: /x}}\n`);
  const playbook = write(
    "includes.yml",
    `- hosts: all
  roles: [web]
  tasks:
    - include_tasks: inc/more.yml
- hosts: all
  no_log: true
  tasks:
    - ansible.builtin.import_tasks: {file: inc/more.yml}
    - include_tasks: "{{ name }}.yml"
- import_playbook: other.yml
`,
  );
  expect(await tasksOf(playbook)).toEqual(["included", "of the role", "of the other"]);
});

test("a file that can't be read, or isn't YAML, is left to Ansible", async () => {
  expect(await tasksOf(join(folder, "nowhere.yml"))).toEqual([]);
  expect(await tasksOf(write("broken.yml", "- hosts: [\n"))).toEqual([]);
});

test("a variable that the caller gives counts as one of the playbook: of a host, a group, or of the run", async () => {
  const playbook = write(
    "given.yml",
    `- hosts: all
  tasks:
    - {name: of a host, copy: {content: "{{ host_key }}", dest: /x}}
    - {name: of a group, copy: {content: "{{ group_line }}", dest: /x}}
    - {name: of the run, copy: {content: "{{ run_key }}", dest: /x}}
    - {name: a text, copy: {content: "{{ text }}", dest: /x}}
    - {name: kept, copy: {content: "{{ run_key }}", dest: /x}, no_log: true}
    - {name: login, ping: {}}
`,
  );
  const value = template("{{ lookup('coffre.vault.credential', 'a/b') }}");
  const found = await findForgottenNoLog(playbook, {
    inventory: {
      all: {
        hosts: { "web-1": { host_key: value, ansible_password: value } },
        children: { web: { vars: { group_line: template("key={{ host_key }}") } } },
      },
    },
    variables: { run_key: [{ inner: value }], text: "lookup('other')" },
  });
  expect(found.map(({ task }) => task)).toEqual(["of a host", "of a group", "of the run"]);
});

test("a playbook that isn't there, or is a folder, is said to be so before Ansible is looked for", async () => {
  for (const [playbook, what] of [
    [join(folder, "nofile.yml"), "isn't there"],
    [folder, "is no file"],
  ] as const) {
    await expect(runPlaybook({ playbook, binFolder: "/nowhere" }).result).rejects.toMatchObject({
      code: "INVALID_INPUT",
      problem: `The run's playbook ${playbook} ${what}`,
    });
  }
});
