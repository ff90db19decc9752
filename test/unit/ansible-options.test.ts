import { expect, test } from "@jest/globals";
import { parse } from "yaml";
import {
  AnsibleError,
  CoffreError,
  type PlaybookArgs,
  runPlaybook,
  template,
} from "../../provider/ansible-runner/index.js";
import { originIn, parseEvent } from "../../provider/ansible-runner/events.js";
import { toYaml } from "../../provider/ansible-runner/private-data.js";
import { Secret } from "../../provider/core/secret.js";

test("only what is marked is a template; every other text stays as it is", () => {
  const hard = "a'b\"c\n\t$x %d {{ 7 * 7 }} {% if %} {# #}\u0000: - [x] !y é \u0085\u2028\ufeff";
  const text = toYaml({
    all: { hosts: { "web-1": { hard, made: template("{{ lookup('x') }}"), plain: "x", no: "no", empty: "" } } },
  });
  expect(text).toContain('made: "{{ lookup(');
  expect(text).toMatch(/hard: !unsafe "/);
  expect(text).not.toMatch(/[\u0085\u2028\ufeff]/); // which Ansible's YAML reads as other characters
  const read = parse(text, { customTags: [{ tag: "!unsafe", resolve: (value: string) => value }] }) as unknown;
  expect(read).toEqual({
    all: { hosts: { "web-1": { hard, made: "{{ lookup('x') }}", plain: "x", no: "no", empty: "" } } },
  });
});

test.each([
  [{ playbook: "site.yml" }, "playbook"],
  [{ playbook: "/site.yml", forks: 0 }, "forks"],
  [{ playbook: "/site.yml", variables: { "a-b": 1 } }, "variables"],
  [{ playbook: "/site.yml", inventory: { all: { host: {} } } }, "inventory"],
  [{ playbook: "/site.yml", knownHosts: ["a\nb"] }, "knownHosts"],
])("%j is refused at once", (options, field) => {
  // What JavaScript would let pass.
  expect(() => runPlaybook(options as unknown as PlaybookArgs)).toThrow(
    expect.objectContaining({ code: "INVALID_INPUT", problem: expect.stringContaining(field) }),
  );
});

test("a secret is refused wherever it stands, and isn't quoted", () => {
  const secret = new Secret("Marker-of-a-secret");
  const variables = { list: [{ deep: secret }] } as unknown as Record<string, string>;
  const error = catchOf(() => runPlaybook({ playbook: "/site.yml", variables }));
  expect(error).toMatchObject({ code: "INVALID_INPUT", details: { field: "variables.list.0.deep" } });
  expect(String(error)).not.toContain("Marker");
});

test("programs that aren't there are named, with how to get them", async () => {
  const run = runPlaybook({ playbook: import.meta.filename, binFolder: "/nowhere" });
  const error: unknown = await run.result.catch((problem: unknown) => problem);
  expect(error).toBeInstanceOf(AnsibleError);
  expect(error).toBeInstanceOf(CoffreError);
  expect(error).toMatchObject({
    failure: "not-installed",
    code: "CONFIGURATION",
    hint: expect.stringContaining("pip install"),
  });
  for await (const event of run.events) throw new Error(`an event: ${event.event}`);
});

test("one that is cancelled before it begins starts nothing", async () => {
  const run = runPlaybook({ playbook: "/site.yml", binFolder: "/nowhere", signal: AbortSignal.abort() });
  await expect(run.successful()).rejects.toMatchObject({ failure: "cancelled" });
});

test("a line that is no event is passed over, and statistics say how each host fared", () => {
  expect(parseEvent("Traceback (most recent call last):")).toBeUndefined();
  expect(parseEvent('{"status": "starting"}')).toBeUndefined();
  const data = {
    ok: { a: 2, b: 1, c: 1 },
    changed: { b: 1 },
    failures: { c: 1 },
    dark: { d: 1 },
    artifact_data: { x: "y" },
  };
  const line = JSON.stringify({ uuid: "u", counter: 9, event: "playbook_on_stats", event_data: data });
  const { statistics } = parseEvent(line) ?? {};
  expect(Object.entries(statistics?.hosts ?? {}).map(([name, { status }]) => [name, status])).toEqual([
    ["a", "ok"],
    ["b", "changed"],
    ["c", "failed"],
    ["d", "unreachable"],
  ]);
  expect(statistics?.answers).toEqual({ x: "y" });
});

test.each([
  ["Origin: /srv/site.yml:3:7", "/srv/site.yml:3:7"],
  ["The error appears to be in '/srv/it's here.yml': line 3, column 7, but may", "/srv/it's here.yml:3:7"],
  ["ERROR! couldn't resolve module/action 'nothing'", undefined],
])("%j says where a mistake is", (line, origin) => {
  expect(originIn(line)).toBe(origin);
});

function catchOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}
