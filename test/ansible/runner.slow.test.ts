import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { AnsibleError, runPlaybook, template } from "../../provider/ansible-runner/index.js";
import { AnsibleScene, HARD_VALUE } from "../fixtures/ansible-scene.js";

jest.setTimeout(1_800_000);

let scene: AnsibleScene;
beforeAll(async () => {
  scene = await AnsibleScene.start();
});
afterAll(() => scene.close());

const local = { ansible_connection: "local", ansible_python_interpreter: template("{{ ansible_playbook_python }}") };
/** A text of the caller may hold anything. */
const HARD_TEXT = `${HARD_VALUE} \u0000 nul`;
const failureOf = (error: unknown) => (error instanceof AnsibleError ? error.failure : error);

/** Processes of this test's runs, which are the ones that have its agent. */
const runsLeft = () =>
  readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, "utf8").includes(`COFFRE_AGENT=${scene.socket}`);
    } catch {
      return false; // it has ended
    }
  });

test("objects become inventory and variables, texts stay as they are, and each host has its status", async () => {
  const playbook = scene.write(
    "objects.yml",
    `- hosts: web
  gather_facts: false
  tasks:
    - {name: same, assert: {that: "given == own and (given | length) == wanted"}}
    - {name: change, command: "true", when: inventory_hostname == 'b'}
    - {name: fail, fail: {msg: no}, when: inventory_hostname == 'c'}
    - name: say
      set_stats: {data: {answer: "it is {{ 6 * 7 }}", home: "{{ lookup('env', 'ANSIBLE_HOME') }}"}}
      run_once: true
`,
  );
  const played = await scene.play(playbook, {
    inventory: {
      web: { hosts: { a: { own: HARD_TEXT }, b: { own: HARD_TEXT }, c: { own: HARD_TEXT } }, vars: local },
      other: { hosts: { d: {} } },
    },
    variables: { given: HARD_TEXT, wanted: HARD_TEXT.length },
  });
  expect(Object.entries(played.result.hosts).map(([name, { status }]) => [name, status])).toEqual([
    ["a", "ok"],
    ["b", "changed"],
    ["c", "failed"],
  ]);
  expect(played.result).toMatchObject({ status: "failed", answers: { answer: "it is 42" } });
  expect(played.events.find(({ event }) => event === "runner_on_failed")).toMatchObject({ host: "c", task: "fail" });
  expect(played.events.map(({ counter }) => counter)).toEqual(played.events.map((_, index) => index + 1));
  expect(played.result.answers["home"]).toMatch(/^\/.*\/cfa-\w+\/h$/);
  expect(existsSync(dirname(String(played.result.answers["home"])))).toBe(false);
});

test("a playbook with a syntax error, and a host that isn't there, are errors of their own", async () => {
  const broken = scene.write("broken.yml", "- hosts: all\n  tasks:\n    - nothing_of_the_kind: {}\n");
  const refused: unknown = await runPlaybook({ playbook: broken, binFolder: scene.bin }).result.catch(
    (error: unknown) => error,
  );
  expect(refused).toMatchObject({ failure: "syntax", problem: expect.stringContaining("broken.yml:3:") });
  const playbook = scene.write("reach.yml", "- hosts: all\n  gather_facts: false\n  tasks:\n    - ping:\n");
  const gone = runPlaybook({
    playbook,
    binFolder: scene.bin,
    inventory: { all: { hosts: { here: local, there: { ansible_host: "127.0.0.1", ansible_port: 1 } } } },
  });
  const error: unknown = await gone.successful().catch((problem: unknown) => problem);
  expect(error).toMatchObject({ failure: "unreachable", hosts: ["there"], code: "UNREACHABLE" });
  expect((await gone.result).hosts).toMatchObject({ here: { status: "ok" }, there: { status: "unreachable" } });
});

test("its time being over ends all that it started, and so does a signal", async () => {
  const mark = scene.write("began", "");
  const playbook = scene.write(
    "long.yml",
    `- hosts: all\n  gather_facts: false\n  tasks:\n    - shell: "setsid sleep 300 & echo x > ${mark}; sleep 300"\n`,
  );
  const over = runPlaybook({ playbook, binFolder: scene.bin, agent: scene.socket, timeLimitMs: 500 });
  expect(failureOf(await over.result.catch((error: unknown) => error))).toBe("timed-out");
  expect(runsLeft()).toEqual([]);
  const control = new AbortController();
  const run = runPlaybook({ playbook, binFolder: scene.bin, agent: scene.socket, signal: control.signal });
  while (readFileSync(mark, "utf8") === "") await delay(50);
  expect(runsLeft().length).toBeGreaterThan(2); // or the search would find nothing ever
  control.abort();
  expect(failureOf(await run.result.catch((error: unknown) => error))).toBe("cancelled");
  expect(runsLeft()).toEqual([]);
});

test("a forgotten no_log is told before anything is started", async () => {
  await scene.entry("Notes", "one", "the value of one");
  const mark = `${scene.folder}/started`;
  const playbook = scene.write(
    "forgotten.yml",
    `- hosts: localhost
  gather_facts: false
  tasks:
    - {name: starts, file: {path: ${mark}, state: touch, mode: "0600"}}
    - {name: shows, debug: {msg: "{{ lookup('coffre.vault.credential', 'Notes/one') }}"}}
`,
  );
  const told: [string, boolean][] = [];
  const played = await scene.play(playbook, { onWarning: ({ task }) => told.push([task, existsSync(mark)]) });
  expect(told).toEqual([["shows", false]]);
  expect(played.result.warnings.map(({ task }) => task)).toEqual(["shows"]);
  expect(played.shown).toContain("the value of one"); // what it warns of
});
