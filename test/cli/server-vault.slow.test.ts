import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import pg from "pg";
import { systemClock } from "../../provider/core/clock.js";
import { Secret } from "../../provider/core/secret.js";
import { createRotationContext } from "../../provider/rotation/context.js";
import { reachCauses } from "../../provider/rotation/rotate.js";
import { prepareTargets } from "../../provider/rotation/targets.js";
import { allDrivers } from "../../provider/target/drivers.js";
import type { HashicorpVault } from "../../provider/vault/hashicorp/hashicorp-vault.js";
import { openHashicorpVault } from "../../provider/vault/hashicorp/hashicorp-vault.js";
import { placeOn, sharedServer, type VaultServer } from "../fixtures/openbao.js";
import { type PostgresServer, startPostgres } from "../fixtures/postgres-server.ts";
import { category, entry, Shell, SLOW_MS } from "./shell.ts";

jest.setTimeout(SLOW_MS * 2);

let server: VaultServer;
let database: PostgresServer;
let shell: Shell;
let mount: string;
let vault: HashicorpVault;

beforeAll(async () => {
  [server, database, shell] = await Promise.all([sharedServer(), startPostgres(), Shell.open()]);
  mount = await server.mount();
  await writeFile(join(shell.home, "token"), server.rootToken, { mode: 0o600 });
  const init = ["vault", "init", "--name", "main", "--token-file", "token"];
  const url = `vault+http://${new URL(server.origin).host}/${mount}?allowPlainHttp=true`;
  const made = await shell.json([...init, "--vault", url]);
  expect(made).toMatchObject({ vault: "main", keyFile: null, file: null });
  shell.env["COFFRE_URL"] = url;
  shell.env["COFFRE_TOKEN_FILE"] = "token";
  vault = openHashicorpVault({ ...placeOn(server, mount), actor: "a test", clock: systemClock });
});
afterAll(async () => {
  await vault.close();
  await Promise.all([server.stop(), database.remove(), shell.close()]);
});

async function accounts(names: readonly string[]): Promise<string[]> {
  const context = createRotationContext({ vault, drivers: allDrivers, clock: systemClock });
  const target = {
    kind: "postgres",
    host: database.host,
    port: database.port,
    adminRef: "coffre://main/Databases/admin",
  };
  const ids: string[] = [];
  for (const name of names) {
    const targets = await prepareTargets(context, {
      targets: [{ ...target, account: { create: true } }],
      username: name,
    });
    ids.push(await entry(vault, `Databases/${name}`, { username: name, value: null, targets }));
  }
  return ids;
}

async function shown(path: string): Promise<Record<string, string>> {
  const { body } = await server.api("GET", `${mount}/data/${path}`);
  return (body.data as { data: Record<string, string> }).data;
}

test("the command lists, rotates, reads and keeps the history, and applications read what it rotated", async () => {
  await category(vault, "Databases", { policy: { minLength: 24 } });
  await entry(vault, "Databases/admin", { username: database.user, value: database.password });
  await accounts(["orders"]);
  const rotated = await shell.json(["rotate", "Databases/orders"]);
  expect(rotated).toMatchObject([{ action: "rotated", version: 1, error: null }]);
  expect(await shell.json(["rotate", "Databases/orders"])).toMatchObject([{ version: 2, previousVersion: 1 }]);
  const { username, password } = await shown("Databases/orders");
  const { stdout } = await shell.coffre(["read", "Databases/orders"]);
  expect({ username, password }).toEqual({ username: "orders", password: stdout.trim() });
  const { host, port } = database;
  const client = new pg.Client({ host, port, user: "orders", password: password ?? "", database: "postgres" });
  await client.connect();
  await client.end();
  expect(await shell.json(["verify", "Databases/orders"])).toMatchObject([{ error: null }]);
  const events = await shell.coffre(["events"]);
  expect(events).toMatchObject({ exitCode: 2, stdout: "" });
  expect(events.stderr).toContain("audit devices");
  const backup = await shell.coffre(["vault", "check"]);
  expect(backup).toMatchObject({ exitCode: 2, stdout: "" });
  expect(backup.stderr).toContain("its snapshots are the backups");
  expect((await shell.coffre(["doctor"])).stdout).toMatch(/ok {6}vault: main \([0-9a-f-]{36}\) opens$/m);
});

test("many accounts cost eight requests each at most, reading back and the admin included", async () => {
  const names = Array.from({ length: 12 }, (_, index) => `many_${index}`);
  const ids = await accounts(names);
  const context = createRotationContext({ vault, drivers: allDrivers, clock: systemClock });
  await Promise.all(ids.map((id) => reachCauses(context, id, ["first"])));
  const before = vault.requests;
  await Promise.all(ids.map((id) => reachCauses(context, id, ["second"])));
  const each = (vault.requests - before) / ids.length;
  await context.admins.close();
  expect(each).toBeLessThanOrEqual(8);
});

test("its policies are printed from the grants, and let read what they say and nothing else", async () => {
  const { people } = vault;
  const hidden = await category(vault, "Databases/Hidden", { inheritGrants: false });
  await vault.createCredentials([
    { name: "secret", categoryId: hidden, initial: { value: new Secret("hidden"), causes: [] } },
  ]);
  const dba = await people.createPrincipal({ kind: "group", name: "D B A" });
  const databases = (await vault.findCategory(["Databases"]))?.id ?? null;
  await people.createGrant({ categoryId: databases, principalId: dba.id, role: "reader" });
  const all = (await shell.json(["vault", "policies"])) as { name: string; policy: string }[];
  expect(all.map(({ name }) => name)).toEqual(["coffre-main-runner", "coffre-main-group-d-b-a"]);
  const { stdout } = await shell.coffre(["vault", "policies", "--only", "coffre-main-group-d-b-a"]);
  const token = await server.token(stdout);
  const status = async (path: string) => (await server.api("GET", `${mount}/data/${path}`, undefined, token)).status;
  expect(await status("Databases/orders")).toBe(200);
  expect(await status("Databases/Hidden/secret")).toBe(403);
  expect(await status(".coffre/directory")).toBe(403);
  const write = await server.api("POST", `${mount}/data/Databases/orders`, { data: { password: "x" } }, token);
  expect(write.status).toBe(403);
  await writeFile(join(shell.home, "runner"), await server.token(all[0]?.policy ?? ""), { mode: 0o600 });
  const rotated = await shell.json(["--token-file", "runner", "rotate", "Databases/orders"]);
  expect(rotated).toMatchObject([{ action: "rotated", error: null }]);
});

test("a place or a login that can't be right is said plainly, and what only a file has is refused", async () => {
  const said = async (args: readonly string[], url?: string) =>
    (await shell.coffre(args, url === undefined ? {} : { env: { COFFRE_URL: url } })).stderr;
  const { host } = new URL(server.origin);
  expect(await said(["list"], `vault+http://${host}/nowhere?allowPlainHttp=true`)).toContain("no mount nowhere");
  expect(await said(["list"], `vault+http://${host}/${mount}?allowPlainHttp=true&root=x`)).toContain(
    "coffre vault init",
  );
  expect(await said(["list"], `vault+https://${host}/${mount}`)).toContain("doesn't speak TLS");
  expect((await shell.coffre(["list"], { env: { COFFRE_TOKEN_FILE: "" } })).stderr).toContain("COFFRE_TOKEN_FILE");
  expect(await said(["vault", "check"])).toContain("Only a vault in a file");
  expect(await said(["vault", "init"])).toContain("There is a vault already");
});

test("a vault in a file is opened by a key that the server's transit engine keeps", async () => {
  const own = await Shell.open();
  try {
    const file = await own.makeVault();
    await entry(file, "Databases/orders-app", { value: "of the file" });
    await file.close();
    await server.api("POST", "sys/mounts/transit", { type: "transit" });
    await server.api("POST", "transit/keys/coffre", {});
    await writeFile(join(own.home, "token"), server.rootToken, { mode: 0o600 });
    own.env["COFFRE_TOKEN_FILE"] = "token";
    const url = `vault+http://${new URL(server.origin).host}/transit?key=coffre&allowPlainHttp=true`;
    const added = await own.json(["vault", "key", "add", "runners", "--new-transit-key", url]);
    expect(added).toMatchObject({ label: "runners", kind: "transit", keyFile: null, keyMade: false });
    const runner = { env: { COFFRE_TRANSIT_KEY: url } };
    expect((await own.coffre(["read", "Databases/orders-app"], runner)).stdout).toBe("of the file\n");
    expect((await own.coffre(["vault", "key", "list"], runner)).stdout).toMatch(/runners +transit key .*opened it now/);
    const doctor = await own.coffre(["doctor"], runner);
    expect(doctor.stdout).toContain("key: the transit key coffre of transit");
    expect(doctor.stdout).toMatch(/transitKey +vault\+http:.*key=coffre +from environment variable COFFRE_TRANSIT_KEY/);

    await server.api("POST", "transit/keys/coffre/rotate", {});
    const rewrapped = await own.coffre(["vault", "key", "rewrap", "runners", "--transit-key", url]);
    expect(rewrapped).toMatchObject({
      exitCode: 0,
      stdout: "The key runners is wrapped by its transit key's newest version.\n",
    });
    await server.api("POST", "transit/keys/coffre/config", { min_decryption_version: 2 });
    expect((await own.coffre(["read", "Databases/orders-app"], runner)).exitCode).toBe(0);
    expect((await own.coffre(["vault", "key", "rewrap", "runners"])).stderr).toContain("No transit key is configured");

    const made = await own.json(
      ["vault", "init", "--name", "other", "--vault", "file://~/other.db", "--set-default"],
      runner,
    );
    expect(made).toMatchObject({ vault: "other", keyFile: null, found: true });
    expect(await own.coffre(["list"], { env: { COFFRE_KEY_FILE: "" } })).toMatchObject({ exitCode: 0 });
    const both = { env: { ...runner.env, COFFRE_KEY_FILE: own.keyFile } };
    expect((await own.coffre(["list"], both)).stderr).toContain("contradict each other");
  } finally {
    await own.close();
  }
});
