import { once } from "node:events";
import { copyFile, rename } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from "@jest/globals";
import pg from "pg";
import { systemClock } from "../../provider/core/clock.js";
import { Secret } from "../../provider/core/secret.js";
import { createRotationContext } from "../../provider/rotation/context.js";
import { reachCauses } from "../../provider/rotation/rotate.js";
import { prepareTargets } from "../../provider/rotation/targets.js";
import { allDrivers } from "../../provider/target/drivers.js";
import type { CredentialInput, Vault } from "../../provider/vault/port.js";
import { type PostgresServer, startPostgres } from "../fixtures/postgres-server.ts";
import { entry, Shell, SLOW_MS } from "./shell.ts";

jest.setTimeout(SLOW_MS * 2);

const DAY_MS = 86_400_000;

let server: PostgresServer;
let shell: Shell;
let vault: Vault;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.remove());
beforeEach(async () => {
  shell = await Shell.open();
  vault = await shell.makeVault();
  await entry(vault, "Databases/admin", { username: server.user, value: server.password });
});
afterEach(async () => {
  await vault.close();
  await shell.close();
});

/** An account of the server, made by the first rotation. @returns the entry's id */
async function account(name: string, more: Partial<CredentialInput> & { port?: number } = {}): Promise<string> {
  const { port = server.port, ...input } = more;
  const context = createRotationContext({ vault, drivers: allDrivers, clock: systemClock });
  const target = { kind: "postgres", host: server.host, port, adminRef: "coffre://main/Databases/admin" };
  const targets = await prepareTargets(context, {
    targets: [{ ...target, account: { create: true }, onDelete: "drop" }],
    username: name,
  });
  return entry(vault, `Databases/${name}`, { username: name, value: null, targets, ...input });
}

/** As if it had been rotated so many days ago. */
async function rotateDaysAgo(id: string, days: number): Promise<void> {
  const clock = { ...systemClock, now: () => new Date(Date.now() - days * DAY_MS) };
  const earlier = shell.openVault(clock);
  const context = createRotationContext({ vault: earlier, drivers: allDrivers, clock });
  await reachCauses(context, id, ["command:then"]);
  await context.admins.close();
  await earlier.close();
}

async function logsIn(user: string, password: string): Promise<boolean> {
  const client = new pg.Client({ host: server.host, port: server.port, user, password, database: "postgres" });
  try {
    await client.connect();
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === "28P01") return false;
    throw error;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function asSuperuser(sql: string): Promise<void> {
  const client = new pg.Client(server.connection());
  await client.connect();
  await client.query(sql);
  await client.end();
}

async function read(ref: string): Promise<string> {
  return (await shell.coffre(["read", "-n", "--quiet", ref])).stdout;
}

test("rotate sets a new password that works, and the one before works no more", async () => {
  await account("orders_app");
  expect(await shell.coffre(["rotate", "Databases/orders_app"])).toEqual({
    stdout: "rotated  Databases/orders_app  version 1\n",
    stderr: "",
    exitCode: 0,
  });
  const first = await read("Databases/orders_app");
  expect(await logsIn("orders_app", first)).toBe(true);

  expect(await shell.json(["rotate", "Databases/orders_app"])).toEqual([
    {
      ref: "coffre://main/Databases/orders_app",
      id: expect.stringMatching(/^cr_/),
      action: "rotated",
      opensAt: null,
      version: 2,
      previousVersion: 1,
      error: null,
    },
  ]);
  expect(await logsIn("orders_app", await read("Databases/orders_app"))).toBe(true);
  expect(await logsIn("orders_app", first)).toBe(false);
  expect(await read("Databases/orders_app?version=previous")).toBe(first);
});

test("rotate --due finds what its rhythm wants, once", async () => {
  const old = await account("nightly", { rotation: { everyDays: 30, when: "scheduled" } });
  const young = await account("weekly", { rotation: { everyDays: 30, when: "scheduled" } });
  await rotateDaysAgo(old, 31);
  await rotateDaysAgo(young, 7);

  const plan = await shell.coffre(["rotate", "--due", "--dry-run"]);
  expect(shell.plain(plan.stdout)).toBe("Databases/nightly  due since <date> UTC\n");
  expect((await shell.coffre(["list"])).stdout).toContain("nightly  nightly  due since ");
  expect(await shell.coffre(["rotate", "--due"])).toEqual({
    stdout: "rotated  Databases/nightly  version 1 -> 2\n",
    stderr: "",
    exitCode: 0,
  });
  expect(await shell.coffre(["rotate", "--due"])).toEqual({ stdout: "", stderr: "Nothing is due.\n", exitCode: 0 });
  const { stdout } = await shell.coffre(["history", "Databases/nightly"]);
  expect(shell.plain(stdout)).toMatch(/^2 +current +verified +<date> UTC +its rhythm \(due <date> UTC\)$/m);
});

test("what is due waits for its window, which list and rotate --due name; by name it is rotated at once", async () => {
  const hour = (later: number) => `${String((new Date().getUTCHours() + later) % 24).padStart(2, "0")}:00`;
  const window = { between: [hour(3), hour(5)] satisfies [string, string], timeZone: "UTC" };
  await rotateDaysAgo(await account("at_night", { rotation: { everyDays: 30, when: "scheduled", window } }), 31);
  await rotateDaysAgo(await account("always", { rotation: { everyDays: 90, when: "scheduled" } }), 31);

  const waits = /^waiting {2}Databases\/at_night {2}its window opens [-0-9]{10} [0-9]{2}:00 UTC\n$/;
  const said = await shell.coffre(["rotate", "--due"]);
  expect(said).toEqual({ stdout: expect.stringMatching(waits), stderr: "", exitCode: 0 });
  expect(said.stdout).toContain(` ${hour(3)} UTC`);
  const opensAt = expect.stringMatching(new RegExp(`T${hour(3)}:00.000Z$`));
  expect(await shell.json(["rotate", "--due"])).toMatchObject([{ action: "waiting", opensAt, version: 1 }]);
  expect(shell.plain((await shell.coffre(["list", "--due"])).stdout)).toMatch(
    /^Databases\/\n└─ at_night {2}at_night {2}due, window opens <date> UTC\n$/,
  );
  expect(await shell.json(["list", "--due"])).toMatchObject({
    categories: [{ path: ["Databases"] }],
    credentials: [{ due: true, opensAt, rotation: { window } }],
  });
  const { stderr } = await shell.coffre(["attention"]);
  expect(stderr).toMatch(/Due, and waiting for a window: Databases\/at_night; the next window opens .* UTC\.\n$/);
  const { stdout } = await shell.coffre(["get", "Databases/at_night"]);
  expect(stdout).toMatch(
    /rhythm .*by coffre rotate --due; from [0-9:]{5} to [0-9:]{5} UTC; due since .*, its window opens /,
  );

  expect(await shell.coffre(["rotate", "Databases/at_night"])).toMatchObject({
    stdout: "rotated  Databases/at_night  version 1 -> 2\n",
  });
  expect((await shell.coffre(["rotate", "--due"])).stderr).toBe("Nothing is due.\n");
});

test("who is shown no credential at all is told so, and not only that nothing is due", async () => {
  const bare = await Shell.open();
  await (await bare.makeVault("bare")).close();
  for (const words of ["rotate --due", "rotate --due --dry-run", "resume", "scan --only values"]) {
    const said = await bare.coffre(words.split(" "));
    expect(said).toMatchObject({ stdout: "", exitCode: 0 });
    expect(said.stderr).toContain("warning: the vault shows no credential to you");
  }
  expect((await bare.coffre(["scan", "--only", "references"])).stderr).not.toContain("warning");
  await bare.close();
});

test("one that fails doesn't stop the others, and running it again goes on", async () => {
  await account("works");
  await account("nobody_there", { port: 1 });
  const said = await shell.coffre(["rotate", "Databases/nobody_there", "Databases/works"]);
  expect(said.stdout).toBe("rotated  Databases/works  version 1\n");
  expect(said.stderr).toMatch(/^failed {3}Databases\/nobody_there: .+\n/);
  expect(said.exitCode).toBe(1);
  expect(JSON.parse((await shell.coffre(["rotate", "Databases/nobody_there", "--json"])).stdout)).toMatchObject([
    { action: "none", version: null, error: { code: "UNREACHABLE", exitCode: 1 } },
  ]);
});

test("a rotation that was left is finished with the password that was drawn for it", async () => {
  const id = await account("left_behind");
  await rotateDaysAgo(id, 1);
  const { lease, credential } = await vault.acquireLease(id, { holder: "a run that was killed", ttlSeconds: 60 });
  const accounts = credential.targets.map((target) => target.account);
  await vault.record(lease, [
    { step: "stage", value: new Secret("drawn-before-the-kill"), causes: ["command:killed"], accounts },
    { step: "release" },
  ]);
  expect((await shell.coffre(["list"])).stdout).toContain("left_behind  left_behind  rotating");

  expect(await shell.coffre(["resume"])).toEqual({
    stdout: "finished Databases/left_behind  version 1 -> 2\n",
    stderr: "",
    exitCode: 0,
  });
  expect(await logsIn("left_behind", "drawn-before-the-kill")).toBe(true);
  expect(await shell.coffre(["resume"])).toEqual({ stdout: "", stderr: "Nothing is unfinished.\n", exitCode: 0 });
});

test("rotate finishes what is pending instead of drawing a second password", async () => {
  const id = await account("tried_twice");
  const { lease, credential } = await vault.acquireLease(id, { holder: "a run that was killed", ttlSeconds: 60 });
  const accounts = credential.targets.map((target) => target.account);
  await vault.record(lease, [
    { step: "stage", value: new Secret("drawn-the-first-time"), causes: ["command:killed"], accounts },
    { step: "release" },
  ]);
  expect(await shell.coffre(["rotate", "Databases/tried_twice"])).toMatchObject({
    stdout: "finished Databases/tried_twice  version 1\n",
    exitCode: 0,
  });
  expect(await read("Databases/tried_twice")).toBe("drawn-the-first-time");
});

test("what needs a person is listed with what to do, stops rotations, and is resolved", async () => {
  const id = await account("stuck");
  await rotateDaysAgo(id, 1);
  const { lease, credential } = await vault.acquireLease(id, { holder: "a run", ttlSeconds: 60 });
  const [target] = credential.targets;
  await vault.record(lease, [
    { step: "stage", value: new Secret("set-and-refused"), causes: ["command:x"], accounts: [target?.account ?? ""] },
    {
      step: "attention",
      attention: { reason: "set-but-refused", message: "it took version 2 and then refused it", version: 2 },
    },
    { step: "release" },
  ]);

  const listed = await shell.coffre(["attention"]);
  expect(listed).toMatchObject({ stderr: "", exitCode: 6 });
  expect(shell.plain(listed.stdout)).toBe(`Databases/stuck  set-but-refused
  what   it took version 2 and then refused it
  since  <date> UTC
  do     Look at the target's own log. \`coffre verify Databases/stuck\` finds the version that works: then \`coffre resolve Databases/stuck --accept <version>\`, or --retry, which sets the pending one again.
`);
  expect(JSON.parse((await shell.coffre(["attention", "--json"])).stdout)).toMatchObject([
    { status: "needs-attention", attention: { reason: "set-but-refused", version: 2 }, advice: expect.any(String) },
  ]);
  const warned = await shell.coffre(["read", "Databases/stuck"]);
  expect(warned.stderr).toContain("Databases/stuck needs attention: this may not be what the target wants.");
  const refused = await shell.coffre(["rotate", "Databases/stuck"]);
  expect(refused).toMatchObject({ stdout: "", exitCode: 6 });
  expect(refused.stderr).toMatch(/^failed {3}Databases\/stuck needs attention: /);

  expect(await shell.coffre(["resolve", "Databases/stuck", "--retry"])).toEqual({
    stdout: "Databases/stuck: rotating\n",
    stderr: "`coffre resume Databases/stuck` goes on with version 2.\n",
    exitCode: 0,
  });
  expect(await shell.coffre(["resume", "Databases/stuck"])).toMatchObject({ exitCode: 0 });
  expect(await logsIn("stuck", "set-and-refused")).toBe(true);
  expect(await shell.coffre(["attention"])).toEqual({
    stdout: "",
    stderr: "Nothing needs attention.\n",
    exitCode: 0,
  });
});

test("verify finds which version a target accepts, and --accept takes a person's word", async () => {
  await account("drifting");
  await shell.coffre(["rotate", "Databases/drifting"]);
  const first = await read("Databases/drifting");
  await shell.coffre(["rotate", "Databases/drifting"]);
  const agreed = await shell.coffre(["verify", "Databases/drifting"]);
  expect(agreed).toEqual({
    stdout: `Databases/drifting  postgres://drifting@localhost:${String(server.port)} agrees with the vault (version 2)\n`,
    stderr: "",
    exitCode: 0,
  });

  expect(await shell.coffre(["resolve", "Databases/drifting", "--accept", "1"])).toEqual({
    stdout: "",
    stderr:
      "coffre: Databases/drifting needs no decision (current, version 2, verified)\n" +
      "  `coffre verify` says which version the target accepts. If version 1 is to be current all the same, add --yes.\n",
    exitCode: 5,
  });
  const no = await shell.onTerminal(["resolve", "Databases/drifting", "--accept", "1"], "no\n");
  expect(no).toMatchObject({ screen: expect.stringContaining("Make version 1 what everybody reads?"), exitCode: 5 });
  await changeBehindTheVault("drifting", first);
  expect(JSON.parse((await shell.coffre(["verify", "Databases/drifting", "--json"])).stdout)).toEqual([
    {
      ref: "coffre://main/Databases/drifting",
      id: expect.any(String),
      targets: [
        {
          account: `postgres://drifting@localhost:${String(server.port)}`,
          address: `127.0.0.1:${String(server.port)}`,
          verdict: "earlier-version",
          version: 1,
          reason: null,
          refused: [2],
          untried: [],
        },
      ],
      decision: null,
      error: null,
    },
  ]);
  expect(await shell.coffre(["verify", "--all"])).toMatchObject({ exitCode: 6 });
  expect(await shell.coffre(["attention"])).toMatchObject({
    stdout: expect.stringContaining(
      `drifting@localhost:${String(server.port)} refuses version 2, the current one: it has version 1`,
    ),
    exitCode: 6,
  });

  expect(await shell.coffre(["resolve", "Databases/drifting", "--accept", "1", "--yes"])).toMatchObject({
    stdout: "Databases/drifting: current\n",
    exitCode: 0,
  });
  const yes = await shell.onTerminal(["resolve", "Databases/drifting", "--accept", "1"], "yes\n");
  expect(yes).toMatchObject({ screen: expect.stringContaining("Databases/drifting: current"), exitCode: 0 });
  expect(await read("Databases/drifting")).toBe(first);
  expect(await shell.coffre(["verify", "Databases/drifting"])).toMatchObject({ exitCode: 0 });
  expect(await shell.coffre(["resolve", "Databases/drifting", "--accept", "9"])).toMatchObject({
    stdout: "",
    stderr: "coffre: There is no version 9\n  `coffre history` lists the versions.\n",
    exitCode: 3,
  });
});

test.each([
  ["one by one", false],
  ["all at once", true],
])("the way out of a rolled-back vault works as the pages say: verify, accept %s, rotate", async (_, all) => {
  const names = ["a", "b", "c"].map((letter) => `behind_${all ? "all" : "one"}_${letter}`);
  for (const name of names) await account(name);
  const paths = names.map((name) => `Databases/${name}`);
  expect(await shell.coffre(["rotate", ...paths])).toMatchObject({ exitCode: 0 });
  for (const name of names) await changeBehindTheVault(name, "a value of the newer vault");
  // Two refused logins on one host, and the third isn't tried.
  const seen: string[] = [];
  for (const path of paths) seen.push((await shell.coffre(["verify", path])).stdout);
  expect(seen[0]).toContain("accepts no version");
  expect(seen[2]).toContain("was not tried");
  expect((await shell.coffre(["rotate", String(paths[2])])).stderr).toContain("could lock it");

  if (all) expect(await shell.coffre(["resolve", "--accept-rollback", "--all"])).toMatchObject({ exitCode: 0 });
  for (const path of paths) {
    if (!all) expect(await shell.coffre(["resolve", path, "--accept-rollback"])).toMatchObject({ exitCode: 0 });
    expect(await shell.coffre(["rotate", path])).toMatchObject({ exitCode: 0 });
  }
  for (const name of names) expect(await logsIn(name, await read(`Databases/${name}`))).toBe(true);
});

test("an account that could not be ended is listed until it is, or is to stay", async () => {
  const id = await account("moved_on");
  await vault.updateCredential(id, { targets: [] });
  const listed = await shell.coffre(["attention"]);
  expect(listed).toMatchObject({ stderr: "", exitCode: 6 });
  expect(listed.stdout).toBe(
    "Databases/moved_on  accounts-left\n" +
      `  what   no targets any more, and not ended: postgres://moved_on@localhost:${String(server.port)}\n` +
      "  do     Let the server answer, then run `pulumi up` of its stack again, which ends them. To leave them as they are, `coffre resolve Databases/moved_on --keep-accounts`.\n",
  );
  expect(await shell.coffre(["resolve", "Databases/moved_on", "--keep-accounts"])).toMatchObject({ exitCode: 0 });
  expect(await shell.coffre(["attention"])).toMatchObject({ stdout: "", exitCode: 0 });
});

test("from an older copy of the file nothing is set, however far it has come again, until a person has decided", async () => {
  await account("put_back");
  await shell.coffre(["rotate", "Databases/put_back"]);
  await vault.close(); // so that the file is all there is
  await copyFile(shell.vaultFile, `${shell.vaultFile}.older`);
  await shell.coffre(["rotate", "Databases/put_back"]);
  const newer = await read("Databases/put_back");
  await rename(`${shell.vaultFile}.older`, shell.vaultFile);

  const refused = await shell.coffre(["rotate", "Databases/put_back"]);
  expect(refused).toMatchObject({ stdout: "", exitCode: 6 });
  expect(refused.stderr).toContain("warning: this vault is older than what was seen of it here on ");
  expect(refused.stderr).toContain("so Databases/put_back may have a newer password than it knows");
  for (let checks = 0; checks < 12; checks += 1) await read("Databases/put_back");
  expect(await shell.coffre(["rotate", "Databases/put_back"])).toMatchObject({ exitCode: 6 });
  expect(await shell.coffre(["doctor"])).toMatchObject({
    stdout: expect.stringContaining("failed  witness:"),
    exitCode: 1,
  });
  expect((await shell.coffre(["verify", "--all"])).stdout).toContain("accepts no version");
  expect(await logsIn("put_back", newer)).toBe(true);

  const decided = await shell.coffre(["resolve", "--accept-rollback", "--all"]);
  expect(decided).toMatchObject({ stdout: "Databases/admin: current\nDatabases/put_back: current\n", exitCode: 0 });
  expect(await shell.coffre(["rotate", "Databases/put_back"])).toMatchObject({ stderr: "", exitCode: 0 });
  expect(await logsIn("put_back", await read("Databases/put_back"))).toBe(true);
  expect(await shell.coffre(["list", "--paths"])).toMatchObject({ stderr: "" });
});

async function changeBehindTheVault(user: string, password: string): Promise<void> {
  await asSuperuser(`ALTER ROLE ${user} PASSWORD ${pg.escapeLiteral(password)}`);
}

test("Ctrl-C stops what has not begun, and leaves nothing that can't go on", async () => {
  const names = ["first_one", "second_one", "third_one"];
  for (const name of names) await account(name);
  await server.pause();
  const child = shell.start(["rotate", "--parallel", "1", ...names.map((name) => `Databases/${name}`)]);
  const closed = once(child, "close");
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  await delay(2_000);
  child.kill("SIGINT");
  await delay(500);
  await server.resume();

  expect(await closed).toEqual([130, null]);
  expect(stderr).toContain("Interrupted: 2 not begun. Run it again to go on.\n");
  expect(await shell.coffre(["rotate", ...names.map((name) => `Databases/${name}`)])).toMatchObject({ exitCode: 0 });
  for (const name of names) expect(await logsIn(name, await read(`Databases/${name}`))).toBe(true);
});

test("a value that people bring isn't rotated", async () => {
  await entry(vault, "Partners/theirs", { valueManagedBy: "external" });
  expect(await shell.coffre(["rotate", "Partners/theirs"])).toEqual({
    stdout: "",
    stderr: "coffre: The value of Partners/theirs is managed by people\n  `coffre put` gives it a new one.\n",
    exitCode: 2,
  });
});

test("no value is on the screen, in an argument or in the log of any of this", async () => {
  await account("quiet_one");
  const said = [
    await shell.coffre(["rotate", "Databases/quiet_one"]),
    await shell.coffre(["verify", "--all"]),
    await shell.coffre(["history", "Databases/quiet_one"]),
    await shell.coffre(["get", "Databases/quiet_one", "--json"]),
    await shell.coffre(["events", "--json"]),
    await shell.coffre(["doctor"]),
  ];
  const value = await read("Databases/quiet_one");
  expect(value.length).toBeGreaterThan(20);
  for (const { stdout, stderr } of said) expect(stdout + stderr).not.toContain(value);
});

test("a first set that a look forbids is shown as awaited, and resume goes on with it", async () => {
  await asSuperuser("CREATE ROLE early LOGIN VALID UNTIL '2000-01-01'");
  await account("early");
  const failed = await shell.coffre(["rotate", "Databases/early"]);
  expect(failed).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("has expired") });
  expect((await shell.coffre(["list"])).stdout).toContain("early  early  awaiting-rotation");
  const read = await shell.coffre(["read", "Databases/early"]);
  expect(read).toMatchObject({ exitCode: 3, stderr: expect.stringContaining("`coffre resume` draws and sets it") });
  const monitor = await shell.coffre(["attention"]);
  expect(monitor).toEqual({
    stdout: "",
    stderr: "Nothing needs attention.\nUnfinished: Databases/early. `coffre resume` goes on, or says why not.\n",
    exitCode: 0,
  });

  expect((await shell.coffre(["resume"])).exitCode).toBe(1);
  await asSuperuser("ALTER ROLE early VALID UNTIL 'infinity'");
  expect(await shell.coffre(["resume", "Databases/early"])).toEqual({
    stdout: "rotated  Databases/early  version 1\n",
    stderr: "",
    exitCode: 0,
  });
});

test("what was changed behind the vault's back is found, listed and mended, and nothing else is touched", async () => {
  const names = ["steady", "changed"];
  for (const name of names) await account(name);
  expect(await shell.coffre(["rotate", ...names.map((name) => `Databases/${name}`)])).toMatchObject({ exitCode: 0 });
  const before = await read("Databases/changed");
  await changeBehindTheVault("changed", "somebody's own");
  const found = await shell.coffre(["verify", "--all"]);
  expect(found).toMatchObject({ stdout: expect.stringContaining("accepts no version"), exitCode: 6 });
  const listed = await shell.coffre(["attention"]);
  expect(listed.stdout).toContain("Databases/changed  drifted");
  expect(listed.stdout).toContain("`coffre resume Databases/changed` does it now");
  expect(await shell.coffre(["resume"])).toMatchObject({ stderr: "Nothing is unfinished.\n", exitCode: 0 });
  expect(await shell.coffre(["resume", "Databases/changed"])).toMatchObject({
    stdout: "mended   Databases/changed  version 1\n",
    exitCode: 0,
  });
  expect(await read("Databases/changed")).toBe(before);
  expect(await logsIn("changed", before)).toBe(true);
  expect(await shell.coffre(["verify", "--all"])).toMatchObject({ exitCode: 0 });
  expect(await server.refusedLogins("changed")).toBe(1);
  expect(await server.refusedLogins("steady")).toBe(0);
});
