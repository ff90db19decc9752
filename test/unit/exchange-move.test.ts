import { describe, expect, test } from "@jest/globals";
import { collect } from "../../provider/core/collect.js";
import { Secret } from "../../provider/core/secret.js";
import { moveEntries, type MoveRequest } from "../../provider/exchange/move.js";
import { readEntries } from "../../provider/exchange/read-vault.js";
import { createMemoryVault } from "../../provider/vault/memory/memory-vault.js";
import type { FieldChange, Vault } from "../../provider/vault/port.js";
import { stage, target } from "../contract/vault-cases/steps.js";

const put = (name: string, value: string): FieldChange => ({
  change: "put",
  name,
  type: "secret",
  value: new Secret(value),
  cause: "test",
});
const initial = (value: string) => ({ initial: { value: new Secret(value), causes: ["test"] } });

async function source(): Promise<Vault> {
  const vault = createMemoryVault({ name: "old" });
  const { id: categoryId } = await vault.createCategory({
    name: "Partners",
    parentId: null,
    description: "those we buy from",
    policy: { minLength: 3 },
  });
  const made = await vault.createCredentials([
    {
      name: "mail",
      categoryId,
      username: "u",
      tags: ["eu"],
      ...initial("one"),
      fields: [put("token", "t1"), put("token", "t2"), put("gone", "g"), { change: "remove", name: "gone" }],
    },
    { name: "portal", categoryId: null, url: "https://p", ...initial("p1") },
    { name: "awaits", categoryId, valueManagedBy: "external" },
  ]);
  await add(vault, made[0]!.id, "two", 2);
  await add(vault, made[0]!.id, "three", 3);
  return vault;
}

async function add(vault: Vault, id: string, value: string, version: number): Promise<void> {
  await vault.acquireLease(id, { holder: "h", ttlSeconds: 60 }, [
    stage(value),
    { step: "promote", version, verified: false },
    { step: "release" },
  ]);
}

async function contentOf(vault: Vault): Promise<unknown> {
  const { entries } = await readEntries(vault);
  return entries.map(({ entry: { values, ...texts } }) => ({
    ...texts,
    values: values.map(({ versions, ...value }) => ({
      ...value,
      versions: versions.map(({ type, value: secret }) => [type, secret.reveal()]),
    })),
  }));
}

const paths = async (vault: Vault) => (await collect(vault.listCredentials())).map(({ path }) => path.join("/"));
const move = (from: Vault, to: Vault, more: Partial<MoveRequest> = {}) =>
  moveEntries({ source: from, destination: to, ...more });

test("everything arrives with its history, is compared, and leaves the source, where it stays readable by id", async () => {
  const [from, to] = [await source(), createMemoryVault({ name: "new" })];
  const before = await contentOf(from);
  const ids = (await collect(from.listCredentials())).map(({ id }) => id);
  expect(await move(from, to, { dryRun: true })).toMatchObject({
    copied: ["awaits", "mail", "portal"].map((name) => (name === "portal" ? name : `Partners/${name}`)),
    proven: 0,
  });
  expect(await paths(to)).toEqual([]);
  expect(await move(from, to)).toMatchObject({ proven: 3, removed: 3, differences: [], stays: [], notes: [] });
  expect(await contentOf(to)).toEqual(before);
  expect(await collect(to.listCategories())).toMatchObject([
    { path: ["Partners"], description: "those we buy from", policy: { minLength: 3 } },
  ]);
  expect([await paths(from), await collect(from.listCategories())]).toEqual([[], []]);
  const [value] = await from.readMany([{ id: ids.at(1)!, version: 1 }]);
  expect(value).not.toBeInstanceOf(Error);
});

test("what a category says about access doesn't move, and is listed", async () => {
  const [from, to] = [await source(), createMemoryVault({ name: "new" })];
  const [partners] = await collect(from.listCategories());
  await from.updateCategory(partners?.id ?? "", { readOnly: true, expiresAt: "2125-01-01T00:00:00Z" });
  expect((await move(from, to)).notes).toEqual([
    { where: "Partners", what: "that only managers change it" },
    { where: "Partners", what: "that it ends at 2125-01-01T00:00:00.000Z" },
  ]);
  const [moved] = await collect(to.listCategories());
  expect(moved).toEqual(expect.not.objectContaining({ readOnly: true }));
});

test("killed before any of its writes, the next run ends with the same, nothing doubled and nothing lost", async () => {
  const WRITES = [
    "createCategory",
    "createCredentials",
    "acquireLease",
    "updateCredential",
    "archiveCredential",
    "deleteCategory",
  ] as const;
  let points = 0;
  for (let point = 1; ; point += 1) {
    const [from, to] = [await source(), createMemoryVault({ name: "new" })];
    const before = await contentOf(from);
    let calls = 0;
    const cut = (vault: Vault) =>
      new Proxy(vault, {
        get(target_, name: keyof Vault) {
          const value: unknown = Reflect.get(target_, name);
          if (typeof value !== "function") return value;
          if (!(WRITES as readonly string[]).includes(name)) return value.bind(target_) as unknown;
          return (...args: unknown[]) =>
            ++calls === point ? Promise.reject(new Error("killed")) : (value.apply(target_, args) as unknown);
        },
      });
    const died = await move(cut(from), cut(to)).then(
      () => false,
      () => true,
    );
    if (!died) break;
    points += 1;
    const union = [...(await paths(from)), ...(await paths(to))];
    expect(new Set(union).size).toBe(3); // each entry is on at least one side
    const report = await move(from, to);
    expect(report.differences).toEqual([]);
    expect({ point, content: await contentOf(to) }).toEqual({ point, content: before });
    expect(await paths(from)).toEqual([]);
  }
  expect(points).toBeGreaterThan(6);
});

describe("nothing leaves the source", () => {
  test("while a place is taken: nothing is copied either", async () => {
    const [from, to] = [await source(), createMemoryVault({ name: "new" })];
    await to.createCredentials([{ name: "portal", categoryId: null, ...initial("theirs") }]);
    expect(await move(from, to)).toMatchObject({
      proven: 0,
      removed: 0,
      differences: [{ where: "portal", what: expect.stringContaining("another entry") }],
    });
    expect(await paths(to)).toEqual(["portal"]);
    expect(await paths(from)).toHaveLength(3);
  });

  test("while one copy differs, in a value that an earlier version has", async () => {
    const [from, to] = [await source(), createMemoryVault({ name: "new" })];
    const read = to.readMany.bind(to);
    to.readMany = async (requests) => {
      const answers = await read(requests);
      return answers.map((answer) =>
        !(answer instanceof Error) && answer.field === "token" && answer.version === 1
          ? { ...answer, value: new Secret("altered") }
          : answer,
      );
    };
    expect(await move(from, to)).toMatchObject({
      removed: 0,
      proven: 2,
      differences: [{ where: "Partners/mail", field: "token" }],
    });
    expect(await paths(from)).toHaveLength(3);
    to.readMany = read;
    expect(await move(from, to)).toMatchObject({ removed: 3, differences: [] });
  });

  test("that changed after it was compared; the next run brings what is new", async () => {
    const [from, to] = [await source(), createMemoryVault({ name: "new" })];
    const mail = (await from.findCredential(["Partners", "mail"]))!.id;
    const archive = from.archiveCredential.bind(from);
    from.archiveCredential = async (id, proof) => {
      if (id !== mail && (await from.readCredential(mail)).versions.length === 3) {
        await add(from, mail, "four", 4);
        await from.updateCredential(mail, { username: "other", fields: [put("token", "t3")] });
      }
      return archive(id, proof);
    };
    expect(await move(from, to)).toMatchObject({
      removed: 2,
      differences: [{ where: "Partners/mail", what: expect.stringContaining("changed it meanwhile") }],
    });
    const before = await contentOf(from);
    expect(await move(from, to)).toMatchObject({ removed: 1, differences: [] });
    expect(await contentOf(to)).toEqual(expect.arrayContaining(before as unknown[]));
  });

  test("that has a target, a pending version, a stack or dependants, or that is asked to stay", async () => {
    const [from, to] = [await source(), createMemoryVault({ name: "new" })];
    const [admin, owned] = await from.createCredentials([
      { name: "admin", categoryId: null, ...initial("a") },
      { name: "owned", categoryId: null, ...initial("o"), owner: { key: "k", stack: "s", token: "t" } },
    ]);
    await from.createCredentials([
      { name: "role", categoryId: null, targets: [target("role", { adminId: admin!.id })] },
    ]);
    const [half] = await from.createCredentials([{ name: "half", categoryId: null }]);
    await from.acquireLease(half!.id, { holder: "h", ttlSeconds: 60 }, [stage("pending"), { step: "release" }]);
    const report = await move(from, to, { keep: true });
    expect(report).toMatchObject({ proven: 3, removed: 0 });
    expect(report.stays.map(({ where }) => where)).toEqual(["admin", "half", "owned", "role"]);
    expect(owned?.owned).toBe(true);
    expect(await paths(from)).toHaveLength(7);
  });

  test("that only reads, and nothing goes into the same vault or one that only reads", async () => {
    const from = await source();
    await expect(move(from, from)).rejects.toMatchObject({ code: "INVALID_INPUT" });
    const readOnly = Object.assign(createMemoryVault({ name: "kdbx" }), {
      capabilities: { ...from.capabilities, readOnly: true },
    });
    await expect(move(readOnly, from)).rejects.toMatchObject({
      code: "READ_ONLY",
      hint: expect.stringContaining("--keep"),
    });
    await expect(move(from, readOnly)).rejects.toMatchObject({ code: "READ_ONLY" });
    await expect(move(from, createMemoryVault(), { category: ["Nowhere"] })).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
  });
});

test("a version that was accepted again arrives as the current one", async () => {
  const [from, to] = [await source(), createMemoryVault({ name: "new" })];
  const mail = (await collect(from.listCredentials())).find(({ path }) => path.at(-1) === "mail");
  await from.resolveCredential(mail!.id, { decision: "accept", version: 1, verified: false });
  expect((await move(from, to)).differences).toEqual([]);
  const copy = await to.findCredential(["Partners", "mail"]);
  const [answer] = await to.readMany([{ id: copy!.id }]);
  expect(answer instanceof Error ? answer : answer!.value.reveal()).toBe("one");
});
