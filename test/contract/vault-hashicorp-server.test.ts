import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import { systemClock } from "../../provider/core/clock.js";
import { Secret } from "../../provider/core/secret.js";
import { createHashicorpVault } from "../../provider/vault/hashicorp/create.js";
import {
  type HashicorpPlace,
  type HashicorpVault,
  openHashicorpVault,
} from "../../provider/vault/hashicorp/hashicorp-vault.js";
import { policyTexts } from "../../provider/vault/hashicorp/policies.js";
import { between } from "../fixtures/between.js";
import { newVault, placeOn, sharedServer, VaultServer } from "../fixtures/openbao.js";
import {
  collect,
  createOne,
  failure,
  finish,
  hold,
  readValue,
  rotate,
  stage,
  target,
  withValue,
} from "./vault-cases/setup.js";

afterAll(async () => (await sharedServer()).stop());

const actor = "ana@runner-1 (test)";
const { account } = target("app");

const opened: HashicorpVault[] = [];

function open(place: HashicorpPlace): HashicorpVault {
  const vault = openHashicorpVault({ ...place, actor, clock: systemClock });
  opened.push(vault);
  return vault;
}

afterEach(() => Promise.all(opened.splice(0).map((vault) => vault.close())));

function byToken(token: string): HashicorpPlace["login"] {
  return { method: { by: "token" }, secret: () => new Secret(token) };
}

/** What stands at a path of the mount, as people read it. */
async function entry(server: VaultServer, mount: string, path: string) {
  const { status, body } = await server.api("GET", `${mount}/data/${path}`);
  const found = body.data as { data: Record<string, string> | null; metadata: { version: number } } | undefined;
  return status === 200 ? { ...found?.data, version: found?.metadata.version } : undefined;
}

describe("what people read in the mount", () => {
  test("is the entry at its path, with its fields; it gets one write a rotation, and nothing of a pending version", async () => {
    const { server, place, open: openVault } = await newVault();
    const vault = openVault();
    const { id: categoryId } = await vault.createCategory({ name: "Data bases", parentId: null });
    const made = await createOne(vault, {
      name: "orders app",
      categoryId,
      username: "app",
      url: "https://db.example.com",
      targets: [target("app")],
      fields: [{ change: "put", name: "token", type: "secret", value: new Secret("t-1"), cause: "x" }],
    });
    const path = "Data%20bases/orders%20app";
    const before = { username: "app", url: "https://db.example.com", token: "t-1" };
    expect(await entry(server, place.mount, path)).toEqual({ ...before, version: 1 });
    await rotate(vault, made, "one");
    expect(await entry(server, place.mount, path)).toEqual({ ...before, password: "one", version: 2 });
    const { lease } = await hold(vault, made.id, [stage("two", account)]);
    await vault.record(lease, [{ step: "set-started", version: 2, account }]);
    expect(await entry(server, place.mount, path)).toEqual({ ...before, password: "one", version: 2 });
    await vault.record(lease, [...finish(2, account), { step: "release" }]);
    expect(await entry(server, place.mount, path)).toEqual({ ...before, password: "two", version: 3 });
    const metadata = await server.api("GET", `${place.mount}/metadata/${path}`);
    expect(metadata.body.data).toMatchObject({ custom_metadata: { "coffre-id": made.id } });
    await vault.close();
  });

  test("is a password with the login that it is for, both in one write", async () => {
    const { server, place, open: openVault } = await newVault();
    const vault = openVault();
    const logins = ["app_a", "app_b"].map((username) => ({ username, account: target(username).account }));
    const { id } = await createOne(vault, { name: "x", username: "app", targets: [target("app", { logins })] });
    expect(await entry(server, place.mount, "x")).toEqual({ username: "app", version: 1 });
    for (const [index, { username, account: login }] of logins.entries()) {
      const version = index + 1;
      const value = `value ${version}`;
      const step = { step: "stage" as const, value: new Secret(value), causes: [], accounts: [login], username };
      const { lease } = await hold(vault, id, [step]);
      await vault.record(lease, [...finish(version, login), { step: "release" }]);
      expect(await entry(server, place.mount, "x")).toEqual({ username, password: value, version: version + 1 });
    }
    expect(await vault.readMany([{ id, version: 1 }])).toMatchObject([{ username: "app_a" }]);
    await vault.close();
  });

  test("moves with its category, and is gone once it is archived", async () => {
    const { server, place, open: openVault } = await newVault();
    const vault = openVault();
    const a = await vault.createCategory({ name: "A", parentId: null });
    const made = await createOne(vault, { name: "x", categoryId: a.id, ...withValue("v") });
    await vault.updateCategory(a.id, { name: "B" });
    expect(await entry(server, place.mount, "A/x")).toBeUndefined();
    expect(await entry(server, place.mount, "B/x")).toMatchObject({ password: "v" });
    await vault.updateCredential(made.id, { name: "y", username: "u" });
    expect(await entry(server, place.mount, "B/y")).toMatchObject({ password: "v", username: "u" });
    expect(await entry(server, place.mount, "B/x")).toBeUndefined();
    await vault.archiveCredential(made.id, {});
    expect(await entry(server, place.mount, "B/y")).toBeUndefined();
    expect(await readValue(vault, made.id)).toBe("v");
    await vault.close();
  });

  test("of somebody else is never touched: a credential isn't made, or moved, where one stands", async () => {
    const { server, place, open: openVault } = await newVault();
    const vault = openVault();
    await server.api("POST", `${place.mount}/data/theirs`, { data: { a: "1" } });
    const error = await failure(createOne(vault, { name: "theirs", ...withValue("v") }), "CONFLICT");
    expect(error.message).toContain(`${place.mount}/data/theirs`);
    const mine = await createOne(vault, { name: "mine", ...withValue("v") });
    await failure(vault.updateCredential(mine.id, { name: "theirs" }), "CONFLICT");
    expect(await entry(server, place.mount, "theirs")).toEqual({ a: "1", version: 1 });
    expect((await collect(vault.listCredentials())).map(({ name }) => name)).toEqual(["mine"]);
    await vault.close();
  });

  test("is written over at the next rotation, if somebody changed or removed it by hand", async () => {
    const { server, place, open: openVault } = await newVault();
    const vault = openVault();
    const made = await createOne(vault, { name: "x", targets: [target("app")] });
    await rotate(vault, made, "one");
    await server.api("POST", `${place.mount}/data/x`, { data: { password: "by hand" } });
    await rotate(vault, made, "two");
    expect(await entry(server, place.mount, "x")).toMatchObject({ password: "two" });
    await server.api("DELETE", `${place.mount}/metadata/x`);
    await rotate(vault, made, "three");
    expect(await entry(server, place.mount, "x")).toMatchObject({ password: "three" });
    await vault.close();
  });
});

describe("a process that dies between two writes", () => {
  /** Lets a process die: from the given request on it gets no answer, and does nothing more. */
  async function dying(work: (place: HashicorpPlace) => Promise<unknown>, diesAt: RegExp) {
    const { server, place, open: openVault } = await newVault();
    let dead = false;
    const proxy = await between(server, (method, path) => {
      dead ||= diesAt.test(`${method} ${path}`);
      return dead ? { status: 400, body: { errors: ["dead"] } } : undefined;
    });
    await work({ ...place, server: { origin: proxy.origin } }).catch(() => undefined);
    expect(dead).toBe(true);
    proxy.close();
    return { server, place, vault: openVault() };
  }

  test("after it has shown a new password leaves it pending, which the next run finishes", async () => {
    const { server, place, vault } = await dying(
      async (dyingPlace) => {
        const first = open(dyingPlace);
        const made = await createOne(first, { name: "x", targets: [target("app")] });
        const { lease } = await hold(first, made.id, [stage("one", account)]);
        await first.record(lease, finish(1, account).slice(0, 3));
        shown = true;
        await first.record(lease, finish(1, account).slice(3));
      },
      { test: (text: string) => shown && /POST .*credentials/.test(text) } as RegExp,
    );
    expect(await entry(server, place.mount, "x")).toMatchObject({ password: "one" });
    const [found] = await collect(vault.listCredentials());
    expect(found).toMatchObject({ status: "rotating", journal: { pending: { version: 1 } } });
    const { lease } = await vault.acquireLease(found?.id ?? "", { holder: "next", ttlSeconds: 60, takeOver: 1 });
    await vault.record(lease, [...finish(1, account), { step: "release" }]);
    expect(await entry(server, place.mount, "x")).toMatchObject({ password: "one" });
    expect(await readValue(vault, found?.id ?? "")).toBe("one");
    await vault.close();
  });
  let shown = false;

  test("while it makes entries leaves none, or all; whoever comes next shows what isn't shown", async () => {
    for (const [diesAt, left] of [
      [/POST .*credentials/, []],
      [/POST .*directory/, []],
      [/(POST|PUT) .*metadata\/[ab]$/, ["a", "b"]],
      [/POST .*data\/b$/, ["a", "b"]],
    ] as const) {
      const { server, place, vault } = await dying(
        (dyingPlace) =>
          open(dyingPlace).createCredentials(
            ["a", "b"].map((name) => ({ name, categoryId: null, ...withValue(`of ${name}`) })),
          ),
        diesAt,
      );
      expect((await collect(vault.listCredentials())).map(({ name }) => name)).toEqual(left);
      for (const name of left) expect(await entry(server, place.mount, name)).toMatchObject({ password: `of ${name}` });
      await vault.createCredentials([{ name: "c", categoryId: null }]);
      await vault.close();
    }
  });

  test("while it renames a category leaves entries that the next one moves along", async () => {
    const { server, place, vault } = await dying(async (dyingPlace) => {
      const first = open(dyingPlace);
      const { id } = await first.createCategory({ name: "A", parentId: null });
      await createOne(first, { name: "x", categoryId: id, ...withValue("v") });
      await first.updateCategory(id, { name: "B" });
    }, /POST .*metadata\/B\/x/);
    expect((await vault.findCredential(["B", "x"]))?.path).toEqual(["B", "x"]);
    expect(await entry(server, place.mount, "B/x")).toMatchObject({ password: "v" });
    expect(await entry(server, place.mount, "A/x")).toBeUndefined();
    await vault.close();
  });

  test("while it renames a category leaves entries that whoever had them noted before doesn't forget", async () => {
    const { server, place, open: openVault } = await newVault();
    const first = openVault();
    const { id } = await first.createCategory({ name: "A", parentId: null });
    await createOne(first, { name: "x", categoryId: id, ...withValue("v") }); // noted until the directory is written again
    let dead = false;
    const proxy = await between(server, (method, path) => {
      dead ||= /POST .*metadata\/B\/x/.test(`${method} ${path}`);
      return dead ? { status: 400, body: { errors: ["dead"] } } : undefined;
    });
    const dying = open({ ...place, server: { origin: proxy.origin } });
    await expect(dying.updateCategory(id, { name: "B" })).rejects.toThrow();
    expect(dead).toBe(true);
    proxy.close();
    await first.createCategory({ name: "other", parentId: null });
    await first.close();
    const next = openVault();
    expect(await collect(next.listCredentials())).toMatchObject([{ path: ["B", "x"] }]);
    await next.close();
    expect(await entry(server, place.mount, "B/x")).toMatchObject({ password: "v" });
    expect(await entry(server, place.mount, "A/x")).toBeUndefined();
  });

  test("while it changes an entry leaves what the next one shows", async () => {
    const { server, place, vault } = await dying(async (dyingPlace) => {
      const first = open(dyingPlace);
      const made = await createOne(first, { name: "x", username: "old", ...withValue("v") });
      await first.updateCredential(made.id, { username: "new" });
    }, /POST .*data\/x$/g);
    const [found] = await collect(vault.listCredentials());
    const { username } = found ?? {};
    expect(await entry(server, place.mount, "x")).toMatchObject({ username });
    await vault.close();
  });
});

describe("two processes", () => {
  test("that make the same entry at once: exactly one does", async () => {
    const { open: openVault } = await newVault();
    const [one, other] = [openVault(), openVault({ actor: "bo@runner-2 (test)" })];
    const inputs = { categoryId: null, targets: [target("app")] };
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, (_, index) => createOne(index % 2 === 0 ? one : other, { name: "x", ...inputs })),
    );
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ code: "CONFLICT" });
    }
    expect(await collect(other.listCredentials())).toHaveLength(1);
    await Promise.all([one.close(), other.close()]);
  });

  test("that make the same entry: not even if what the first wrote is read by the other while it is at it", async () => {
    const { server, place } = await newVault();
    const { promise: goOn, resolve: letGo } = Promise.withResolvers<void>();
    const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
    let held = false;
    const proxy = await between(server, async (method, path) => {
      if (held || method !== "POST" || !path.includes("credentials")) return undefined;
      held = true;
      reach();
      await goOn;
      return undefined;
    });
    const [slow, fast] = [open({ ...place, server: { origin: proxy.origin } }), open(place)];
    const late = failure(createOne(slow, { name: "x", ...withValue("late") }), "CONFLICT");
    await reached;
    await createOne(fast, { name: "x", ...withValue("first") });
    await fast.close(); // with nothing left that whoever reads has to set right
    expect(await collect(slow.listCredentials())).toHaveLength(1);
    letGo();
    await late;
    expect(await collect(slow.listCredentials())).toHaveLength(1);
    expect(await entry(server, place.mount, "x")).toMatchObject({ password: "first" });
    proxy.close();
  });

  test("that make different entries and categories at once both do, whatever the other writes", async () => {
    const { open: openVault } = await newVault();
    const vaults = [openVault(), openVault(), openVault()];
    await Promise.all(
      vaults.flatMap((vault, process) =>
        Array.from({ length: 4 }, async (_, index) => {
          const { id } = await vault.createCategory({ name: `${process}-${index}`, parentId: null });
          await createOne(vault, { name: "x", categoryId: id, ...withValue(`${process}-${index}`) });
        }),
      ),
    );
    const [reader] = vaults;
    const all = await collect(reader?.listCredentials() ?? (async function* () {})());
    expect(all.map(({ path }) => path[0]).sort()).toEqual(
      [0, 1, 2].flatMap((process) => [0, 1, 2, 3].map((index) => `${process}-${index}`)),
    );
    await Promise.all(vaults.map((vault) => vault.close()));
  });
});

describe("a login that is settled", () => {
  test("is taken back though another process has written the entry since it was booked", async () => {
    const { place } = await newVault();
    const [one, other] = [open(place), open(place)];
    const { id } = await createOne(one, { name: "x", categoryId: null, targets: [target("app")] });
    const booking = (name: string, kind: "proof" | "probe") => ({ id: name, account, host: "db:5432", kind });
    await one.bookLogin(booking("first", "proof"));
    await other.updateCredential(id, { description: "written meanwhile" });
    await one.settleLogin("first", "succeeded");
    await one.bookLogin(booking("second", "probe"));
    // Were the first one still there, it would be one more that counts.
    await expect(other.bookLogin(booking("third", "probe"))).resolves.toBeUndefined();
  });
});

describe("a server that isn't as it should be", () => {
  test("that is sealed says so", async () => {
    const server = await VaultServer.start();
    try {
      const place = placeOn(server, await server.mount());
      await createHashicorpVault({ ...place, name: "test", clock: systemClock });
      const vault = open(place);
      const made = await createOne(vault, { name: "x", ...withValue("v") });
      await server.api("PUT", "sys/seal");
      expect((await failure(vault.readCredential(made.id), "UNREACHABLE")).message).toContain("is sealed");
      expect((await failure(open(place).identity(), "UNREACHABLE")).message).toContain("is sealed");
      await server.stop();
      expect((await failure(open(place).identity(), "UNREACHABLE")).message).toContain("ECONNREFUSED");
    } finally {
      await server.stop();
    }
  });

  test("that is a standby leads to the active node, or is refused where that isn't known", async () => {
    const { server, place } = await newVault();
    let leader: string | undefined = server.origin;
    const proxy = await between(server, (_method, path) => {
      if (path.includes("sys/health")) return { status: 429, body: { initialized: true, sealed: false } };
      return path.includes("sys/leader") ? { status: 200, body: { leader_address: leader } } : undefined;
    });
    const behind = { ...place, server: { origin: proxy.origin } };
    const vault = open(behind);
    expect((await vault.identity()).name).toBe("test");
    expect(proxy.asked.every((asked) => /sys\/(health|leader)/.test(asked))).toBe(true);
    await vault.close();
    leader = undefined;
    expect((await failure(open(behind).identity(), "UNREACHABLE")).message).toContain("standby");
    leader = "https://127.0.0.1:1";
    await failure(open(behind).identity(), "UNREACHABLE");
    proxy.close();
  });

  test("whose reply is lost isn't asked to do the same twice", async () => {
    const { server, place } = await newVault();
    let lost = 0;
    const proxy = await between(server, (method, path) => {
      const lose = method === "POST" && path.includes("credentials") && lost < 2;
      if (lose) lost += 1;
      return lose ? { status: 0, lose: true } : undefined;
    });
    const vault = open({ ...place, server: { origin: proxy.origin } });
    const made = await createOne(vault, { name: "x", targets: [target("app")] });
    const { lease } = await hold(vault, made.id, [stage("one", account)]);
    expect(lost).toBe(2);
    expect(lease.fencing).toBe(1);
    await rotateOn(vault, lease);
    expect(await readValue(vault, made.id)).toBe("one");
    proxy.close();
    await vault.close();
  });

  test("whose reply is lost has done it, also where others have gone on from there", async () => {
    const { server, place, open: openVault } = await newVault();
    const other = openVault();
    let [isLost, isOther] = [false, false];
    const proxy = await between(server, async (method, path) => {
      if (!path.includes("directory")) return undefined;
      if (method === "POST" && !isLost) {
        isLost = true;
        return { status: 0, lose: true };
      }
      if (isLost && !isOther) {
        isOther = true;
        await createOne(other, { name: "y", ...withValue("other") });
      }
      return undefined;
    });
    const vault = open({ ...place, server: { origin: proxy.origin } });
    const made = await createOne(vault, { name: "x", ...withValue("v") });
    expect(isOther).toBe(true);
    expect(proxy.asked.filter((asked) => asked.startsWith("DELETE"))).toEqual([]); // nothing is made twice
    expect((await collect(other.listCredentials())).map(({ name }) => name).sort()).toEqual(["x", "y"]);
    expect(await readValue(other, made.id)).toBe("v");
    proxy.close();
    await other.close();
  });

  test("to which a request comes late, once it was sent again, has done it once", async () => {
    const { server, place, open: openVault } = await newVault();
    let arrive: (() => Promise<void>) | undefined;
    let late: RegExp | undefined;
    const proxy = await between(server, async (method, path) => {
      if (method !== "POST" || !late?.test(path)) return undefined;
      if (arrive === undefined) return { status: 504, late: (send) => (arrive = send) };
      late = undefined;
      await arrive();
      return undefined;
    });
    const vault = open({ ...place, server: { origin: proxy.origin } });
    const lates = async <T>(path: RegExp, work: () => Promise<T>): Promise<T> => {
      [late, arrive] = [path, undefined];
      const result = await work();
      expect(late).toBeUndefined();
      return result;
    };
    await vault.identity();
    await lates(/directory/, () => vault.createCategory({ name: "A", parentId: null }));
    const made = await lates(/directory/, () => createOne(vault, { name: "x", targets: [target("app")] }));
    const { lease } = await lates(/credentials/, () => hold(vault, made.id, []));
    await lates(/credentials/, () => vault.record(lease, [stage("one", account)]));
    await lates(/credentials/, () => rotateOn(vault, lease));
    expect(proxy.asked.filter((asked) => asked.startsWith("DELETE"))).toEqual([]); // nothing is made twice
    expect(lease.fencing).toBe(1);
    const other = openVault();
    expect((await collect(other.listCredentials())).map(({ id }) => id)).toEqual([made.id]);
    expect(await readValue(other, made.id)).toBe("one");
    proxy.close();
    await other.close();
  });

  async function rotateOn(vault: ReturnType<typeof open>, lease: Parameters<typeof vault.record>[0]) {
    await vault.record(lease, [...finish(1, account), { step: "release" }]);
  }

  test.each([
    ["a mount of version 1", { version: "1" as const }, "NOT_SUPPORTED", "KV version 1"],
    ["a mount that keeps too few versions", { config: { max_versions: 2 } }, "CONFIGURATION", "keeps 2 versions"],
    [
      "a mount that deletes by itself",
      { config: { delete_version_after: "24h" } },
      "CONFIGURATION",
      "deletes versions by itself",
    ],
  ] as const)("%s is refused, for a new vault and for one that is there", async (_what, options, code, message) => {
    const server = await sharedServer();
    const place = placeOn(server, await server.mount(options));
    const error = await failure(createHashicorpVault({ ...place, name: "test", clock: systemClock }), code);
    expect(error.message).toContain(message);
    await failure(open(place).identity(), code);
  });

  test("a path that keeps too few versions is refused before anything is written", async () => {
    const { server, place, open: openVault } = await newVault();
    const vault = openVault();
    await server.api("POST", `${place.mount}/metadata/x`, { max_versions: 1 });
    await failure(createOne(vault, { name: "x", ...withValue("v") }), "CONFIGURATION");
    expect(await collect(vault.listCredentials())).toEqual([]);
    await vault.close();
  });

  test("a mount that isn't there, and one without a vault, are told apart", async () => {
    const server = await sharedServer();
    const missing = await failure(open(placeOn(server, "nowhere")).identity(), "FORBIDDEN");
    expect(missing.message).toContain("no mount nowhere");
    const stranger = { method: { by: "token" as const }, secret: () => new Secret("s.nobodys") };
    const refused = await failure(open({ ...placeOn(server, "nowhere"), login: stranger }).identity(), "FORBIDDEN");
    expect(refused.message).toContain("The token for");
    const empty = placeOn(server, await server.mount());
    expect((await failure(open(empty).identity(), "VAULT_MISSING")).message).toContain("coffre vault init");
    await createHashicorpVault({ ...empty, name: "test", clock: systemClock });
    await failure(createHashicorpVault({ ...empty, name: "test", clock: systemClock }), "CONFLICT");
    const below = { ...empty, root: ["team", "a"] };
    await createHashicorpVault({ ...below, name: "other", clock: systemClock });
    expect((await open(below).identity()).name).toBe("other");
    expect((await open(empty).identity()).name).toBe("test");
  });

  test("documents that somebody removed or changed by hand are CORRUPT, and never an empty vault", async () => {
    const { server, place, open: openVault } = await newVault();
    const made = await createOne(openVault(), { name: "x", ...withValue("v") });
    await server.api("POST", `${place.mount}/data/.coffre/credentials/${made.id}`, { data: { a: "1" } });
    await failure(openVault().readCredential(made.id), "CORRUPT");
    await server.api("DELETE", `${place.mount}/data/.coffre/directory`);
    await failure(collect(openVault().listCredentials()), "CORRUPT");
    await failure(createOne(openVault(), { name: "y" }), "CORRUPT");
    await failure(createHashicorpVault({ ...place, name: "test", clock: systemClock }), "CONFLICT");
  });
});

describe("a login", () => {
  test("with a token that has expired in the middle says so; one whose file was renewed goes on", async () => {
    const { server, place } = await newVault();
    const policy = 'path "*" { capabilities = ["create", "read", "update", "patch", "delete", "list", "sudo"] }';
    let token = await server.token(policy);
    const vault = open({ ...place, login: { method: { by: "token" }, secret: () => new Secret(token) } });
    const made = await createOne(vault, { name: "x", ...withValue("v") });
    await server.api("POST", "auth/token/revoke", { token });
    const error = await failure(vault.readCredential(made.id), "FORBIDDEN");
    expect(error.message).toContain("is wrong, has expired, or was revoked");
    expect(error.message).not.toContain(token);
    token = await server.token(policy);
    expect(await readValue(vault, made.id)).toBe("v");
    await vault.close();
  });

  test("with a short life is renewed before it ends", async () => {
    const { server, place } = await newVault();
    const policy = 'path "*" { capabilities = ["create", "read", "update", "patch", "delete", "list", "sudo"] }';
    const token = await server.token(policy, { ttl: "6s", renewable: true });
    const vault = open({ ...place, login: byToken(token) });
    const until = Date.now() + 7_000;
    while (Date.now() < until) {
      await vault.readMany([{ id: "cr_none" }]);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    await vault.close();
  });

  test("by AppRole gets a token, and another one once that is worth nothing", async () => {
    const { server, place } = await newVault();
    await server.api("POST", "sys/auth/approle", { type: "approle" });
    const name = `role-${place.mount}`;
    const policy = `policy-${place.mount}`;
    const text = policyTexts({
      vault: "test",
      mount: place.mount,
      root: [],
      rights: { categories: [], principals: [], memberships: [], grants: [] },
      now: new Date(),
    })[0]?.text;
    await server.api("POST", `sys/policies/acl/${policy}`, { policy: text });
    await server.api("POST", `auth/approle/role/${name}`, { token_policies: [policy], token_num_uses: 12 });
    const { body: role } = await server.api("GET", `auth/approle/role/${name}/role-id`);
    const { body: secret } = await server.api("POST", `auth/approle/role/${name}/secret-id`, {});
    const method = { by: "approle", mount: "approle", roleId: String(role.data?.["role_id"]) } as const;
    const secretId = new Secret(String(secret.data?.["secret_id"]));
    const vault = open({ ...place, login: { method, secret: () => secretId } });
    const made = await createOne(vault, { name: "x", targets: [target("app")] });
    await rotate(vault, made, "one"); // more requests than the token has uses
    await rotate(vault, made, "two");
    await vault.archiveCredential(made.id, {});
    expect(await readValue(vault, made.id)).toBe("two");
    await vault.close();
    const wrong = { ...place, login: { method, secret: () => new Secret("hunter2") } };
    const error = await failure(open(wrong).identity(), "FORBIDDEN");
    expect(error.message).toContain("refused the login by approle");
    expect(error.message).not.toContain("hunter2");
  });

  test("without a right to something says which path and which capability", async () => {
    const { server, place, open: openVault } = await newVault();
    const made = await createOne(openVault(), { name: "x", ...withValue("v") });
    const { mount } = place;
    const rights = (data: string, metadata: string) =>
      [
        `path "${mount}/config" { capabilities = ["read"] }`,
        `path "${mount}/data/*" { capabilities = [${data}] }`,
        ...(metadata === "" ? [] : [`path "${mount}/metadata/*" { capabilities = [${metadata}] }`]),
      ].join("\n");
    const reader = open({ ...place, login: byToken(await server.token(rights('"read"', ""))) });
    expect(await readValue(reader, made.id)).toBe("v");
    const write = await failure(reader.updateCredential(made.id, { username: "u" }), "FORBIDDEN");
    expect(write.details).toEqual({
      path: `${mount}/data/.coffre/credentials/${made.id}`,
      capability: "create, update",
    });
    const writer = open({
      ...place,
      login: byToken(await server.token(rights('"create", "read", "update", "patch"', ""))),
    });
    const noMetadata = await failure(createOne(writer, { name: "y", ...withValue("v") }), "FORBIDDEN");
    expect(noMetadata.details).toEqual({ path: `${mount}/metadata/`, capability: "list" });
    expect((await collect(openVault().listCredentials())).map(({ name }) => name)).toEqual(["x"]);
    await Promise.all([reader.close(), writer.close()]);
  });
});

test("a rotation asks the server at most eight times, its own reading and reading back included", async () => {
  const { open: openVault } = await newVault();
  const vault = openVault();
  const made = await createOne(vault, { name: "x", username: "app", targets: [target("app")] });
  await rotate(vault, made, "zero");
  const before = vault.requests;
  const booking = { id: "b-1", account, host: "db.example.com:5432", kind: "proof" } as const;
  await vault.readCredential(made.id);
  const { lease } = await hold(vault, made.id);
  await vault.record(lease, [stage("one", account)]);
  expect(await readValue(vault, made.id, "pending")).toBe("one");
  await vault.record(lease, [
    { step: "set-started", version: 2, account },
    { step: "book-login", booking },
  ]);
  await vault.record(lease, [
    { step: "set-confirmed", version: 2, account },
    { step: "settle-login", bookingId: "b-1", outcome: "succeeded" },
    { step: "verified", version: 2, account },
    { step: "promote", version: 2, verified: true },
    { step: "release" },
  ]);
  expect(vault.requests - before).toBeLessThanOrEqual(8);
  expect(await readValue(vault, made.id)).toBe("one");
  await vault.close();
});
