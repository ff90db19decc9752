import { afterEach, expect, test } from "@jest/globals";
import { Secret } from "../../provider/core/secret.js";
import { v1Front } from "../../provider/server/v1/front.js";
import type { Category, Principal, Vault } from "../../provider/vault/port.js";
import { openRemoteVault } from "../../provider/vault/remote/remote-vault.js";
import {
  collect,
  createOne,
  failure,
  finish,
  HandClock,
  readValue,
  stage,
  target,
  withValue,
} from "../contract/vault-cases/setup.js";
import { ServerScene } from "../fixtures/server-scene.js";

const clock = new HandClock();
let scene: ServerScene;
const opened: Vault[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((vault) => vault.close()));
  await scene.close();
});

async function start(): Promise<{ a: Category; b: Category }> {
  scene = await ServerScene.start({ clock, fronts: [v1Front] });
  const make = (name: string) => scene.vault.createCategory({ name, parentId: null });
  return { a: await make("A"), b: await make("B") };
}

/** The vault as this user has it. */
async function as(user: string, role: "administrator" | "moderator" | "user" | "reader" = "user"): Promise<Vault> {
  const text = new Secret(await scene.token(user, { role }));
  const vault = openRemoteVault({ origin: scene.origin, token: () => text });
  opened.push(vault);
  return vault;
}

async function person(name: string): Promise<Principal> {
  const { people } = scene.vault;
  return (await people.findPrincipal("user", name)) ?? people.createPrincipal({ kind: "user", name });
}

async function give(
  name: string,
  { id: categoryId }: Category,
  role: "reader" | "editor" | "manager",
  expiresAt?: string,
) {
  const { id: principalId } = await person(name);
  return scene.vault.people.createGrant({
    categoryId,
    principalId,
    role,
    ...(expiresAt === undefined ? {} : { expiresAt }),
  });
}

test("a grant counts from the next request on, until its time has passed, and its events name the user", async () => {
  const { a } = await start();
  const entry = await createOne(scene.vault, { name: "entry", categoryId: a.id, ...withValue("v1") });
  const ana = await as("ana");
  await failure(ana.readCredential(entry.id), "FORBIDDEN");
  await give("ana", a, "reader", new Date(clock.now().getTime() + 600_000).toISOString());
  expect(await readValue(ana, entry.id)).toBe("v1");
  expect((await collect(scene.vault.listEvents())).at(-1)).toMatchObject({ action: "credential.read", actor: "ana" });
  clock.pass({ minutes: 10 });
  await failure(ana.readCredential(entry.id), "FORBIDDEN");
});

test("a delegated manager gives and takes in its category and below, and nowhere else", async () => {
  const { a, b } = await start();
  await give("ana", a, "manager");
  const [ana, bo] = [await as("ana"), await as("bo")];
  const { id: principalId } = await person("bo");
  const below = await ana.createCategory({ name: "below", parentId: a.id });
  const grant = await ana.people.createGrant({ categoryId: below.id, principalId, role: "editor" });
  await createOne(bo, { name: "entry", categoryId: below.id });
  await failure(createOne(bo, { name: "entry", categoryId: a.id }), "FORBIDDEN");
  await failure(ana.people.createGrant({ categoryId: b.id, principalId, role: "reader" }), "FORBIDDEN");
  await failure(ana.people.updateGrant(grant.id, { categoryId: b.id }), "FORBIDDEN");
  await failure(ana.updateCategory(below.id, { parentId: b.id }), "FORBIDDEN");
  await ana.people.deleteGrant(grant.id, {});
  await failure(createOne(bo, { name: "other", categoryId: below.id }), "FORBIDDEN");
});

test("in a read-only category only managers write; in one whose time has passed only administrators read", async () => {
  const { a } = await start();
  await give("ana", a, "editor");
  await give("bo", a, "manager");
  const [ana, bo, root] = [await as("ana"), await as("bo"), await as("root", "administrator")];
  const below = await bo.createCategory({ name: "below", parentId: a.id });
  await scene.vault.updateCategory(a.id, { readOnly: true });
  await failure(createOne(ana, { name: "entry", categoryId: below.id }), "FORBIDDEN");
  const entry = await createOne(bo, { name: "entry", categoryId: below.id, ...withValue("v1") });
  expect(await readValue(ana, entry.id)).toBe("v1");
  await failure(ana.updateCategory(a.id, { readOnly: false }), "FORBIDDEN");
  await bo.updateCategory(a.id, { expiresAt: new Date(clock.now().getTime() + 60_000).toISOString() });
  expect(await readValue(ana, entry.id)).toBe("v1");
  clock.pass({ minutes: 1 });
  for (const vault of [ana, bo]) {
    await failure(vault.readCredential(entry.id), "FORBIDDEN");
    await failure(vault.findCategory(["A"]), "FORBIDDEN");
    await failure(vault.updateCategory(a.id, { expiresAt: null }), "FORBIDDEN");
    expect(await collect(vault.listCategories())).toEqual([]);
  }
  expect(await readValue(root, entry.id)).toBe("v1");
});

test("a rotation of an editor that a category's change cuts off keeps its pending password, and a manager ends it", async () => {
  const { a } = await start();
  await give("ana", a, "editor");
  await give("bo", a, "manager");
  const [ana, bo] = [await as("ana"), await as("bo")];
  const { account } = target("app");
  const entry = await createOne(ana, { name: "entry", categoryId: a.id, targets: [target("app")] });
  const { lease } = await ana.acquireLease(entry.id, { holder: "ana's run", ttlSeconds: 60 }, [stage("new", account)]);
  await ana.record(lease, [{ step: "set-started", version: 1, account }]);
  await bo.updateCategory(a.id, { readOnly: true });
  await failure(ana.record(lease, finish(1, account).slice(1)), "FORBIDDEN");
  const [pending] = await bo.readMany([{ id: entry.id, version: "pending" }]);
  expect(pending).toMatchObject({ version: 1 });
  const taken = await bo.acquireLease(entry.id, { holder: "bo's", ttlSeconds: 60, takeOver: lease.fencing });
  await bo.record(taken.lease, [...finish(1, account).slice(1), { step: "release" }]);
  expect(await readValue(ana, entry.id)).toBe("new");
});

test("a token doesn't come back with a user who is made anew under the same name", async () => {
  await start();
  const ana = await as("ana");
  await ana.identity();
  await scene.vault.people.deletePrincipal((await person("ana")).id, {});
  await failure(ana.identity(), "FORBIDDEN");
  await person("ana");
  await failure(ana.identity(), "FORBIDDEN");
});

test("a moderator can't touch an administrator's user", async () => {
  await start();
  const { id } = await person("root");
  await as("root", "administrator");
  const moderator = await as("mo", "moderator");
  await failure(moderator.people.updatePrincipal(id, { expiresAt: "2020-01-01T00:00:00Z" }), "FORBIDDEN");
  await failure(moderator.people.deletePrincipal(id, {}), "FORBIDDEN");
});

test("nobody declares a target whose admin they may not read", async () => {
  const { a, b } = await start();
  await give("ana", a, "editor");
  const ana = await as("ana");
  const admin = await createOne(scene.vault, { name: "admin", categoryId: b.id });
  const account = "postgres://app@db.example.com:5432";
  const target = { kind: "postgres", account, description: {}, accountMade: false };
  const byReference = { ...target, description: { adminRef: `coffre://memory/id/${admin.id}` } };
  for (const each of [{ ...target, adminId: admin.id }, byReference]) {
    await failure(createOne(ana, { name: "app", categoryId: a.id, targets: [each] }), "FORBIDDEN");
  }
  await give("ana", b, "reader");
  await createOne(ana, { name: "app", categoryId: a.id, targets: [byReference] });
});

test("a password that breaks the policy is refused as it is brought, while an entry that has one can be changed", async () => {
  const { a } = await start();
  const root = await as("root", "administrator");
  const old = await createOne(root, { name: "old", categoryId: a.id, ...withValue("short") });
  await root.updateCategory(a.id, { policy: { minLength: 20 } });
  const error = await failure(createOne(root, { name: "new", categoryId: a.id, ...withValue("hunter2") }), "POLICY");
  expect(error.message).not.toContain("hunter2");
  expect(await root.updateCredential(old.id, { url: "https://old.example" })).toMatchObject({
    url: "https://old.example",
  });
});

test("a name with a slash is refused, and the keys of the server are nobody's to compute", async () => {
  await start();
  const root = await as("root", "administrator");
  await failure(root.createCategory({ name: "a/b", parentId: null }), "INVALID_INPUT");
  await failure(root.digest("coffre serve, key of the server: 1"), "INVALID_INPUT");
  expect(await root.digest("x")).toBe(await scene.vault.digest("x"));
});
