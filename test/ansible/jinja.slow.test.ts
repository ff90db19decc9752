import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { ESCAPES } from "../../provider/core/escape.js";
import { AnsibleScene } from "../fixtures/ansible-scene.js";
import { HARD_TEXTS } from "../fixtures/hard-texts.js";

jest.setTimeout(300_000);

/** What `coffre inject` writes by its filter `jinja`. */
const TEXTS = [...HARD_TEXTS, "a\0b"];
const WRITTEN = TEXTS.map((text) => {
  const escaped = ESCAPES.jinja(text);
  if ("problem" in escaped) throw new Error(escaped.problem);
  return escaped.text;
});

let scene: AnsibleScene;
beforeAll(async () => {
  scene = await AnsibleScene.start();
});
afterAll(() => scene.close());

test("Jinja renders each as the value that it was written for", () => {
  const script =
    "import json, sys, jinja2\nprint(json.dumps([jinja2.Template(text).render() for text in json.load(sys.stdin)]))";
  const said = execFileSync(join(scene.bin, "python"), ["-c", script], { input: JSON.stringify(WRITTEN) });
  expect(JSON.parse(said.toString())).toEqual(TEXTS);
});

test("Ansible does, too, in a playbook's variables and in a template", async () => {
  const variables = WRITTEN.map((text, index) => `    v${String(index)}: '${text}'\n`).join("");
  const same = TEXTS.map((_, index) => `v${String(index)} == given[${String(index)}]`);
  scene.write("hard.j2", `[${WRITTEN.map((text) => text.replace(/ \}\}$/, " | to_json }}")).join(",")}]`);
  const playbook = scene.write(
    "jinja.yml",
    `- hosts: localhost
  gather_facts: false
  vars:
${variables}  tasks:
    - assert: {that: ${JSON.stringify(same)}}
    - assert: {that: "lookup('template', 'hard.j2', convert_data=false) | from_json == given"}
`,
  );
  const { result, shown } = await scene.play(playbook, { variables: { given: TEXTS } });
  expect({ status: result.status, shown: result.status === "successful" ? "" : shown }).toEqual({
    status: "successful",
    shown: "",
  });
});

test.each([
  ["postgresql", "[1,2]", String.raw`\connect 'postgresql://app:%5B1%2C2%5D@db'`],
  ["mariadb", "[1,2]", '[client]\nuser=app\npassword="[1,2]"'],
  ["mariadb", "{'a':1}", `[client]\nuser=app\npassword="{'a':1}"`],
])(
  "the playbook for %s logs in with the password %s as it is, though it is written as a list or a mapping",
  async (engine, password, login) => {
    const category = `${engine} ${String(password.length)}`;
    await scene.entry(category, "app", password);
    const file = new URL(`../../ansible/playbooks/tasks/database-${engine}.yml`, import.meta.url);
    const tasks = parse(readFileSync(file, "utf8")) as {
      name: string;
      vars?: object;
      "ansible.builtin.command": object;
    }[];
    const found = tasks.find(({ name }) => name === "Try whether its password works already");
    const tried = { ...found?.["ansible.builtin.command"], cmd: "cat" };
    const path = join(scene.folder, "login");
    const played = await scene.play(
      scene.write(
        "login.yml",
        JSON.stringify([
          {
            hosts: "localhost",
            gather_facts: false,
            vars: { entries: category, address: "db", item: { name: "app" }, ...found?.vars },
            tasks: [
              { "ansible.builtin.command": tried, register: "read" },
              { "ansible.builtin.copy": { dest: path, content: "{{ read.stdout }}" } },
            ],
          },
        ]),
      ),
    );
    expect(played.result.status).toBe("successful");
    expect(readFileSync(path, "utf8")).toBe(login);
  },
);
