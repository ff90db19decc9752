import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { CoffreError } from "../../provider/core/errors.js";
import type { ResourceContext } from "../../provider/resources/context.js";
import { PartialFailure } from "../../provider/resources/failures.js";
import { UNKNOWN } from "../../provider/resources/values.js";
import { vaultSyncHandlers as handlers } from "../../provider/resources/vault-sync/handlers.js";
import { createMemoryVault } from "../../provider/vault/memory/memory-vault.js";
import type { Vault } from "../../provider/vault/port.js";
import { failure } from "../contract/vault-cases/setup.js";
import { intercept } from "../fixtures/intercept.js";
import { ResourceScene, type RunOptions } from "../fixtures/resource-scene.js";
import { everything, makeCategory, makeEntry, newValue } from "../fixtures/sync-scene.js";

let scene: ResourceScene;
let prod: Vault;
let robots: Vault;

beforeEach(async () => {
  scene = new ResourceScene();
  prod = scene.vault;
  robots = createMemoryVault({ name: "robots" });
});
afterEach(() => scene.close());

const key = { ownerKey: "shop/dev/VaultSync/robots" };

/** A run of its own, in which `robots` is a vault's name. */
function context(options: RunOptions = {}) {
  const open = (where: string) => (where === "robots" ? Promise.resolve(robots) : Promise.reject(unknownVault()));
  return scene.resources({ openOther: open, ...options });
}

function unknownVault() {
  return new CoffreError("CONFIGURATION", "No vault is configured under that name");
}

const create = (inputs: Record<string, unknown>) => handlers.create(context(), { ...key, to: "robots", ...inputs });
const diff = (made: { id: string; outs: Record<string, unknown> }, inputs: Record<string, unknown> = {}) =>
  handlers.diff(context(), made.id, made.outs, { ...key, to: "robots", ...inputs });

async function problems(inputs: Record<string, unknown>, options: RunOptions = {}): Promise<string> {
  const { failures } = await handlers.check(context(options), {}, { ...key, to: "robots", ...inputs });
  return failures.map(({ reason }) => reason).join("\n");
}

describe("a VaultSync", () => {
  test("says in a preview how much it would copy, copies it at the up, and keeps numbers and digests in its state", async () => {
    const shop = await makeCategory(prod, "Shop");
    await makeEntry(prod, "api", { categoryId: shop, value: "a secret value" });
    await makeEntry(prod, "other");
    expect(await problems({ categoryId: shop, prefix: "From/prod" })).toBe("");
    expect(scene.notes).toEqual([expect.stringMatching(/^sync of \w+ to robots: 1 new$/)]);
    expect(await everything(robots)).toEqual({});

    const { outs } = await create({ categoryId: shop, prefix: "From/prod" });
    expect(outs).toEqual({
      ...key,
      to: "robots",
      categoryId: shop,
      prefix: "From/prod",
      source: (await prod.identity()).id,
      destination: (await robots.identity()).id,
      copied: 1,
      digest: expect.stringMatching(/^[0-9a-f]{32}$/),
      status: "done",
    });
    expect(Object.keys(await everything(robots))).toEqual(["From/prod/Shop/api"]);
    expect(JSON.stringify([outs, scene.notes])).not.toContain("a secret value");
  });

  test("has nothing to do until the source has something newer, and then says what", async () => {
    const id = await makeEntry(prod, "api");
    const made = await create({});
    scene.notes.length = 0;
    expect(await diff(made)).toEqual({ changes: false });
    expect(scene.notes).toEqual([]);
    await newValue(prod, id, "second");
    await makeEntry(prod, "another");
    expect(await diff(made)).toEqual({ changes: true });
    expect(scene.notes[0]).toMatch(/: 1 new, 1 changed$/);
    const news = { ...key, to: "robots" };
    const { outs } = await handlers.update(context(), made.id, made.outs, news);
    expect(outs).toMatchObject({ copied: 2, status: "done" });
    expect(outs["digest"]).not.toBe(made.outs["digest"]);
    expect(await everything(robots)).toEqual(await everything(prod));
  });

  test("moves its copies when the prefix changes, and lets go of those of another category as onDelete says", async () => {
    const [shop, mail] = [await makeCategory(prod, "Shop"), await makeCategory(prod, "Mail")];
    await makeEntry(prod, "a", { categoryId: shop });
    await makeEntry(prod, "b", { categoryId: mail });
    const made = await create({ categoryId: shop, prefix: "Old", onDelete: "remove" });
    const moved = { ...key, to: "robots", categoryId: shop, prefix: "New", onDelete: "remove" };
    const { outs } = await handlers.update(context(), made.id, made.outs, moved);
    expect(Object.keys(await everything(robots))).toEqual(["New/Shop/a"]);
    await handlers.update(context(), made.id, outs, { ...moved, categoryId: mail });
    expect(Object.keys(await everything(robots))).toEqual(["New/Mail/b"]);
  });

  test("leaves its copies when it is deleted, or archives them, as onDelete says; foreign entries stay in any case", async () => {
    await makeEntry(prod, "a");
    await makeEntry(robots, "theirs");
    const kept = await create({});
    await handlers.remove(context(), kept.id, kept.outs);
    expect(Object.keys(await everything(robots))).toEqual(["a", "theirs"]);
    const removed = await create({ onDelete: "remove" });
    await handlers.remove(context(), removed.id, removed.outs);
    expect(Object.keys(await everything(robots))).toEqual(["theirs"]);
  });

  test("warns of a place that somebody else holds; what couldn't be copied leaves it unfinished, and the next up goes on", async () => {
    for (const name of ["a", "b", "c"]) await makeEntry(prod, name);
    await makeEntry(robots, "a", { value: "theirs" });
    const whole = robots;
    robots = intercept(whole, (call, proceed) => {
      const spoiled = call.method === "createCredentials" && JSON.stringify(call.args).includes('"name":"b"');
      return spoiled ? Promise.reject(new CoffreError("POLICY", "Not that one")) : proceed();
    });
    const left = await create({}).catch((error: unknown) => error);
    if (!(left instanceof PartialFailure)) throw left;
    expect(left.message).toContain("Not that one");
    expect(left.properties).toMatchObject({ status: "unfinished", copied: 1 });
    robots = whole;
    const made = { id: left.id, outs: { ...left.properties } };
    expect(await diff(made)).toEqual({ changes: true });
    const { outs } = await handlers.update(context(), made.id, made.outs, { ...key, to: "robots" });
    expect(outs).toMatchObject({ status: "done", copied: 2 });
    expect(scene.notes.filter((note) => note.includes("a"))[0]).toContain("exists already");
    scene.notes.length = 0;
    expect(await diff({ id: made.id, outs })).toEqual({ changes: false });
    expect(scene.notes[0]).toContain("a is there already, and is somebody else's");
  });
});

describe("refused at preview:", () => {
  test("a vault that nobody configured, one that is the source itself, a wrong prefix, a category that is gone", async () => {
    expect(await problems({ to: "elsewhere" })).toContain("No vault is configured under that name");
    robots = prod;
    expect(await problems({})).toContain("into itself");
    robots = createMemoryVault({ name: "robots" });
    expect(await problems({ prefix: "a//b" })).toContain("is empty");
    expect(await problems({ categoryId: "ct_gone" })).toContain("no category ct_gone");
    expect(await problems({ onDelete: "drop" })).toContain("onDelete");
  });

  test("the same sync twice in one program", async () => {
    const declaredPairs: ResourceContext["declaredPairs"] = new Map();
    expect(await problems({}, { declaredPairs })).toBe("");
    expect(await problems({ ownerKey: "shop/dev/VaultSync/second" }, { declaredPairs })).toContain(
      "declared by another resource too",
    );
  });

  test("another vault than the one in the state, before anything is asked of it", async () => {
    await makeEntry(prod, "a");
    const made = await create({});
    robots = createMemoryVault({ name: "robots" });
    await failure(diff(made), "WRONG_VAULT");
    await failure(handlers.read(context(), made.id, made.outs), "WRONG_VAULT");
  });
});

test("nothing is asked of a vault whose place isn't known yet", async () => {
  expect(await problems({ to: UNKNOWN })).toBe("");
  const made = { id: "sync-1", outs: { ...key, to: "robots", status: "done" } };
  expect(await diff(made, { categoryId: UNKNOWN })).toEqual({ changes: true });
  expect((await handlers.checkOffline({ ...key, to: "" })).failures).toHaveLength(1);
  expect(handlers.diffOffline(made.outs, made.outs)).toEqual({ changes: false });
});
