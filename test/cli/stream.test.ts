import { once } from "node:events";
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
