import { describe, expect, test } from "@jest/globals";
import { CoffreError } from "../../provider/core/errors.js";
import { Secret } from "../../provider/core/secret.js";
import { createMemoryVault } from "../../provider/vault/memory/memory-vault.js";
import type { FieldChange } from "../../provider/vault/port.js";
import { collect, failure, readValue } from "../contract/vault-cases/setup.js";
import { type Call, intercept } from "../fixtures/intercept.js";
import { counts, everything, jobOf, makeCategory, makeEntry, newValue, syncInto } from "../fixtures/sync-scene.js";

const put = (name: string, type: "text" | "secret" | "totp" | "file", value: string): FieldChange => ({
  change: "put",
  name,
  type,
  value: new Secret(value),
  cause: "command:test",
});

function vaults() {
  return { prod: createMemoryVault({ name: "prod" }), robots: createMemoryVault({ name: "robots" }) };
}

describe("what is copied", () => {
  test("every field of every entry stands in the destination, and a second run finds nothing to do and reads nothing", async () => {
    const { prod, robots } = vaults();
    const databases = await makeCategory(prod, "Databases", await makeCategory(prod, "Production"));
    await makeEntry(prod, "orders-app", {
      categoryId: databases,
      username: "orders_app",
      url: "https://orders.example.com",
      description: "for the shop",
      tags: ["shop", "eu"],
      fields: [
        put("note", "text", "see the wiki"),
        put("token", "secret", "a token"),
        put("tls.key", "file", Buffer.from("key\0bytes").toString("base64")),
        put("codes", "totp", "JBSWY3DPEHPK3PXP"),
      ],
    });
    await makeEntry(prod, "only-fields", { value: null, fields: [put("token", "secret", "another token")] });
    await makeEntry(prod, "nothing-yet", { value: null, valueManagedBy: "external" });

    const first = await syncInto(prod, robots, { verify: true });
    expect(counts(first)).toBe("created 2, waiting 1");
    expect(first.differences).toEqual([]);
    const { "nothing-yet": _left, ...wanted } = await everything(prod);
    expect(await everything(robots)).toEqual(wanted);

    const { head } = await prod.identity();
    const there = (await robots.identity()).head;
    expect(counts(await syncInto(prod, robots))).toBe("unchanged 2, waiting 1");
    expect([(await prod.identity()).head, (await robots.identity()).head]).toEqual([head, there]);
  });

  test("a new version, a changed text, new and gone fields follow; what was before stays in the destination's history", async () => {
    const { prod, robots } = vaults();
    const id = await makeEntry(prod, "api", { fields: [put("token", "secret", "one"), put("region", "text", "eu")] });
    await makeEntry(prod, "other");
    await syncInto(prod, robots);

    await newValue(prod, id, "second");
    await prod.updateCredential(id, {
      username: "api_user",
      fields: [put("region", "text", "us"), { change: "remove", name: "token" }, put("zone", "secret", "b")],
    });
    expect(counts(await syncInto(prod, robots, { verify: true }))).toBe("updated 1, unchanged 1");
    expect(await everything(robots)).toEqual(await everything(prod));
    const copy = await robots.findCredential(["api"]);
    expect(copy?.versions.map(({ state }) => state)).toEqual(["previous", "current"]);
    expect(await readValue(robots, copy?.id ?? "", "previous")).toBe("value of api");
  });

  test("a field that changed its type is replaced, and a text that was changed there and back is nothing to copy", async () => {
    const { prod, robots } = vaults();
    const id = await makeEntry(prod, "api", { fields: [put("token", "secret", "one"), put("region", "text", "eu")] });
    await syncInto(prod, robots);
    await prod.updateCredential(id, { fields: [put("region", "text", "us"), put("region", "text", "eu")] });
    expect(counts(await syncInto(prod, robots))).toBe("unchanged 1");
    await prod.updateCredential(id, { fields: [{ change: "remove", name: "token" }, put("token", "text", "shown")] });
    expect(counts(await syncInto(prod, robots, { verify: true }))).toBe("updated 1");
    expect(await everything(robots)).toEqual(await everything(prod));
  });

  test("while an entry rotates its current value is copied, never the pending one, and the new one once it is promoted", async () => {
    const { prod, robots } = vaults();
    const id = await makeEntry(prod, "db");
    const { lease } = await prod.acquireLease(id, { holder: "a test", ttlSeconds: 60 }, [
      { step: "stage", value: new Secret("pending value"), causes: [], accounts: [] },
    ]);
    expect(counts(await syncInto(prod, robots))).toBe("created 1, rotating 1");
    expect(JSON.stringify(await everything(robots))).not.toContain("pending value");
    await prod.record(lease, [{ step: "promote", version: 2, verified: false }, { step: "release" }]);
    expect(counts(await syncInto(prod, robots))).toBe("updated 1");
    expect(await everything(robots)).toEqual(await everything(prod));
    const copy = await robots.findCredential(["db"]);
    expect(copy?.versions.map(({ state }) => state)).toEqual(["previous", "current"]);
  });
});

describe("what moves and goes", () => {
  test("a renamed category takes its copies along under the same ids, and is not doubled", async () => {
    const { prod, robots } = vaults();
    const production = await makeCategory(prod, "Production");
    const databases = await makeCategory(prod, "Databases", production);
    for (const name of ["a", "b"]) await makeEntry(prod, name, { categoryId: databases });
    await syncInto(prod, robots, { job: { prefix: ["Mirror"] } });
    const before = await robots.findCredential(["Mirror", "Production", "Databases", "a"]);

    await prod.updateCategory(production, { name: "Live" });
    expect(counts(await syncInto(prod, robots, { job: { prefix: ["Mirror"] }, verify: true }))).toBe("moved 2");
    expect(Object.keys(await everything(robots))).toEqual(["Mirror/Live/Databases/a", "Mirror/Live/Databases/b"]);
    expect((await robots.findCredential(["Mirror", "Live", "Databases", "a"]))?.id).toBe(before?.id);
    expect((await collect(robots.listCategories())).map(({ path }) => path.join("/"))).toEqual([
      "Mirror",
      "Mirror/Live",
      "Mirror/Live/Databases",
    ]);
  });

  test("a move, an archived and a deleted entry are followed, and categories that are empty by then go", async () => {
    const { prod, robots } = vaults();
    const [old, young] = [await makeCategory(prod, "Old"), await makeCategory(prod, "New")];
    const moved = await makeEntry(prod, "moved", { categoryId: old });
    const archived = await makeEntry(prod, "archived", { categoryId: old });
    const deleted = await makeEntry(prod, "deleted", { categoryId: old });
    await syncInto(prod, robots);
    const copyId = (await robots.findCredential(["Old", "archived"]))?.id ?? "";
    await prod.updateCredential(moved, { categoryId: young, name: "moved-too" });
    await prod.archiveCredential(archived, {});
    await prod.deleteCredential(deleted, {});
    expect(counts(await syncInto(prod, robots, { verify: true }))).toBe("moved 1, removed 2");
    expect(await everything(robots)).toEqual(await everything(prod));
    expect((await collect(robots.listCategories())).map(({ name }) => name)).toEqual(["New"]);
    expect(await readValue(robots, copyId)).toBe("value of archived");
  });

  test("entries that change places with each other arrive, each with its own value", async () => {
    const { prod, robots } = vaults();
    const ids = [];
    for (const name of ["a", "b", "c"]) ids.push(await makeEntry(prod, name));
    await syncInto(prod, robots);
    for (const [index, id] of ids.entries()) await prod.updateCredential(id, { name: `x${index}` });
    for (const [index, id] of ids.entries()) await prod.updateCredential(id, { name: ["b", "c", "a"][index] ?? "" });
    await newValue(prod, ids[1] ?? "", "new");
    expect(counts(await syncInto(prod, robots, { verify: true }))).toBe("updated 1, moved 2");
    expect(await everything(robots)).toEqual(await everything(prod));
  });

  test("one category travels alone, also when it is renamed; what leaves it goes", async () => {
    const { prod, robots } = vaults();
    const shop = await makeCategory(prod, "Shop");
    const inside = await makeEntry(prod, "inside", { categoryId: shop });
    await makeEntry(prod, "outside");
    const job = { categoryId: shop };
    expect(counts(await syncInto(prod, robots, { job }))).toBe("created 1");
    await prod.updateCategory(shop, { name: "Store" });
    expect(counts(await syncInto(prod, robots, { job }))).toBe("moved 1");
    expect(Object.keys(await everything(robots))).toEqual(["Store/inside"]);
    await prod.updateCredential(inside, { categoryId: null });
    expect(counts(await syncInto(prod, robots, { job }))).toBe("removed 1");
  });

  test("the copies go to another prefix only when that is said", async () => {
    const { prod, robots } = vaults();
    await makeEntry(prod, "a");
    await syncInto(prod, robots, { job: { prefix: ["Old"] } });
    const refused = await failure(syncInto(prod, robots), "CONFLICT");
    expect(refused.message).toContain("below Old, not at the root");
    expect(counts(await syncInto(prod, robots, { move: true }))).toBe("moved 1");
    expect(counts(await syncInto(prod, robots))).toBe("unchanged 1");
    expect(await collect(robots.listCategories())).toEqual([]);
  });
});

describe("what is not the job's", () => {
  test("an entry of somebody else's at the place is left alone and reported, and all others are copied", async () => {
    const { prod, robots } = vaults();
    const shop = await makeCategory(prod, "Shop");
    for (const name of ["a", "b"]) await makeEntry(prod, name, { categoryId: shop });
    const theirs = await makeEntry(robots, "a", { categoryId: await makeCategory(robots, "Shop"), value: "theirs" });

    const dry = await syncInto(prod, robots, { dryRun: true });
    expect(counts(dry)).toBe("created 1, failed 1");
    const report = await syncInto(prod, robots);
    expect(counts(report)).toBe("created 1, failed 1");
    expect(report.failures.map(({ path, error }) => [path.join("/"), error.code])).toEqual([["Shop/a", "CONFLICT"]]);
    expect(await readValue(robots, theirs)).toBe("theirs");

    await prod.updateCategory(shop, { name: "Store" });
    await syncInto(prod, robots);
    expect(Object.keys(await everything(robots))).toEqual(["Shop/a", "Store/a", "Store/b"]);
  });

  test("a value that somebody gave a copy is left alone and reported, until it is to be overwritten", async () => {
    const { prod, robots } = vaults();
    const id = await makeEntry(prod, "a", { fields: [put("token", "secret", "one")] });
    await syncInto(prod, robots);
    const copy = (await robots.findCredential(["a"]))?.id ?? "";
    await newValue(robots, copy, "theirs");
    await newValue(prod, id, "second");
    const report = await syncInto(prod, robots, { verify: true });
    expect(counts(report)).toBe("failed 1");
    expect(report.differences?.map(({ what }) => what)).toContain("password");
    expect(await readValue(robots, copy)).toBe("theirs");

    expect(counts(await syncInto(prod, robots, { overwrite: true, verify: true }))).toBe("updated 1");
    expect(await readValue(robots, copy)).toBe("second");
    expect(await readValue(robots, copy, "previous")).toBe("theirs");
    expect(counts(await syncInto(prod, robots))).toBe("unchanged 1");
  });

  test("a copy that another stack took over belongs to it from then on", async () => {
    const { prod, robots } = vaults();
    const id = await makeEntry(prod, "a");
    await syncInto(prod, robots);
    const copy = (await robots.findCredential(["a"]))?.id ?? "";
    await robots.updateCredential(copy, { owner: { key: "k", stack: "s", token: "t" } });
    await newValue(prod, id, "second");
    expect(counts(await syncInto(prod, robots))).toBe("failed 1");
    expect(await readValue(robots, copy)).toBe("value of a");
  });
});

describe("what is refused", () => {
  test("a sync of a vault into itself", async () => {
    const { prod } = vaults();
    await makeEntry(prod, "a");
    await failure(syncInto(prod, prod), "INVALID_INPUT");
    expect(Object.keys(await everything(prod))).toEqual(["a"]);
  });

  test("a sync back, which would be a circle; categories without copies go both ways, and copies of a third vault stay where they are", async () => {
    const { prod, robots } = vaults();
    await makeEntry(prod, "a");
    await syncInto(prod, robots, { job: { prefix: ["From prod"] } });
    const own = await makeCategory(robots, "Own");
    await makeEntry(robots, "b", { categoryId: own });
    const { head } = await prod.identity();
    const refused = await failure(syncInto(robots, prod), "CONFLICT");
    expect(refused.message).toContain("circle");
    expect((await prod.identity()).head).toBe(head);

    expect(counts(await syncInto(robots, prod, { job: { categoryId: own } }))).toBe("created 1");
    const third = createMemoryVault({ name: "third" });
    expect(counts(await syncInto(robots, third))).toBe("created 1, copies 1");
  });

  test("a second run while one is at work", async () => {
    const { prod, robots } = vaults();
    for (let index = 0; index < 30; index++) await makeEntry(prod, `entry-${index}`);
    let second: Promise<unknown> | undefined;
    await syncInto(prod, robots, {
      ended: () => {
        second ??= failure(syncInto(prod, robots), "LOCKED");
      },
    });
    await second;
    expect(second).toBeDefined();
    expect(counts(await syncInto(prod, robots))).toBe("unchanged 30");
  });

  test("a source that was emptied, or has lost most of its entries, until that is said; a few may go", async () => {
    const { prod, robots } = vaults();
    const ids: string[] = [];
    for (let index = 0; index < 24; index++) ids.push(await makeEntry(prod, `entry-${index}`));
    await syncInto(prod, robots);
    for (const id of ids.slice(0, 9)) await prod.archiveCredential(id, {});
    expect(counts(await syncInto(prod, robots))).toBe("removed 9, unchanged 15");
    for (const id of ids.slice(9, 19)) await prod.archiveCredential(id, {});
    for (const dryRun of [false, true]) {
      const error = await failure(syncInto(prod, robots, { dryRun }), "CONFLICT");
      expect(error.message).toContain("lacks 10 of the 15 entries");
    }
    expect(Object.keys(await everything(robots))).toHaveLength(15);
    expect(counts(await syncInto(prod, robots, { dryRun: true, acceptRemovals: true }))).toBe(
      "removed 10, unchanged 5",
    );
    await prod.unarchiveCredential(ids[9] ?? "", null);
    expect(counts(await syncInto(prod, robots))).toBe("removed 9, unchanged 6");
    for (const { id } of await collect(prod.listCredentials())) await prod.deleteCredential(id, {});
    await failure(syncInto(prod, robots), "CONFLICT");
    expect(counts(await syncInto(prod, robots, { acceptRemovals: true }))).toBe("removed 6");
  });

  test("a category that is gone, before anything is removed for its sake", async () => {
    const { prod, robots } = vaults();
    const shop = await makeCategory(prod, "Shop");
    const id = await makeEntry(prod, "a", { categoryId: shop });
    await syncInto(prod, robots, { job: { categoryId: shop } });
    await prod.deleteCredential(id, {});
    await prod.deleteCategory(shop, {});
    await failure(syncInto(prod, robots, { job: { categoryId: shop } }), "NOT_FOUND");
    expect(Object.keys(await everything(robots))).toEqual(["Shop/a"]);
  });
});

test("a dry run says what would be done, and writes and reads nothing", async () => {
  const { prod, robots } = vaults();
  const id = await makeEntry(prod, "a");
  await makeEntry(prod, "b");
  const heads = async () => [(await prod.identity()).head, (await robots.identity()).head];
  const before = await heads();
  expect(counts(await syncInto(prod, robots, { dryRun: true }))).toBe("created 2");
  expect(await heads()).toEqual(before);
  await syncInto(prod, robots);
  await prod.archiveCredential(id, {});
  const later = await heads();
  const report = await syncInto(prod, robots, { dryRun: true });
  expect(report.steps.map(({ action }) => action)).toEqual(["remove"]);
  expect(await heads()).toEqual(later);
});

test("Ctrl-C leaves the rest for the next run", async () => {
  const { prod, robots } = vaults();
  for (let index = 0; index < 40; index++) await makeEntry(prod, `entry-${index}`);
  const stop = new AbortController();
  const report = await syncInto(prod, robots, {
    parallel: 2,
    signal: stop.signal,
    ended: (_outcome, done) => done === 10 && stop.abort(),
  });
  expect(report.interrupted).toBe(true);
  expect(report.created).toBeLessThan(20);
  const rest = await syncInto(prod, robots, { verify: true });
  expect(rest.created + report.created).toBe(40);
  expect(rest.differences).toEqual([]);
});

test("two jobs of one source keep their copies apart", async () => {
  const { prod, robots } = vaults();
  const [shop, mail] = [await makeCategory(prod, "Shop"), await makeCategory(prod, "Mail")];
  await makeEntry(prod, "a", { categoryId: shop });
  await makeEntry(prod, "b", { categoryId: mail });
  await syncInto(prod, robots, { job: { categoryId: shop } });
  await syncInto(prod, robots, { job: { categoryId: mail } });
  expect(Object.keys(await everything(robots))).toEqual(["Mail/b", "Shop/a"]);
  expect(counts(await syncInto(prod, robots, { job: { categoryId: shop } }))).toBe("unchanged 1");
  expect(counts(await syncInto(prod, robots))).toBe("failed 2");
  expect((await jobOf(prod)).categoryId).toBe(null);
});

describe("what fails in the middle", () => {
  /** A vault whose calls fail from the `after`th write of a copy on. */
  function failing<V extends object>(vault: V, after: number, error: () => CoffreError): V {
    let writes = 0;
    const isWrite = ({ method, args }: Call) =>
      method === "createCredentials" && !JSON.stringify(args).includes("record");
    return intercept(vault, (call, proceed) => {
      if (isWrite(call)) writes += 1;
      return writes > after && call.method !== "record" ? Promise.reject(error()) : proceed();
    });
  }

  test("a destination that can't be reached any more ends the run, which says how far it came; the next one goes on", async () => {
    const { prod, robots } = vaults();
    for (let index = 0; index < 40; index++) await makeEntry(prod, `entry-${index}`);
    const gone = failing(robots, 15, () => new CoffreError("UNREACHABLE", "Nobody answers"));
    const error = await failure(syncInto(prod, gone, { parallel: 4 }), "UNREACHABLE");
    expect(error.message).toContain("15 of 40 were done");
    expect(error.hint).toContain("Run it again");
    expect(counts(await syncInto(prod, robots, { verify: true }))).toBe("created 25, unchanged 15");
  });

  test("without the right to write it ends at the first refusal, not after one for each entry", async () => {
    const { prod, robots } = vaults();
    for (let index = 0; index < 20; index++) await makeEntry(prod, `entry-${index}`);
    let asked = 0;
    const forbidden = failing(robots, 0, () => {
      asked += 1;
      return new CoffreError("FORBIDDEN", "No right to write here");
    });
    await failure(syncInto(prod, forbidden, { parallel: 1 }), "FORBIDDEN");
    expect(asked).toBeLessThan(3);
    expect(Object.keys(await everything(robots))).toEqual([]);
  });

  test("an entry whose value can't be read fails alone", async () => {
    const { prod, robots } = vaults();
    for (const name of ["a", "b"]) await makeEntry(prod, name);
    const damaged = intercept(prod, async (call, proceed) => {
      const answer = await proceed();
      if (call.method !== "readMany" || !Array.isArray(answer)) return answer;
      return [new CoffreError("CORRUPT", "The value is damaged"), ...(answer.slice(1) as unknown[])];
    });
    const report = await syncInto(damaged, robots);
    expect(counts(report)).toBe("created 1, failed 1");
    expect(report.failures[0]?.error.code).toBe("CORRUPT");
  });

  test("a value that comes into the copy between list and write is a conflict, and stays", async () => {
    const { prod, robots } = vaults();
    const id = await makeEntry(prod, "a");
    await syncInto(prod, robots);
    await newValue(prod, id, "second");
    const copy = (await robots.findCredential(["a"]))?.id ?? "";
    const raced = intercept(robots, async (call, proceed) => {
      if (call.method === "acquireLease" && call.args[0] === copy) await newValue(robots, copy, "theirs");
      return proceed();
    });
    expect(counts(await syncInto(prod, raced))).toBe("failed 1");
    expect(await readValue(robots, copy)).toBe("theirs");
  });
});
