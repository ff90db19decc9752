import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { ResourceContext } from "../../provider/resources/context.js";
import { categoryTreeHandlers as handlers } from "../../provider/resources/category-tree/handlers.js";
import { PartialFailure } from "../../provider/resources/failures.js";
import { UNKNOWN } from "../../provider/resources/values.js";
import type { Category, Principal, Vault } from "../../provider/vault/port.js";
import { collect, createOne, failure } from "../contract/vault-cases/setup.js";
import { group } from "../contract/vault-cases/people.js";
import { intercept } from "../fixtures/intercept.js";
import { type Kept, ResourceScene, type RunOptions, withIdentity } from "../fixtures/resource-scene.ts";

let scene: ResourceScene;
let vault: Vault;
let fleet: Category;
let crew: Principal;
let office: Principal;

beforeEach(async () => {
  scene = new ResourceScene();
  vault = scene.vault;
  fleet = await vault.createCategory({ name: "Fleet", parentId: null });
  crew = await group(vault, "Crew");
  office = await group(vault, "Office");
});
afterEach(() => scene.close());

const ownerKey = "fleet/dev/CategoryTree/ships";
type Inputs = Record<string, unknown>;

/** Bridge with Radar in it, and Network: four categories with the top. */
function template(changes: { top?: Inputs; bridge?: Inputs; radar?: Inputs; more?: Inputs[] } = {}): Inputs {
  return {
    grants: [{ principalId: crew.id, role: "reader" }],
    ...changes.top,
    nodes: [
      {
        name: "Bridge",
        passwordPolicy: { minLength: 20 },
        grants: [{ principalId: office.id, role: "editor" }],
        nodes: [{ name: "Radar", description: "X band", ...changes.radar }],
        ...changes.bridge,
      },
      { name: "Network", inheritGrants: false },
      ...(changes.more ?? []),
    ],
  };
}

const ships = (inputs: Inputs = {}): Inputs => ({
  ownerKey,
  parentId: fleet.id,
  names: ["Aurora", "Borealis"],
  template: template(),
  ...inputs,
});

async function problems(inputs: Inputs, olds: Inputs = {}, options: RunOptions = {}): Promise<string> {
  const { failures } = await handlers.check(scene.resources(options), olds, inputs);
  return failures.map(({ reason }) => reason).join("\n");
}

async function up(inputs: Inputs, kept?: Kept, options: RunOptions = {}): Promise<Kept> {
  const context = scene.resources(options);
  if (!kept) {
    const { id, outs } = await handlers.create(context, inputs);
    return { id, outputs: outs };
  }
  return { id: kept.id, outputs: (await handlers.update(context, kept.id, kept.outputs, inputs)).outs };
}

/** Whether an `up` has something to do, and what it says. */
async function preview(inputs: Inputs, kept: Kept, options: RunOptions = {}) {
  scene.notes.length = 0;
  const { changes } = await handlers.diff(scene.resources(options), kept.id, kept.outputs, inputs);
  return { changes, notes: [...scene.notes] };
}

const NOTHING = { changes: false, notes: [] };

async function paths(): Promise<string[]> {
  const all = await collect(vault.listCategories());
  return all.map(({ path }) => path.join("/")).filter((path) => path.startsWith("Fleet/"));
}

const at = async (path: string): Promise<Category> => {
  const found = await vault.findCategory(`Fleet/${path}`.split("/"));
  if (!found) throw new Error(`there is no ${path}`);
  return found;
};

async function grants(): Promise<string[]> {
  const names = new Map([
    [crew.id, "Crew"],
    [office.id, "Office"],
  ]);
  const all = await collect(vault.people.listGrants());
  const texts = await Promise.all(
    all.map(async ({ categoryId, principalId, role, expiresAt }) => {
      const { path } = await vault.readCategory(categoryId ?? "");
      return [path.slice(1).join("/"), names.get(principalId), role, ...(expiresAt ? [expiresAt] : [])].join(" ");
    }),
  );
  return texts.sort();
}

const TREE = ["", "/Bridge", "/Bridge/Radar", "/Network"];
const of = (...names: string[]) => names.flatMap((name) => TREE.map((below) => `Fleet/${name}${below}`));

describe("a template", () => {
  test("is copied under each name, with policies and grants, as one resource with a small state", async () => {
    expect(await problems(ships())).toBe("");
    expect(scene.notes).toEqual(["Aurora, Borealis: new, 4 categories"]);
    const { id, outputs } = await up(ships());
    expect(id).toMatch(/^tree-[0-9a-f]{22}$/);
    const { template: _amongTheInputs, ...declared } = ships();
    expect(outputs).toEqual({
      ...declared,
      parentPath: "Fleet",
      templateDigest: expect.stringMatching(/^[\w-]{22}$/),
      ownerToken: expect.stringMatching(/^[\w-]{20}$/),
      vaultStamp: expect.any(String),
    });
    expect(await paths()).toEqual(of("Aurora", "Borealis"));
    expect(await grants()).toEqual([
      "Aurora Crew reader",
      "Aurora/Bridge Office editor",
      "Borealis Crew reader",
      "Borealis/Bridge Office editor",
    ]);
    expect(await at("Borealis/Bridge/Radar")).toMatchObject({
      description: "X band",
      policies: [{ policy: { minLength: 20 }, from: "Bridge" }],
      owned: true,
    });
    expect((await at("Aurora/Network")).inheritGrants).toBe(false);
    expect(await preview(ships(), { id, outputs })).toEqual(NOTHING);
    const turned = Object.fromEntries(Object.entries(template()).toReversed());
    expect(handlers.diffOffline(outputs, ships({ template: turned }))).toEqual({ changes: false });
    expect(handlers.diffOffline(outputs, ships({ template: template({ top: { description: "x" } }) }))).toEqual({
      changes: true,
    });
  });

  test("has one copy by its name, which is renamed and moved in place", async () => {
    const single = { ownerKey, name: "Acme", parentId: fleet.id, template: template() };
    const kept = await up(single);
    const before = await at("Acme/Bridge");
    const entry = await createOne(vault, { name: "vhf", categoryId: before.id });
    const news = { ...single, name: "Acme & Sons", parentId: undefined };
    expect(await preview(news, kept)).toEqual({
      changes: true,
      notes: ["Acme & Sons: ~ its top: renamed from Acme, moved to its place"],
    });
    const renamed = await up(news, kept);
    expect(renamed.outputs["parentPath"]).toBe("");
    expect((await vault.readCategory(before.id)).path).toEqual(["Acme & Sons", "Bridge"]);
    expect((await vault.readCredential(entry.id)).path).toEqual(["Acme & Sons", "Bridge", "vhf"]);
    expect(await preview(news, renamed)).toEqual(NOTHING);
  });

  test("that is a category is copied with all below it, and never an entry", async () => {
    const model = await vault.createCategory({ name: "Model", parentId: null, description: "of a ship" });
    const bridge = await vault.createCategory({ name: "Bridge", parentId: model.id, policy: { minLength: 30 } });
    const rules = { inheritGrants: false, readOnly: true, expiresAt: "2125-01-01T00:00:00.000Z" };
    await vault.createCategory({ name: "Radar", parentId: bridge.id, ...rules });
    await createOne(vault, { name: "vhf", categoryId: bridge.id });
    const given = await vault.people.createGrant({ categoryId: bridge.id, principalId: crew.id, role: "manager" });
    const inputs = { ownerKey, parentId: fleet.id, names: ["Aurora"], templateId: model.id };
    expect(await problems(inputs)).toBe("");
    const kept = await up(inputs);
    expect(await paths()).toEqual(["Fleet/Aurora", "Fleet/Aurora/Bridge", "Fleet/Aurora/Bridge/Radar"]);
    expect(await at("Aurora")).toMatchObject({ description: "of a ship" });
    expect((await at("Aurora/Bridge")).policy).toEqual({ minLength: 30 });
    expect(await at("Aurora/Bridge/Radar")).toMatchObject(rules);
    expect((await grants()).filter((text) => text.startsWith("Aurora"))).toEqual(["Aurora/Bridge Crew manager"]);
    expect(await collect(vault.listCredentials())).toHaveLength(1);
    expect(await preview(inputs, kept)).toEqual(NOTHING);

    await vault.updateCategory(bridge.id, { policy: null });
    await vault.people.updateGrant(given.id, { expiresAt: "2020-01-01T00:00:00Z" });
    expect(await preview(inputs, kept)).toEqual({
      changes: true,
      notes: ["Aurora: ~ Bridge: minLength 30 => (none); ~ Bridge: no grant to Crew"],
    });
    await up(inputs, kept);
    expect(await preview(inputs, kept)).toEqual(NOTHING);
  });

  test("whose grant has an end gives it to no copy from then on", async () => {
    const expiresAt = "2199-01-01T01:00:00+01:00";
    const inputs = ships({
      names: ["Aurora"],
      template: { grants: [{ principalId: crew.id, role: "reader", expiresAt }] },
    });
    const kept = await up(inputs);
    expect(await grants()).toEqual(["Aurora Crew reader 2199-01-01T00:00:00.000Z"]);
    expect(await preview(inputs, kept)).toEqual(NOTHING);
    const ended = ships({
      names: ["Aurora", "Borealis"],
      template: { grants: [{ principalId: crew.id, role: "reader", expiresAt: "2020-01-01T00:00:00Z" }] },
    });
    expect(await problems(ended, kept.outputs)).toBe("");
    await up(ended, kept);
    expect(await grants()).toEqual([]);
  });

  test("stands in the branch of the stack where no parent is declared", async () => {
    const options = { rootCategory: ["Production", "Ships"] };
    const { parentId: _none, ...inputs } = ships();
    expect(await problems(inputs, {}, options)).toBe("");
    const kept = await up(inputs, undefined, options);
    expect(kept.outputs["parentPath"]).toBe("Production/Ships");
    expect((await vault.findCategory(["Production", "Ships", "Aurora", "Bridge"]))?.owned).toBe(true);
    expect(await preview(inputs, kept, options)).toEqual(NOTHING);
  });
});

describe("a change of the template", () => {
  test("is shown for each copy, and reaches all of them", async () => {
    const kept = await up(ships());
    const news = ships({
      template: template({
        top: { grants: [{ principalId: crew.id, role: "editor" }], description: "A ship" },
        bridge: { passwordPolicy: { minLength: 24, require: ["digit"] }, grants: [] },
        more: [{ name: "Engine", grants: [{ principalId: office.id, role: "reader" }] }],
      }),
    });
    const { changes, notes } = await preview(news, kept);
    expect(changes).toBe(true);
    expect(notes).toEqual([
      "Aurora, Borealis: ~ its top: another description; ~ its top: Crew reader => editor; " +
        '~ Bridge: minLength 20 => 24, require (none) => ["digit"]; ~ Bridge: no grant to Office; + Engine',
    ]);
    const after = await up(news, kept);
    expect(await grants()).toEqual([
      "Aurora Crew editor",
      "Aurora/Engine Office reader",
      "Borealis Crew editor",
      "Borealis/Engine Office reader",
    ]);
    expect((await at("Borealis/Bridge")).policy).toEqual({ minLength: 24, require: ["digit"] });
    expect(await preview(news, after)).toEqual(NOTHING);
  });

  test("renames a node in place that keeps its key", async () => {
    const kept = await up(ships());
    const before = await at("Aurora/Bridge");
    await createOne(vault, { name: "vhf", categoryId: before.id });
    const news = ships({ template: template({ bridge: { name: "Pont", key: "Bridge" } }) });
    expect((await preview(news, kept)).notes).toEqual(["Aurora, Borealis: ~ Pont: renamed from Bridge"]);
    const after = await up(news, kept);
    expect((await at("Aurora/Pont")).id).toBe(before.id);
    expect(await preview(news, after)).toEqual(NOTHING);
  });

  test("keeps nodes that are given keys, which are renamed by them from then on", async () => {
    const kept = await up(ships());
    const radar = await at("Borealis/Bridge/Radar");
    await createOne(vault, { name: "vhf", categoryId: radar.id });
    const keyed = (name: string) => ships({ template: template({ bridge: { key: "b", name }, radar: { key: "r" } }) });
    expect(await preview(keyed("Bridge"), kept)).toEqual({
      changes: true,
      notes: ["Aurora, Borealis: ~ Bridge: known by another key; ~ Bridge/Radar: known by another key"],
    });
    const withKeys = await up(keyed("Bridge"), kept);
    expect((await at("Borealis/Bridge/Radar")).id).toBe(radar.id);
    expect(await preview(keyed("Bridge"), withKeys)).toEqual(NOTHING);
    await up(keyed("Pont"), withKeys);
    expect((await at("Borealis/Pont/Radar")).id).toBe(radar.id);
  });

  test("takes a node away where nothing stands in it, and says where something does", async () => {
    const kept = await up(ships());
    await createOne(vault, { name: "vhf", categoryId: (await at("Aurora/Bridge/Radar")).id });
    const news = ships({
      template: {
        grants: [{ principalId: crew.id, role: "reader" }],
        nodes: [{ name: "Network", inheritGrants: false }],
      },
    });
    expect(await preview(news, kept)).toEqual({
      changes: true,
      notes: ["Borealis: - Bridge", "Aurora/Bridge stays: Bridge/Radar holds a credential"],
    });
    const after = await up(news, kept);
    expect(scene.notes.at(-1)).toContain("Aurora/Bridge stays: Bridge/Radar holds a credential");
    expect(await paths()).toEqual([...of("Aurora"), "Fleet/Borealis", "Fleet/Borealis/Network"]);
    expect(await grants()).toContain("Aurora/Bridge Office editor"); // the whole of it stays, its people's rights too
    expect((await preview(news, after)).changes).toBe(false);
    const [entry] = await collect(vault.listCredentials());
    await vault.archiveCredential(entry?.id ?? "", {});
    expect((await preview(news, after)).changes).toBe(true);
    await up(news, after);
    expect(await paths()).toEqual(["Aurora", "Borealis"].flatMap((name) => [`Fleet/${name}`, `Fleet/${name}/Network`]));
  });

  test("of a thousand copies is said in a few lines", async () => {
    const names = Array.from({ length: 1_000 }, (_, number) => `Ship ${String(number).padStart(4, "0")}`);
    const flat = (policy?: Inputs) => ({ nodes: [{ name: "Bridge", ...(policy ? { passwordPolicy: policy } : {}) }] });
    const kept = await up(ships({ names, template: flat() }));
    for (const number of [3, 5]) {
      await vault.updateCategory((await at(`Ship 000${number}/Bridge`)).id, { policy: { minLength: 12 + number } });
    }
    const { changes, notes } = await preview(ships({ names, template: flat({ minLength: 20 }) }), kept);
    expect(changes).toBe(true);
    expect(notes).toEqual([
      expect.stringMatching(
        /^Ship 0000, Ship 0001, .* and 978 more \(998 in all\): ~ Bridge: minLength \(none\) => 20$/,
      ),
      "Ship 0003: ~ Bridge: minLength 15 => 20",
      "Ship 0005: ~ Bridge: minLength 17 => 20",
    ]);
    expect(notes.join("").length).toBeLessThan(1_000);
  }, 30_000);
});

describe("the list of names", () => {
  test("grows and shrinks; a copy in which something stands is not taken away", async () => {
    const kept = await up(ships());
    const entry = await createOne(vault, { name: "vhf", categoryId: (await at("Borealis/Bridge")).id });
    const news = ships({ names: ["Aurora", "Calypso"] });
    expect(await preview(news, kept)).toEqual({
      changes: true,
      notes: ["Calypso: new, 4 categories", "Borealis stays: Borealis/Bridge holds a credential"],
    });
    const after = await up(news, kept);
    expect(scene.notes.at(-1)).toMatch(/^Borealis stays: .*; an `up` removes it once that is gone$/);
    expect(await paths()).toEqual(of("Aurora", "Borealis", "Calypso"));
    await vault.deleteCredential(entry.id, {});
    expect(await preview(news, after)).toEqual({ changes: true, notes: ["Borealis: - all of it, 4 categories"] });
    await up(news, after);
    expect(await paths()).toEqual(of("Aurora", "Calypso"));
    expect(await grants()).toHaveLength(4);
  });

  test.each([
    [
      "somebody's category",
      async (id: string) => void (await vault.createCategory({ name: "Own", parentId: id })),
      "Borealis/Bridge/Own stands in it",
    ],
    [
      "somebody's grant",
      async (id: string) =>
        void (await vault.people.createGrant({ categoryId: id, principalId: crew.id, role: "reader" })),
      "Borealis/Bridge has the grant gt_",
    ],
    [
      "somebody's credentials",
      async (id: string) => {
        for (const name of ["ais", "vhf"]) await createOne(vault, { name, categoryId: id });
      },
      "Borealis/Bridge holds 2 credentials",
    ],
    [
      "somebody's drop-box",
      async (id: string) =>
        void (await vault.boxes.createBox({ name: "plans", categoryId: id, recipients: ["ana@acme.example"] })),
      "Borealis/Bridge holds a drop-box or transfer",
    ],
  ])("keeps a copy with %s in it", async (_what, add, reason) => {
    const kept = await up(ships());
    await add((await at("Borealis/Bridge")).id);
    const { changes, notes } = await preview(ships({ names: ["Aurora"] }), kept);
    expect(changes).toBe(true); // the list is another
    expect(notes).toEqual([expect.stringContaining(`Borealis stays: ${reason}`)]);
    await up(ships({ names: ["Aurora"] }), kept);
    expect((await at("Borealis/Bridge/Radar")).owned).toBe(true);
  });

  test("leaves all that isn't named any more where `onDelete` is keep, and takes it up again when it is", async () => {
    const kept = await up(ships({ onDelete: "keep" }));
    const { id } = await at("Borealis");
    const fewer = await up(ships({ names: ["Aurora"], onDelete: "keep" }), kept);
    expect(await preview(ships({ names: ["Aurora"], onDelete: "keep" }), fewer)).toEqual(NOTHING);
    const again = await up(ships({ onDelete: "keep" }), fewer);
    expect((await at("Borealis")).id).toBe(id);
    await handlers.remove(scene.resources(), again.id, again.outputs);
    expect(await paths()).toEqual(of("Aurora", "Borealis"));
  });

  test("renames a copy that keeps its key, also one that gets a key, or stood alone before", async () => {
    const kept = await up(ships({ names: undefined, name: "Aurora" }));
    const { id } = await at("Aurora/Bridge");
    await createOne(vault, { name: "vhf", categoryId: id });
    const listed = await up(ships({ names: ["Aurora", "Borealis"] }), kept);
    expect((await at("Aurora/Bridge")).id).toBe(id);
    const keyed = (name: string) => ships({ names: [{ name, key: "imo-9074729" }, { name: "Borealis" }] });
    const withKey = await up(keyed("Aurora"), listed);
    expect(await preview(keyed("Aurora"), withKey)).toEqual(NOTHING);
    expect((await preview(keyed("Calypso"), withKey)).notes).toEqual(["Calypso: ~ its top: renamed from Aurora"]);
    const renamed = await up(keyed("Calypso"), withKey);
    expect((await at("Calypso/Bridge")).id).toBe(id);
    expect(await preview(keyed("Calypso"), renamed)).toEqual(NOTHING);
  });
});

describe("what others do", () => {
  test("to what is read-only and when it ends is set back; a template that says nothing of them means neither", async () => {
    const expiresAt = "2125-01-01T01:00:00+01:00";
    const news = ships({ template: template({ radar: { readOnly: true, expiresAt } }) });
    const kept = await up(news);
    const radar = await at("Aurora/Bridge/Radar");
    expect(radar).toMatchObject({ readOnly: true, expiresAt: "2125-01-01T00:00:00.000Z" });
    expect(await preview(news, kept)).toEqual(NOTHING);
    await vault.updateCategory(radar.id, { readOnly: false, expiresAt: null });
    const { notes } = await preview(news, kept);
    expect(notes).toEqual([
      "Aurora: ~ Bridge/Radar: readOnly false => true, expiresAt (none) => 2125-01-01T00:00:00.000Z",
    ]);
    await up(news, kept);
    expect(await at("Aurora/Bridge/Radar")).toEqual(radar);
    await up(ships(), kept);
    expect(await at("Aurora/Bridge/Radar")).toEqual(expect.not.objectContaining({ readOnly: expect.anything() }));
  });

  test("to a copy's own categories and grants is set back, and what they add stays", async () => {
    const kept = await up(ships());
    const bridge = await at("Aurora/Bridge");
    await vault.updateCategory(bridge.id, { name: "Brücke", description: "by hand", inheritGrants: false });
    await vault.updateCategory((await at("Aurora/Network")).id, { parentId: null });
    const given = await collect(vault.people.listGrants());
    const office = given.find(({ role }) => role === "editor");
    await vault.people.updateGrant(office?.id ?? "", { role: "manager" });
    await vault.createCategory({ name: "Cargo", parentId: (await at("Borealis")).id });
    const { notes } = await preview(ships(), kept);
    expect(notes).toEqual([
      "Aurora: ~ Bridge: renamed from Brücke, no description, inheritGrants false => true; " +
        "~ Bridge: Office manager => editor; ~ Network: moved to its place",
    ]);
    await up(ships(), kept);
    expect((await at("Aurora/Bridge")).id).toBe(bridge.id);
    expect(await paths()).toEqual([
      ...of("Aurora"),
      ...of("Borealis").flatMap((path) => (path.endsWith("/Network") ? ["Fleet/Borealis/Cargo", path] : [path])),
    ]);
    expect(await preview(ships(), kept)).toEqual(NOTHING);
  });

  test("what they delete is made again, and a refresh knows when all of it is gone", async () => {
    const kept = await up(ships());
    const remove = async (path: string) => {
      const tree = await vault.readTree({ below: (await at(path)).id });
      await vault.changeTree([
        ...tree.grants.map(({ id }) => ({ change: "delete-grant" as const, id, proof: {} })),
        ...tree.categories.toReversed().map(({ id }) => ({ change: "delete-category" as const, id, proof: {} })),
      ]);
    };
    await remove("Aurora/Bridge");
    expect((await preview(ships(), kept)).notes).toEqual(["Aurora: + Bridge; + Bridge/Radar"]);
    const mended = await up(ships(), kept);
    await remove("Aurora");
    expect((await preview(ships(), mended)).notes).toEqual(["Aurora: new, 4 categories"]);
    expect(await handlers.read(scene.resources(), mended.id, mended.outputs)).toEqual({
      id: mended.id,
      props: mended.outputs,
    });
    await remove("Borealis");
    expect(await handlers.read(scene.resources(), mended.id, mended.outputs)).toEqual({});
    await handlers.remove(scene.resources(), mended.id, mended.outputs); // gone already: a success
  });

  test("a name that somebody else has is a conflict in the preview and in the up, until it is to be adopted", async () => {
    const there = await vault.createCategory({ name: "Borealis", parentId: fleet.id, description: "by hand" });
    const bridge = await vault.createCategory({ name: "Bridge", parentId: there.id });
    await vault.people.createGrant({ categoryId: bridge.id, principalId: office.id, role: "manager" });
    expect(await problems(ships())).toMatch(/CONFLICT[\s\S]*"Fleet\/Borealis" \(ct_[\s\S]*`adopt: true`/);
    await failure(up(ships()), "CONFLICT");
    expect(await paths()).toEqual(["Fleet/Borealis", "Fleet/Borealis/Bridge"]);
    expect(await problems(ships({ adopt: true }))).toBe("");
    const kept = await up(ships({ adopt: true }));
    expect((await at("Borealis/Bridge")).id).toBe(bridge.id);
    expect((await at("Borealis")).description).toBeUndefined();
    expect(await grants()).toContain("Borealis/Bridge Office editor");
    expect(await preview(ships(), kept)).toEqual(NOTHING);
  });

  test("a node or grant at the place of a new one is a conflict in the preview", async () => {
    const kept = await up(ships());
    const borealis = await at("Borealis");
    const engine = await vault.createCategory({ name: "Engine", parentId: borealis.id });
    await vault.people.createGrant({ categoryId: borealis.id, principalId: office.id, role: "reader" });
    const news = ships({
      template: template({
        top: {
          grants: [
            { principalId: crew.id, role: "reader" },
            { principalId: office.id, role: "reader" },
          ],
        },
        more: [{ name: "Engine" }],
      }),
    });
    const error = await failure(preview(news, kept), "CONFLICT");
    expect(error.message).toContain(`"Engine" in Borealis (${engine.id})`);
    expect(error.message).toContain("a grant to Office in Borealis (gt_");
    await failure(up(news, kept), "CONFLICT");
    expect(await paths()).not.toContain("Fleet/Aurora/Engine"); // nothing was written
    await up({ ...news, adopt: true }, kept);
    expect((await at("Borealis/Engine")).owned).toBe(true);
  });

  test("two resources of one program can't declare the same copy", async () => {
    const context = scene.resources();
    const check = (key: string) => handlers.check(context, {}, ships({ ownerKey: key }));
    expect((await check("one")).failures).toEqual([]);
    expect((await check("two")).failures[0]?.reason).toMatch(/CONFLICT[\s\S]*the same copy is declared/i);
  });
});

describe("a run that is killed", () => {
  /** Dies at the nth write of many changes, before or after it. */
  function dying(nth: number, when: "before" | "after"): ResourceContext {
    let writes = 0;
    const cut = intercept(vault, async ({ method }, proceed) => {
      if (method !== "changeTree") return proceed();
      writes += 1;
      if (writes !== nth) return proceed();
      if (when === "after") await proceed();
      throw new Error("killed");
    });
    return { ...scene.resources(), vault: cut };
  }

  // 501 copies of 4 categories: two writes, of 500 copies and of one.
  const many = () =>
    ships({
      names: Array.from({ length: 501 }, (_, number) => `Ship ${String(number).padStart(3, "0")}`),
      template: { nodes: ["Bridge", "Engine", "Network"].map((name) => ({ name })) },
    });

  test.each([
    [1, "before", 0],
    [1, "after", 500],
    [2, "before", 500],
    [2, "after", 501],
  ] as const)(
    "in write %d, %s it, is gone on with by the next, and nothing is doubled",
    async (nth, when, there) => {
      const failed: unknown = await handlers.create(dying(nth, when), many()).catch((error: unknown) => error);
      const first = await paths();
      expect(first).toHaveLength(there * 4); // each copy is whole
      expect(failed instanceof PartialFailure).toBe(there > 0);

      // The engine died too: the state knows of nothing.
      const kept = await up(many());
      expect(await paths()).toHaveLength(501 * 4);
      expect(await preview(many(), kept)).toEqual(NOTHING);
    },
    60_000,
  );

  test("with a state of what was made goes on by an update, and a destroy finds all of it", async () => {
    const failed: unknown = await handlers.create(dying(2, "before"), many()).catch((error: unknown) => error);
    if (!(failed instanceof PartialFailure)) throw new Error("it wasn't cut");
    const kept = { id: failed.id, outputs: { ...failed.properties } };
    expect(await preview(many(), kept)).toEqual({ changes: true, notes: ["Ship 500: new, 4 categories"] });
    const after = await up(many(), kept);
    expect(await preview(many(), after)).toEqual(NOTHING);
    await handlers.remove(scene.resources(), after.id, after.outputs);
    expect(await paths()).toEqual([]);
  }, 60_000);

  test("twice, with another list each time, leaves nothing that the third doesn't know", async () => {
    await handlers.create(dying(1, "after"), ships()).catch(() => undefined);
    await handlers.create(dying(2, "before"), ships({ names: ["Calypso"] })).catch(() => undefined);
    const kept = await up(ships({ names: ["Aurora", "Calypso"] }));
    expect(await paths()).toEqual(of("Aurora", "Calypso"));
    expect(await preview(ships({ names: ["Aurora", "Calypso"] }), kept)).toEqual(NOTHING);
  });
});

describe("a tree", () => {
  test("isn't destroyed while something stands in a copy: nothing is", async () => {
    const kept = await up(ships());
    await createOne(vault, { name: "vhf", categoryId: (await at("Aurora/Bridge/Radar")).id });
    const error = await failure(handlers.remove(scene.resources(), kept.id, kept.outputs), "CONFLICT");
    expect(error.message).toContain("Aurora stays: Aurora/Bridge/Radar holds a credential");
    expect(await paths()).toEqual(of("Aurora", "Borealis"));
    expect(await grants()).toHaveLength(4);
  });

  test("whose place in the program changed is the same one, by its new mark", async () => {
    const kept = await up(ships());
    const { id } = await at("Aurora/Bridge");
    const news = ships({ ownerKey: "fleet/dev/Ships/CategoryTree/ships" });
    expect((await preview(news, kept)).changes).toBe(true);
    const moved = await up(news, kept);
    expect((await at("Aurora/Bridge")).id).toBe(id);
    expect(await vault.readTree({ ownerKey })).toEqual({ categories: [], grants: [] });
    expect(await preview(news, moved)).toEqual(NOTHING);
    await handlers.remove(scene.resources(), moved.id, moved.outputs);
    expect(await paths()).toEqual([]);
  });

  test("of another state is left alone", async () => {
    const kept = await up(ships());
    await up(ships()); // the same program and stack, from an empty state: it takes the copies over
    await failure(handlers.remove(scene.resources(), kept.id, kept.outputs), "CONFLICT");
    await failure(up(ships({ template: template({ bridge: { description: "x" } }) }), kept), "CONFLICT");
  });

  test("in another vault, or an older one, changes nothing", async () => {
    const kept = await up(ships());
    const { head } = await vault.identity();
    const other = { rotation: { ...scene.context(), vault: withIdentity(vault, { id: "another" }) } };
    await failure(preview(ships(), kept, other), "WRONG_VAULT");
    await failure(up(ships(), kept, other), "WRONG_VAULT");
    await failure(handlers.remove(scene.resources(other), kept.id, kept.outputs), "WRONG_VAULT");
    await failure(handlers.read(scene.resources(other), kept.id, kept.outputs), "WRONG_VAULT");
    expect((await vault.identity()).head).toBe(head);

    const young = new ResourceScene();
    const older = {
      rotation: { ...young.context(), vault: withIdentity(young.vault, { id: (await vault.identity()).id }) },
    };
    await young.vault.createCategory({ name: "Fleet", parentId: null });
    const { parentId: _none, ...inputs } = ships({ template: { nodes: [{ name: "Bridge" }] } });
    await failure(preview(inputs, kept, older), "ROLLED_BACK");
    await failure(up(inputs, kept, older), "ROLLED_BACK");
    await failure(handlers.read(young.resources(older), kept.id, kept.outputs), "ROLLED_BACK");
    await young.close();
  });

  test("with what isn't known yet is neither refused nor asked about", async () => {
    const inputs = ships({
      parentId: UNKNOWN,
      names: UNKNOWN,
      template: {
        nodes: [
          {
            name: "A",
            grants: [
              { principalId: UNKNOWN, role: "reader" },
              { principalId: UNKNOWN, role: "editor" },
            ],
          },
        ],
      },
    });
    expect(await problems(inputs)).toBe("");
    expect(await problems(ships({ template: UNKNOWN }))).toBe("");
    const kept = await up(ships());
    expect(await preview(ships({ templateId: UNKNOWN, template: undefined }), kept)).toEqual({
      changes: true,
      notes: [],
    });
  });

  test("can be previewed without the vault", async () => {
    expect((await handlers.checkOffline(ships({ names: ["a/b"] }))).failures).toHaveLength(1);
    expect((await handlers.checkOffline(ships())).failures).toEqual([]);
    expect(handlers.diffOffline(ships(), ships())).toEqual({ changes: false });
    expect(handlers.diffOffline(ships(), ships({ names: ["Aurora"] }))).toEqual({ changes: true });
  });

  test("isn't looked up, or imported", async () => {
    await failure(handlers.read(scene.resources(), "tree-x", {}), "NOT_SUPPORTED");
  });
});

describe("is refused in the preview:", () => {
  const nested = (depth: number): Inputs => (depth === 0 ? { name: "x" } : { name: "x", nodes: [nested(depth - 1)] });
  const cases: [string, () => Inputs, RegExp][] = [
    ["no name at all in the list", () => ({ names: [] }), /names is empty, which would take every copy away/],
    ["an empty name", () => ({ names: ["Aurora", ""] }), /names\.1: The name of the category is empty/],
    ["a name with a slash", () => ({ names: ["Aurora/Bridge"] }), /names\.0: .*has a slash/],
    ["a key with a slash", () => ({ names: [{ name: "A", key: "a/b" }] }), /names\.0\.key: .*has a slash/],
    [
      "two copies of one name",
      () => ({ names: ["R\u00e9mi", "Re\u0301mi"] }),
      /Two of names have the name "Rémi"[\s\S]*Siblings have different names/,
    ],
    [
      "two copies of one key",
      () => ({
        names: [
          { name: "A", key: "k" },
          { name: "B", key: "k" },
        ],
      }),
      /Two of names have the key "k"[\s\S]*give one of them another/,
    ],
    ["name and names", () => ({ name: "Aurora" }), /name and names are both given/],
    ["data beside names", () => ({ data: { a: 1 } }), /data goes with a name/],
    ["a name that isn't text", () => ({ names: [7] }), /names\.0: must be a name, or \{ name, key, data \}/],
    ["no template", () => ({ template: undefined }), /There is no template/],
    ["two templates", () => ({ templateId: "ct_x" }), /template and templateId are both given/],
    [
      "two nodes of one name",
      () => ({ template: { nodes: [{ name: "A" }, { name: "A" }] } }),
      /Two of the nodes in the template's top have the name "A"/,
    ],
    [
      "two nodes of one name further down",
      () => ({ template: { nodes: [{ name: "A", nodes: [{ name: "Re\u0301" }, { name: "Ré" }] }] } }),
      /Two of the nodes in A have the name "Ré"/,
    ],
    [
      "two nodes of one key",
      () => ({ template: { nodes: [{ name: "A", key: "B" }, { name: "B" }] } }),
      /have the key "B"/,
    ],
    [
      "a node without a name",
      () => ({ template: { nodes: [{ name: "" }] } }),
      /a node's name: The name of the category is empty/,
    ],
    [
      "a node with a slash",
      () => ({ template: { nodes: [{ name: "A", nodes: [{ name: "b/c" }] }] } }),
      /template, A: a node's name: .*slash/,
    ],
    [
      "a field that no node has",
      () => ({ template: { nodes: [{ name: "A", colour: "red" }] } }),
      /template\.nodes\.0: has no field "colour"/,
    ],
    [
      "a role that isn't one",
      () => ({ template: { grants: [{ principalId: "gp_x", role: "owner" }] } }),
      /template\.grants\.0\.role: must be one of/,
    ],
    [
      "two grants for one group",
      () => ({
        template: {
          grants: [
            { principalId: crew.id, role: "reader" },
            { principalId: crew.id, role: "editor" },
          ],
        },
      }),
      /Two of the grants of template, its top have the principal[\s\S]*One grant is enough/,
    ],
    [
      "an end without a zone",
      () => ({ template: { grants: [{ principalId: crew.id, role: "reader", expiresAt: "2030-01-01" }] } }),
      /expiresAt isn't a time with its zone/,
    ],
    [
      "policies that no password meets",
      () => ({
        template: { passwordPolicy: { maxLength: 8 }, nodes: [{ name: "A", passwordPolicy: { minLength: 12 } }] },
      }),
      /POLICY: minLength 12 \(category A\) and maxLength 8 \(category at the template's top\)/,
    ],
    ["a tree without an end", () => ({ template: { nodes: [nested(60)] } }), /categories more than 50 deep/],
    [
      "a list for a template",
      () => ({ template: { nodes: Array.from({ length: 1_000 }, (_, index) => ({ name: `n${index}` })) } }),
      /more than 1000 categories/,
    ],
    [
      "a group that isn't there",
      () => ({ template: { grants: [{ principalId: "gp_gone", role: "reader" }] } }),
      /NOT_FOUND/,
    ],
    ["a parent that isn't there", () => ({ parentId: "ct_gone" }), /NOT_FOUND/],
    [
      "a template that isn't there",
      () => ({ template: undefined, templateId: "ct_gone" }),
      /NOT_FOUND: The template ct_gone isn't there/,
    ],
    ["adoption by an id", () => ({ adopt: "ct_x" }), /adopt: must be true/],
    ["a hook of no kind", () => ({ notify: [{}] }), /notify\.0 must have a url or a command/],
    [
      "a hook's secret that isn't there",
      () => ({ notify: [{ url: "https://x.example/", secretRef: "coffre://scene/id/cr_0123456789abcdefghijkl" }] }),
      /NOT_FOUND/,
    ],
  ];
  test.each(cases)("%s", async (_what, inputs, message) => {
    const before = await vault.identity();
    expect(await problems(ships(inputs()))).toMatch(message);
    expect(await vault.identity()).toEqual(before);
  });

  test("a policy that those above the copies don't allow", async () => {
    await vault.updateCategory(fleet.id, { policy: { maxLength: 10 } });
    expect(await problems(ships())).toMatch(/POLICY[\s\S]*Bridge|POLICY[\s\S]*Fleet/);
  });

  test("a template whose copies would lie within it, which is one of them, or holds one", async () => {
    const model = await vault.createCategory({ name: "Model", parentId: fleet.id });
    const below = await vault.createCategory({ name: "Below", parentId: model.id });
    const inputs = { ownerKey, names: ["Aurora"], templateId: model.id };
    expect(await problems({ ...inputs, parentId: below.id })).toMatch(
      /would hold its own copies, which are to stand in Fleet\/Model\/Below/,
    );
    expect(await problems({ ...inputs, parentId: model.id })).toMatch(/would hold its own copies/);
    expect(await problems({ ...inputs, parentId: fleet.id, names: ["Model"], adopt: true })).toMatch(
      /at the place of one of its own copies/,
    );
    const kept = await up({ ...inputs, parentId: fleet.id });
    const { id } = await at("Aurora");
    await vault.updateCategory(id, { parentId: model.id });
    const error = await failure(preview({ ...inputs, parentId: fleet.id }, kept), "INVALID_INPUT");
    expect(error.message).toContain("is, or holds, a copy of itself: ");
    await failure(up({ ...inputs, parentId: fleet.id }, kept), "INVALID_INPUT");
    await failure(preview({ ...inputs, parentId: fleet.id, templateId: id }, kept), "INVALID_INPUT");
  });

  test("a vault that is only read, and grants where there are none", async () => {
    const limited = (capabilities: object) => ({
      rotation: {
        ...scene.context(),
        vault: new Proxy(vault, {
          get: (target, name) => {
            if (name === "capabilities") return { ...target.capabilities, ...capabilities };
            const found: unknown = Reflect.get(target, name);
            return typeof found === "function" ? (found.bind(target) as unknown) : found;
          },
        }),
      },
    });
    expect(await problems(ships(), {}, limited({ readOnly: true }))).toContain("READ_ONLY");
    expect(await problems(ships(), {}, limited({ grants: "none" }))).toContain("NOT_SUPPORTED");
    expect(await problems(ships({ template: { nodes: [{ name: "A" }] } }), {}, limited({ grants: "none" }))).toBe("");
  });
});
