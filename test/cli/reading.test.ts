import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { Secret } from "../../provider/core/secret.js";
import type { Vault } from "../../provider/vault/port.js";
import { category, entry, Shell, SLOW_MS } from "./shell.ts";

jest.setTimeout(SLOW_MS);

let shell: Shell;
let vault: Vault;
beforeAll(async () => {
  shell = await Shell.open();
  vault = await shell.makeVault();
  await entry(vault, "Production/Databases/orders-app", {
    username: "orders_app",
    value: "first 'value' with $signs",
    description: "The shop's own account",
    tags: ["shop"],
    rotation: { everyDays: 90, when: "scheduled" },
  });
  await category(vault, "Production/Network");
  const partner = await entry(vault, "Partners/mail & more", { value: null, valueManagedBy: "external" });
  await vault.updateCredential(partner, { description: "two\u001b[2Jlines" });
  const rotating = await entry(vault, "Partners/half-done", { username: "half" });
  await stage(rotating, "pending value");
  const retired = await entry(vault, "Partners/retired");
  await vault.archiveCredential(retired, {});
});
afterAll(async () => {
  await vault.close();
  await shell.close();
});

/** Leaves a version pending, as a killed run does. */
async function stage(id: string, value: string): Promise<void> {
  const { lease } = await vault.acquireLease(id, { holder: "a run that was killed", ttlSeconds: 60 });
  await vault.record(lease, [
    { step: "stage", value: new Secret(value), causes: ["due:2026-03-01T00:00:00.000Z"], accounts: [] },
    { step: "release" },
  ]);
}

test("list shows the tree, with what is wrong beside each name", async () => {
  const { stdout, stderr, exitCode } = await shell.coffre(["list"]);
  expect(stdout).toBe(`Partners/
├─ half-done  half  rotating
└─ mail & more  awaiting-value
Production/
├─ Databases/
│  └─ orders-app  orders_app
└─ Network/
`);
  expect(stderr).toBe("3 credentials in 4 categories, vault main.\n");
  expect(exitCode).toBe(0);
});

test("list shows one branch, archived entries, or paths that can be typed", async () => {
  expect((await shell.coffre(["list", "Production/Databases"])).stdout).toBe("Databases/\n└─ orders-app  orders_app\n");
  expect(shell.plain((await shell.coffre(["list", "--archived"])).stdout)).toBe("Partners/\n└─ retired  <cr>\n");
  expect((await shell.coffre(["list", "--paths"])).stdout).toBe(
    "Partners/half-done\nPartners/mail%20%26%20more\nProduction/Databases/orders-app\n",
  );
  expect(await shell.coffre(["list", "Production/Nothing"])).toEqual({
    stdout: "",
    stderr: "coffre: There is no category Production/Nothing\n  `coffre list` shows the whole tree.\n",
    exitCode: 3,
  });
});

test("get shows everything but the value", async () => {
  const { stdout, exitCode } = await shell.coffre(["get", "Production/Databases/orders-app"]);
  expect(shell.plain(stdout)).toBe(`Production/Databases/orders-app
reference      coffre://main/Production/Databases/orders-app
by id          coffre://main/id/<cr>
user name      orders_app
description    The shop's own account
tags           shop
status         current
version        version 1, not verified
current since  <date> UTC
rhythm         every 90 days, by coffre rotate --due; due <date> UTC
created        <date> UTC
readers        Whoever holds a key of this vault reads everything in it: a file can't enforce rights.
`);
  expect(stdout).not.toContain("first 'value'");
  expect(exitCode).toBe(0);
});

test("text of the vault can't move the cursor of a terminal", async () => {
  const { stdout } = await shell.coffre(["get", "Partners/mail%20%26%20more"]);
  expect(stdout).toContain("two\\u{1b}[2Jlines");
  expect(stdout).not.toContain("\u001b");
});

test("read prints the value and nothing else, by path, by reference and by id", async () => {
  const value = "first 'value' with $signs";
  const path = "Production/Databases/orders-app";
  expect(await shell.coffre(["read", path])).toEqual({ stdout: `${value}\n`, stderr: "", exitCode: 0 });
  expect(await shell.coffre(["read", "-n", `coffre://main/${path}`])).toMatchObject({ stdout: value, stderr: "" });
  const { id, idRef } = (await shell.json(["get", path])) as { id: string; idRef: string };
  expect(await shell.coffre(["read", id])).toMatchObject({ stdout: `${value}\n` });
  expect(await shell.json(["read", idRef])).toEqual({
    ref: `coffre://main/${path}`,
    id,
    version: 1,
    status: "current",
    username: "orders_app",
    field: "password",
    type: "secret",
    encoding: "utf8",
    value,
  });
});

test("read warns while a rotation is under way, and reads any version", async () => {
  expect(await shell.coffre(["read", "Partners/half-done"])).toEqual({
    stdout: "a value that tests know\n",
    stderr: "warning: Partners/half-done is being rotated: the target may already want the pending version.\n",
    exitCode: 0,
  });
  expect(await shell.coffre(["read", "--quiet", "Partners/half-done?version=pending"])).toEqual({
    stdout: "pending value\n",
    stderr: "",
    exitCode: 0,
  });
  expect(await shell.coffre(["read", "--quiet", "Partners/half-done?version=1"])).toMatchObject({
    stdout: "a value that tests know\n",
  });
});

test("history lists versions and why they exist, and no value", async () => {
  const { stdout } = await shell.coffre(["history", "Partners/half-done"]);
  expect(shell.plain(stdout)).toBe(`version  state    proof         since                 why
2        pending  not verified  <date> UTC  its rhythm (due <date> UTC)
1        current  not verified  <date> UTC  a command
`);
  expect(await shell.json(["history", "Partners/half-done"])).toEqual([
    {
      version: 2,
      username: null,
      valueRemovedAt: null,
      state: "pending",
      verified: false,
      causes: [{ kind: "due", date: "2026-03-01T00:00:00.000Z" }],
      createdAt: expect.any(String),
      promotedAt: null,
      discardReason: null,
    },
    {
      version: 1,
      username: null,
      valueRemovedAt: null,
      state: "current",
      verified: false,
      causes: [{ kind: "command", date: null }],
      createdAt: expect.any(String),
      promotedAt: expect.any(String),
      discardReason: null,
    },
  ]);
});

test("the keys of --json are a promise", async () => {
  const shape = {
    ref: "coffre://main/Production/Databases/orders-app",
    idRef: expect.stringMatching(/^coffre:\/\/main\/id\/cr_/),
    id: expect.stringMatching(/^cr_/),
    path: ["Production", "Databases", "orders-app"],
    username: "orders_app",
    url: null,
    description: "The shop's own account",
    tags: ["shop"],
    status: "current",
    source: "generated",
    currentVersion: 1,
    verified: false,
    promotedAt: expect.any(String),
    rotation: { everyDays: 90, when: "scheduled" },
    dueAt: expect.any(String),
    due: false,
    opensAt: null,
    targets: [],
    draining: [],
    leaving: [],
    notify: [],
    notices: [],
    fields: [],
    owned: false,
    attention: null,
    createdAt: expect.any(String),
    archivedAt: null,
  };
  expect(await shell.json(["get", "Production/Databases/orders-app"])).toEqual(shape);
  expect(await shell.json(["list", "Production"])).toEqual({
    vault: "main",
    keyHoldersReadAll: true,
    categories: ["Production", "Production/Databases", "Production/Network"].map((path) => ({
      id: expect.stringMatching(/^ct_/),
      path: path.split("/"),
      description: null,
      owned: false,
    })),
    credentials: [shape],
  });
});

test.each([
  ["read", "Production/Databases/nothing", 3, "No credential at coffre://main/Production/Databases/nothing"],
  ["get", "cr_0000000000000000000000", 3, "There is no credential cr_0000000000000000000000"],
  ["history", "Production", 3, "coffre://main/Production is a category, not a credential"],
  ["read", "coffre://other/a/b", 5, 'The reference names the vault "other", but "main" is configured'],
  ["read", "Production/Databases/orders-app?version=9", 3, ""],
  ["read", "Production/Databases/orders-app?version=new", 2, "The reference isn't valid: version is current"],
  ["read", "Partners/mail%20%26%20more", 3, ""],
  ["read", "https://example.com/x", 2, "The reference isn't valid: a reference starts with coffre://"],
])("%s %s ends with %d", async (command, ref, exitCode, problem) => {
  const said = await shell.coffre([command, ref]);
  expect(said).toMatchObject({ stdout: "", exitCode });
  expect(said.stderr.startsWith(`coffre: ${problem}`)).toBe(true);
  expect(said.stderr.split("\n").length).toBeGreaterThanOrEqual(2);
});

test("an error is one line of JSON on stderr when JSON was asked for", async () => {
  const said = await shell.coffre(["read", "nothing", "--json"]);
  expect(said.stdout).toBe("");
  expect(JSON.parse(said.stderr)).toEqual({
    error: {
      code: "NOT_FOUND",
      problem: "No credential at coffre://main/nothing",
      hint: "`coffre list` shows what the vault holds, `coffre list --archived` what was taken out of the tree, to be named by its id.",
      details: {},
      exitCode: 3,
    },
  });
});

test("every read is in the log, and nothing else is", async () => {
  const before = (await vault.identity()).head;
  await shell.coffre(["list"]);
  await shell.coffre(["get", "Production/Databases/orders-app"]);
  await shell.coffre(["history", "Production/Databases/orders-app"]);
  expect((await vault.identity()).head).toBe(before);
  await shell.coffre(["read", "Production/Databases/orders-app"]);
  const { stdout } = await shell.coffre(["events", "--after", String(before)]);
  expect(shell.plain(stdout).trim()).toMatch(
    /^\d+ {2}<date> {2}credential\.read {2}Production\/Databases\/orders-app .*<user> \(cli\)$/,
  );
});

test("lines fit the terminal, and names keep their frames without UTF-8", async () => {
  const { screen } = await shell.onTerminal(["list", "Production"], "");
  expect(screen).toContain("├─ ");
  shell.env["LANG"] = "C";
  const plain = await shell.onTerminal(["list", "Production"], "");
  shell.env["LANG"] = "C.UTF-8";
  expect(plain.screen).toContain("|- ");
});

test("colours are for terminals, and NO_COLOR turns them off", async () => {
  expect((await shell.coffre(["list"])).stdout).not.toContain("\u001b[");
  expect((await shell.onTerminal(["list", "Production"], "")).screen).toContain("\u001b[1m");
  shell.env["NO_COLOR"] = "1";
  const { screen } = await shell.onTerminal(["list", "Production"], "");
  delete shell.env["NO_COLOR"];
  expect(screen).not.toContain("\u001b[");
});

test("who may read a file's vault is said on a terminal, once", async () => {
  const said = "Whoever holds a key of this vault reads everything in it";
  await rm(join(shell.home, ".local", "state"), { recursive: true, force: true }); // as for somebody who comes anew
  expect((await shell.onTerminal(["list"], "")).screen).toContain(said);
  expect((await shell.onTerminal(["list"], "")).screen).not.toContain(said);
});

test("a version isn't asked for where all are meant, and read is named", async () => {
  expect(await shell.coffre(["history", "Production/Databases/orders-app?version=3"])).toEqual({
    stdout: "",
    stderr:
      "coffre: This is about a credential with all its versions, and ?version=… names one\n" +
      "  Leave it out. `coffre read 'Production/Databases/orders-app?version=3'` prints that version's value.\n",
    exitCode: 2,
  });
});

test("a vault's file that isn't there is a failure of its own, and no credential that is gone", async () => {
  const said = await shell.coffre(["--vault", "file://./nowhere.db", "read", "Production/Databases/orders-app"]);
  expect(said).toMatchObject({ stdout: "", exitCode: 1 });
  expect(said.stderr).toMatch(/^coffre: There is no vault at .*nowhere\.db[\s\S]*coffre vault init/);
  expect(await shell.coffre(["read", "Production/Databases/nobody"])).toMatchObject({ exitCode: 3 });
});

test("events name a key by its label", async () => {
  await shell.coffre(["vault", "key", "add", "runner-3", "--new-key-file", "runner.key"]);
  const { stdout } = await shell.coffre(["events", "--limit", "1"]);
  expect(stdout).toMatch(/ slot\.added {2}runner-3 {2}/);
});
