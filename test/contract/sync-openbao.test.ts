import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { systemClock } from "../../provider/core/clock.js";
import { Secret } from "../../provider/core/secret.js";
import { createEmbeddedVault } from "../../provider/vault/embedded/create.js";
import { openEmbeddedVault } from "../../provider/vault/embedded/embedded-vault.js";
import { newKeyText } from "../../provider/vault/embedded/key-file.js";
import { type HashicorpVault, openHashicorpVault } from "../../provider/vault/hashicorp/hashicorp-vault.js";
import { policyTexts } from "../../provider/vault/hashicorp/policies.js";
import { createMemoryVault } from "../../provider/vault/memory/memory-vault.js";
import type { FieldChange, Vault } from "../../provider/vault/port.js";
import { intercept } from "../fixtures/intercept.js";
import { newVault, placeOn, sharedServer } from "../fixtures/openbao.js";
import { counts, makeCategory, makeEntry, newValue, syncInto } from "../fixtures/sync-scene.js";
import { killSync } from "./sync-kill.js";
import { failure } from "./vault-cases/setup.js";

jest.setTimeout(60_000); // the first one may have to fetch the server

type Robots = Awaited<ReturnType<typeof newVault>>;
let prod: Vault;
let robots: Robots;
const opened: HashicorpVault[] = [];

beforeEach(async () => {
  prod = createMemoryVault({ name: "prod" });
  robots = await newVault({ name: "robots" });
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((vault) => vault.close()));
});
afterAll(async () => (await sharedServer()).stop());

/** As a process of its own has it: nothing is remembered. */
function open(place = robots.place): HashicorpVault {
  const vault = openHashicorpVault({ ...place, clock: systemClock, actor: "a test" });
  opened.push(vault);
  return vault;
}

type Options = Parameters<typeof syncInto>[2];
const sync = (options?: Options) => syncInto(prod, open(), options);

/** What a machine reads at a path by the server's own API: its status, and the document without the key that is Coffre's. */
async function machine(path: string, version?: number): Promise<Record<string, unknown> | number> {
  const query = version === undefined ? "" : `?version=${version}`;
  const { status, body } = await robots.server.api("GET", `${robots.place.mount}/data/${path}${query}`);
  if (status !== 200) return status;
  const { ".coffre": _ours, ...shown } = (body.data as { data: Record<string, unknown> }).data;
  return shown;
}

async function write(path: string, data: Record<string, unknown>): Promise<void> {
  const { status } = await robots.server.api("POST", `${robots.place.mount}/data/${path}`, { data });
  expect(status).toBe(200);
}

/** Every path in the mount at which something can be read, but the folder that is Coffre's own. */
async function paths(folder = ""): Promise<string[]> {
  const { body } = await robots.server.api("GET", `${robots.place.mount}/metadata/${folder}?list=true`);
  const keys = ((body.data?.["keys"] ?? []) as string[]).filter((key) => key !== ".coffre/");
  const found = await Promise.all(
    keys.map(async (key) => {
      if (key.endsWith("/")) return paths(`${folder}${key}`);
      return typeof (await machine(`${folder}${encodeURIComponent(key)}`)) === "number" ? [] : [`${folder}${key}`];
    }),
  );
  return found.flat().sort();
}

const put = (name: string, type: "text" | "secret" | "file", value: string): FieldChange => ({
  change: "put",
  name,
  type,
  value: new Secret(value),
  cause: "command:test",
});

describe("copies in a KV engine", () => {
  test("are documents that machines read; each change is one version more, and a run without news costs a few requests", async () => {
    const shop = await makeCategory(prod, "Shop");
    const id = await makeEntry(prod, "api", {
      categoryId: shop,
      username: "api_user",
      url: "https://api.example.com",
      description: "of the shop",
      tags: ["eu"],
      fields: [put("token", "secret", "a token"), put("region", "text", "eu")],
    });
    for (let index = 0; index < 30; index++) await makeEntry(prod, `entry-${index}`);
    expect((await sync({ verify: true })).differences).toEqual([]);
    const first = {
      password: "value of api",
      username: "api_user",
      url: "https://api.example.com",
      description: "of the shop",
      token: "a token",
      region: "eu",
    };
    expect(await machine("Shop/api")).toEqual(first);
    const { version: _none, ...rest } = { version: 0, ...first };

    await newValue(prod, id, "second");
    expect(counts(await sync({ verify: true }))).toBe("updated 1, unchanged 30");
    expect(await machine("Shop/api")).toEqual({ ...rest, password: "second" });
    expect(await machine("Shop/api", 1)).toEqual(first);
    const again = open();
    expect(counts(await syncInto(prod, again))).toBe("unchanged 31");
    expect(again.requests).toBeLessThan(13);
  });

  test("while an entry rotates its copy is what was current, and never pending", async () => {
    const id = await makeEntry(prod, "db");
    const { lease } = await prod.acquireLease(id, { holder: "a test", ttlSeconds: 60 }, [
      { step: "stage", value: new Secret("pending value"), causes: [], accounts: [] },
    ]);
    expect(counts(await sync())).toBe("created 1, rotating 1");
    expect(await machine("db")).toEqual({ password: "value of db" });
    await prod.record(lease, [{ step: "promote", version: 2, verified: false }, { step: "release" }]);
    expect(counts(await sync())).toBe("updated 1");
    expect(await machine("db")).toEqual({ password: "pending value" });
  });

  test("follow renames, moves, swaps, archives; a copy comes back to a place where it once stood", async () => {
    const shop = await makeCategory(prod, "Shop");
    const [a = "", b = "", c = ""] = await Promise.all(
      ["a", "b", "c"].map((name) => makeEntry(prod, name, { categoryId: shop })),
    );
    await sync({ job: { prefix: ["From prod"] } });
    expect(await paths()).toEqual(["From prod/Shop/a", "From prod/Shop/b", "From prod/Shop/c"]);
    await prod.updateCategory(shop, { name: "Store" });
    await prod.updateCredential(a, { name: "x" });
    await prod.updateCredential(b, { name: "a" });
    await prod.updateCredential(a, { name: "b" });
    await prod.archiveCredential(c, {});
    const followed = await sync({ job: { prefix: ["From prod"] }, verify: true });
    expect([counts(followed), followed.differences]).toEqual(["moved 2, removed 1", []]);
    expect(await paths()).toEqual(["From prod/Store/a", "From prod/Store/b"]);
    expect(await machine("From%20prod/Store/a")).toEqual({ password: "value of b" });

    await prod.updateCategory(shop, { name: "Shop" });
    await prod.unarchiveCredential(c, shop);
    expect(counts(await sync({ move: true, verify: true }))).toBe("created 1, moved 2");
    expect(await paths()).toEqual(["Shop/a", "Shop/b", "Shop/c"]);
    const back = await sync({ job: { prefix: ["From prod"] }, move: true, verify: true });
    expect([counts(back), back.failures.map(({ error }) => error.message)]).toEqual(["moved 3", []]);
    expect(counts(await sync({ job: { prefix: ["From prod"] } }))).toBe("unchanged 3");
  });

  test("never take a place from somebody else, nor what somebody wrote into a copy, until that is to be overwritten", async () => {
    const [a, b] = [await makeEntry(prod, "a"), await makeEntry(prod, "b")];
    await write("a", { password: "theirs" });
    expect(counts(await sync({ dryRun: true }))).toBe("created 1, failed 1");
    const report = await sync();
    expect(report.failures.map(({ error }) => error.code)).toEqual(["CONFLICT"]);
    expect(counts(await sync({ overwrite: true }))).toBe("unchanged 1, failed 1");
    expect(await machine("a")).toEqual({ password: "theirs" });

    await write("b", { password: "theirs too" });
    await newValue(prod, b, "second");
    for (let run = 0; run < 2; run++) expect(counts(await sync())).toBe("failed 2");
    expect(await machine("b")).toEqual({ password: "theirs too" });
    expect(counts(await sync({ overwrite: true }))).toContain("failed 1");
    expect(await machine("b")).toEqual({ password: "second" });
    expect(await machine("b", 2)).toEqual({ password: "theirs too" });

    await prod.archiveCredential(a, {});
    await prod.archiveCredential(b, {});
    expect(counts(await sync())).toBe("removed 1");
    expect(await paths()).toEqual(["a"]);
  });

  test("one that was changed by hand is found by the comparison of every field, and not taken away", async () => {
    const id = await makeEntry(prod, "a");
    await sync();
    const mount = robots.place.mount;
    const { body } = await robots.server.api("GET", `${mount}/data/a`);
    await write("a", { ...(body.data as { data: object }).data, password: "theirs" });
    const report = await sync({ verify: true });
    expect(report.differences?.map(({ what }) => what)).toEqual(["password"]);
    await prod.archiveCredential(id, {});
    expect(counts(await sync())).toBe("failed 1");
    expect(await machine("a")).toEqual({ password: "theirs" });
  });
});

describe("a sync into a KV engine is refused or ended by", () => {
  test("an entry larger than 1 MiB, which fails alone", async () => {
    const large = Buffer.alloc(1_000_000, "x").toString("base64");
    await makeEntry(prod, "large", { fields: [put("blob", "file", large)] });
    await makeEntry(prod, "small");
    const report = await sync();
    expect(counts(report)).toBe("created 1, failed 1");
    expect(report.failures[0]?.error.problem).toBe("large is larger than a KV engine takes (1 MiB)");
    expect(await paths()).toEqual(["small"]);
  });

  test("a login without the right to write: before anything is written", async () => {
    await makeEntry(prod, "a");
    const { mount } = robots.place;
    const token = await robots.server.token(`path "${mount}/*" { capabilities = ["read", "list"] }`);
    const login = { method: { by: "token" as const }, secret: () => new Secret(token) };
    const place = placeOn(robots.server, mount, { login });
    const error = await failure(syncInto(prod, open(place)), "FORBIDDEN");
    expect(error.message).toContain(`${mount}/data/.coffre/sync/`);
    expect(await paths()).toEqual([]);
  });

  test("a right that ends at the copies' places: after the first refusal, and the next run goes on", async () => {
    for (let index = 0; index < 30; index++) await makeEntry(prod, `entry-${index}`);
    const { mount } = robots.place;
    const all = `["create", "read", "update", "delete", "list"]`;
    const token = await robots.server.token(
      `path "${mount}/data/.coffre/*" { capabilities = ${all} }\npath "${mount}/config" { capabilities = ["read"] }`,
    );
    const login = { method: { by: "token" as const }, secret: () => new Secret(token) };
    await failure(syncInto(prod, open(placeOn(robots.server, mount, { login }))), "FORBIDDEN");
    expect(counts(await sync({ verify: true }))).toBe("created 30");
  });

  test("nothing, where the login has the policy that `coffre vault policies` prints", async () => {
    const ids = [await makeEntry(prod, "a"), await makeEntry(prod, "b")];
    const { mount } = robots.place;
    const rights = { categories: [], principals: [], memberships: [], grants: [] };
    const [runner] = policyTexts({ vault: "robots", mount, root: [], rights, now: new Date() });
    const token = await robots.server.token(runner?.text ?? "");
    const login = { method: { by: "token" as const }, secret: () => new Secret(token) };
    const place = placeOn(robots.server, mount, { login });
    expect(counts(await syncInto(prod, open(place)))).toBe("created 2");
    await prod.archiveCredential(ids[0] ?? "", {});
    await prod.updateCredential(ids[1] ?? "", { name: "a" });
    expect(counts(await syncInto(prod, open(place), { verify: true }))).toBe("moved 1, removed 1");
  });

  test("another run that is at work", async () => {
    await makeEntry(prod, "a");
    let second: Promise<unknown> | undefined;
    const watched = intercept(prod, async ({ method }, proceed) => {
      if (method === "readMany") await (second ??= failure(sync(), "LOCKED"));
      return proceed();
    });
    expect(counts(await syncInto(watched, open()))).toBe("created 1");
    expect(second).toBeDefined();
    expect(counts(await sync())).toBe("unchanged 1");
  });
});

test("killed at any instant, the next run takes it up: the copies are the source's equals, and nothing is doubled", async () => {
  const folder = await mkdtemp(join(tmpdir(), "coffre-sync-"));
  const key = { keyText: newKeyText() };
  const options = { path: join(folder, "prod.db"), key, actor: "a test", clock: systemClock };
  await createEmbeddedVault({ ...options, name: "prod" });
  const file = openEmbeddedVault(options);
  try {
    const categories = [await makeCategory(file, "A"), await makeCategory(file, "B")];
    const inputs = Array.from({ length: 300 }, (_, index) => ({
      name: `entry-${index}`,
      categoryId: categories[index % 2] ?? null,
      initial: { value: new Secret(`value ${index}`), causes: [] },
    }));
    const ids = (await file.createCredentials(inputs)).map(({ id }) => id);
    const secrets = [key.keyText, new Secret(robots.server.rootToken)];
    const to = [robots.place.mount, robots.server.origin];
    let killed = 0;
    for (const [turn, delay] of [20, 60, 150].entries()) {
      for (const id of ids.slice(turn * 10, turn * 10 + 10)) await newValue(file, id, `turn ${turn}`);
      await file.updateCategory(categories[0] ?? "", { name: `A${turn}` });
      await file.archiveCredential(ids[299 - turn] ?? "", {});
      if (await killSync(delay, { from: options.path, to, secrets })) killed += 1;
    }
    expect(killed).toBeGreaterThan(1);
    const job = { prefix: ["Mirror"] };
    const report = await syncInto(file, open(), { job, verify: true });
    expect([report.failures, report.differences]).toEqual([[], []]);
    expect(counts(await syncInto(file, open(), { job }))).toBe("unchanged 297");
    expect(await paths()).toHaveLength(297);
  } finally {
    await file.close();
    await rm(folder, { recursive: true });
  }
});
