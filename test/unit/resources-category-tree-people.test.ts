import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { categoryTreeHandlers as handlers } from "../../provider/resources/category-tree/handlers.js";
import type { Category, Vault } from "../../provider/vault/port.js";
import { collect, createOne, failure, withValue } from "../contract/vault-cases/setup.js";
import { type Kept, ResourceScene } from "../fixtures/resource-scene.ts";

let scene: ResourceScene;
let vault: Vault;
let fleet: Category;
beforeEach(async () => {
  scene = new ResourceScene();
  vault = scene.vault;
  fleet = await vault.createCategory({ name: "Fleet", parentId: null });
});
afterEach(() => scene.close());

type Inputs = Record<string, unknown>;

const ships = (inputs: Inputs = {}): Inputs => ({
  ownerKey: "fleet/dev/CategoryTree/ships",
  parentId: fleet.id,
  names: ["Aurora", "Borealis"],
  template: { nodes: [{ name: "Bridge", nodes: [{ name: "Radar" }] }, { name: "Network" }] },
  ...inputs,
});

async function up(inputs: Inputs, kept?: Kept): Promise<Kept> {
  const context = scene.resources();
  const { failures } = await handlers.check(context, kept?.outputs ?? {}, inputs);
  expect(failures).toEqual([]);
  if (!kept) {
    const { id, outs } = await handlers.create(context, inputs);
    return { id, outputs: outs };
  }
  await handlers.diff(context, kept.id, kept.outputs, inputs);
  return { id: kept.id, outputs: (await handlers.update(context, kept.id, kept.outputs, inputs)).outs };
}

async function preview(inputs: Inputs, kept: Kept): Promise<string[]> {
  scene.notes.length = 0;
  await handlers.diff(scene.resources(), kept.id, kept.outputs, inputs);
  return [...scene.notes];
}

async function paths(): Promise<string[]> {
  return (await collect(vault.listCategories())).map(({ path }) => path.join("/"));
}

/** A credential that a person put in a category of a copy. @returns reads its value */
async function put(...path: string[]): Promise<() => Promise<string>> {
  const category = await vault.findCategory(["Fleet", ...path]);
  const { id } = await createOne(vault, { name: "vhf", categoryId: category?.id ?? "", ...withValue("by a person") });
  return async () => {
    const [answer] = await vault.readMany([{ id }]);
    if (answer === undefined || answer instanceof Error) throw answer ?? new Error("no answer");
    return answer.value.reveal();
  };
}

describe("what a person put in a copy is there after", () => {
  const node = (changes: Inputs): Inputs => ({ nodes: [{ name: "Bridge", ...changes }, { name: "Network" }] });
  const changes: [string, () => Promise<Inputs> | Inputs][] = [
    ["a node that left", () => ({ template: node({ nodes: [] }) })],
    ["all nodes that left", () => ({ template: {} })],
    ["a node that is called otherwise", () => ({ template: node({ nodes: [{ name: "ARPA" }] }) })],
    ["nodes that were given keys", () => ({ template: node({ key: "b", nodes: [{ name: "Radar", key: "r" }] }) })],
    ["a node that is spelled otherwise", () => ({ template: node({ nodes: [{ name: "RADAR" }] }) })],
    [
      "a node above it that is called otherwise",
      () => ({ template: node({ name: "Pont", nodes: [{ name: "Radar" }] }) }),
    ],
    [
      "a node that has its name, elsewhere",
      () => ({ template: { nodes: [{ name: "Network", nodes: [{ name: "Radar" }] }] } }),
    ],
    [
      "rules that its password doesn't meet",
      () => ({ template: node({ passwordPolicy: { minLength: 100 }, nodes: [{ name: "Radar" }] }) }),
    ],
    ["its copy's leaving", () => ({ names: ["Borealis"] })],
    ["its copy's name in other case", () => ({ names: ["AURORA", "Borealis"] })],
    [
      "another place of all copies",
      async () => ({ parentId: (await vault.createCategory({ name: "Old fleet", parentId: null })).id }),
    ],
    [
      "another template",
      async () => ({
        template: undefined,
        templateId: (await vault.createCategory({ name: "Empty", parentId: null })).id,
      }),
    ],
  ];
  test.each(changes)("%s", async (_what, change) => {
    const kept = await up(ships());
    const value = await put("Aurora", "Bridge", "Radar");
    const news = ships(await change());
    const after = await up(news, kept);
    expect(await value()).toBe("by a person");
    const again = await up(news, after);
    expect(await value()).toBe("by a person");
    await handlers.remove(scene.resources(), again.id, again.outputs).catch(() => undefined);
    expect(await value()).toBe("by a person");
  });
});

describe("names in other case", () => {
  test("are two copies side by side", async () => {
    const kept = await up(ships({ names: ["Aurora", "AURORA"], template: {} }));
    expect(await paths()).toEqual(["Fleet", "Fleet/AURORA", "Fleet/Aurora"]);
    expect(await preview(ships({ names: ["Aurora", "AURORA"], template: {} }), kept)).toEqual([]);
  });

  test("are said to be new and to be gone, and rename a copy that keeps its key", async () => {
    const kept = await up(ships());
    await put("Aurora", "Bridge", "Radar");
    expect(await preview(ships({ names: ["AURORA", "BOREALIS"] }), kept)).toEqual([
      "AURORA, BOREALIS: new, 4 categories",
      "Borealis: - all of it, 4 categories",
      "Aurora stays: Aurora/Bridge/Radar holds a credential",
    ]);
    const keyed = ships({ names: [{ name: "AURORA", key: "Aurora" }, "Borealis"] });
    expect(await preview(keyed, kept)).toEqual(["AURORA: ~ its top: renamed from Aurora"]);
    await up(keyed, kept);
    expect(await vault.findCredential(["Fleet", "AURORA", "Bridge", "Radar", "vhf"])).toBeDefined();
  });
});

describe("a template that a person", () => {
  const inputs = (templateId: string) => ships({ template: undefined, templateId });

  async function model(): Promise<{ id: string; bridge: string }> {
    const { id } = await vault.createCategory({ name: "Model", parentId: null });
    return { id, bridge: (await vault.createCategory({ name: "Bridge", parentId: id })).id };
  }

  test("deleted is refused in the preview and in the up, its copies stay, and are destroyed without it", async () => {
    const { id, bridge } = await model();
    const kept = await up(inputs(id));
    const before = await paths();
    await vault.deleteCategory(bridge, {});
    await vault.deleteCategory(id, {});
    const error = await failure(preview(inputs(id), kept), "NOT_FOUND");
    expect(error.message).toMatch(new RegExp(`The template ${id} isn't there[\\s\\S]*copies stay as they are`));
    await failure(handlers.update(scene.resources(), kept.id, kept.outputs, inputs(id)), "NOT_FOUND");
    expect(await paths()).toEqual(before.filter((path) => !path.startsWith("Model")));
    expect(await handlers.read(scene.resources(), kept.id, kept.outputs)).toMatchObject({ id: kept.id });
    await handlers.remove(scene.resources(), kept.id, kept.outputs);
    expect(await paths()).toEqual(["Fleet"]);
  });

  test("emptied takes the same from each copy, but where something stands", async () => {
    const { id, bridge } = await model();
    const kept = await up(inputs(id));
    await put("Aurora", "Bridge");
    await vault.deleteCategory(bridge, {});
    expect(await preview(inputs(id), kept)).toEqual([
      "Borealis: - Bridge",
      "Aurora/Bridge stays: Bridge holds a credential",
    ]);
    await up(inputs(id), kept);
    expect(await paths()).toEqual(["Fleet", "Fleet/Aurora", "Fleet/Aurora/Bridge", "Fleet/Borealis", "Model"]);
  });
});
