import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import type { Vault } from "../../provider/vault/port.js";
import { entry, Shell, SLOW_MS } from "./shell.ts";

jest.setTimeout(SLOW_MS);

let shell: Shell;
let vault: Vault;
beforeAll(async () => {
  shell = await Shell.open();
  vault = await shell.makeVault();
  for (let index = 0; index < 60; index++) await entry(vault, `Many/entry-${String(index).padStart(2, "0")}`);
});
afterAll(async () => {
  await vault.close();
  await shell.close();
});

test("events shows the last fifty, from a number, or of one credential", async () => {
  const { head } = await vault.identity();
  const last = (await shell.json(["events"])) as { seq: number }[];
  expect(last.map(({ seq }) => seq)).toEqual(Array.from({ length: 50 }, (_, index) => head - 49 + index));
  expect(await shell.json(["events", "--after", "3", "--limit", "2"])).toMatchObject([{ seq: 4 }, { seq: 5 }]);
  expect(await shell.json(["events", "--limit", "1"])).toEqual([
    {
      seq: head,
      at: expect.any(String),
      actor: "a test",
      action: "credential.created",
      ids: [expect.stringMatching(/^cr_/)],
      version: 1,
      detail: null,
    },
  ]);
  expect(await shell.json(["events", "--ref", "Many/entry-07"])).toMatchObject([{ action: "credential.created" }]);
  expect(await shell.coffre(["events", "--ref", "Many/nothing"])).toMatchObject({ exitCode: 3 });
});

test("events --follow prints what comes, and ends with Ctrl-C", async () => {
  const child = shell.start(["events", "--follow", "--json", "--after", String((await vault.identity()).head)]);
  let stdout = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  const found = await vault.findCredential(["Many", "entry-01"]);
  await vault.readMany([{ id: found?.id ?? "" }]);
  while (!stdout.includes("\n")) await once(child.stdout ?? child, "data");
  const [line = ""] = stdout.split("\n");
  expect(JSON.parse(line)).toMatchObject({ action: "credential.read", ids: [found?.id] });
  const closed = once(child, "close");
  child.kill("SIGINT");
  expect(await closed).toEqual([130, null]);
});

/** Starts `coffre events --follow`, and answers the numbers that it has printed so far. */
function follow(...args: string[]): {
  child: ChildProcess;
  seqs: () => number[];
  until: (seq: number) => Promise<void>;
} {
  const child = shell.start(["events", "--follow", "--format", "json", ...args]);
  let stdout = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  const lines = () => stdout.split("\n").slice(0, -1);
  const seqs = () => lines().map((line) => (JSON.parse(line) as { seq: number }).seq);
  const until = async (seq: number) => {
    while (!seqs().includes(seq)) await once(child.stdout ?? child, "data");
  };
  return { child, seqs, until };
}

test("events --follow misses nothing of writers at work, and goes on where an earlier one was killed", async () => {
  const { head: start } = await vault.identity();
  const first = follow("--after", String(start));
  const write = async (count: number) => {
    for (let turn = 0; turn < count; turn += 1) {
      await vault.readMany([{ path: ["Many", "entry-03"] }, { path: ["Many", "entry-04"] }]);
      await delay(5);
    }
  };
  const other = shell.openVault();
  await Promise.all([
    write(20),
    (async () => {
      for (let turn = 0; turn < 10; turn += 1) await entry(other, `Many/during-${turn}`);
    })(),
  ]);
  const { head: middle } = await vault.identity();
  await first.until(middle);
  first.child.kill("SIGKILL");
  await write(5);
  const last = first.seqs().at(-1) ?? 0;
  const second = follow("--after", String(last));
  const { head: end } = await vault.identity();
  await second.until(end);
  const closed = once(second.child, "close");
  second.child.kill("SIGTERM");
  expect(await closed).toEqual([143, null]);
  const all = [...first.seqs(), ...second.seqs()];
  expect(all).toEqual(Array.from({ length: end - start }, (_, index) => start + 1 + index));
  await other.close();
});

test("events --format rfc5424 prints one line of syslog an event", async () => {
  const { stdout, exitCode } = await shell.coffre(["events", "--format", "rfc5424", "--after", "1", "--limit", "3"]);
  expect(exitCode).toBe(0);
  const lines = stdout.trimEnd().split("\n");
  expect(lines).toHaveLength(3);
  for (const [index, line] of lines.entries()) {
    expect(line).toMatch(/^<1(10|08)>1 \d{4}-\S+Z \S+ coffre - \S+ \[coffre@32473 seq="\d+" vault="main" /);
    expect(line).toContain(`seq="${index + 2}"`);
  }
});

test.each([
  [["--format", "xml"], "--format takes text, json or rfc5424"],
  [["--format", "rfc5424", "--json"], "--json and --format say two things"],
])("events %j is refused", async (args, problem) => {
  const { stderr, exitCode } = await shell.coffre(["events", ...args]);
  expect({ exitCode, said: stderr.includes(problem) }).toEqual({ exitCode: 2, said: true });
});

test("a slow reader holds up the writer, and Ctrl-C ends it all the same", async () => {
  const child = shell.start(["events", "--format", "json", "--follow", "--after", "0"]);
  child.stdout?.pause();
  await delay(3_000);
  const closed = once(child, "close");
  child.kill("SIGINT");
  child.stdout?.resume();
  expect(await closed).toEqual([130, null]);
});

test("a reader that goes away is no failure", async () => {
  const child = shell.start(["events", "--follow", "--after", "0"]);
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  await once(child.stdout ?? child, "data");
  const closed = once(child, "close");
  child.stdout?.destroy();
  await vault.readMany([{ path: ["Many", "entry-02"] }]); // something more to print
  expect(await closed).toEqual([0, null]);
  expect(stderr).toBe("");
});

test("a re-key ends what follows, with a code that a service manager starts it again for", async () => {
  const { head } = await vault.identity();
  const { child, until } = follow("--after", String(head));
  await vault.readMany([{ path: ["Many", "entry-05"] }]);
  await until(head + 1);
  const closed = once(child, "close");
  await shell.json(["vault", "rekey"]);
  expect(await closed).toEqual([6, null]);
});
