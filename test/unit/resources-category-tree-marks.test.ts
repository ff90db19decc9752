import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { categoryTreeHandlers as handlers } from "../../provider/resources/category-tree/handlers.js";
import { UNKNOWN } from "../../provider/resources/values.js";
import type { Category, Principal } from "../../provider/vault/port.js";
import { group } from "../contract/vault-cases/people.js";
import { collect, createOne, failure } from "../contract/vault-cases/setup.js";
import { type Inputs, TreeScene } from "../fixtures/tree-scene.ts";

let tree: TreeScene;
let fleet: Category;
let crew: Principal;
beforeEach(async () => {
  tree = new TreeScene();
  fleet = await tree.vault.createCategory({ name: "Fleet", parentId: null });
  crew = await group(tree.vault, "Crew");
});
afterEach(() => tree.close());

const OLD = "fleet/dev/CategoryTree/ships";
const NEW = "fleet/dev/Ships/CategoryTree/ships";
const NOTHING = { changes: false, notes: [] };

const ships = (inputs: Inputs = {}): Inputs => ({
  ownerKey: OLD,
  parentId: fleet.id,
  names: ["Aurora", "Borealis"],
  template: { grants: [{ principalId: crew.id, role: "reader" }], nodes: [{ name: "Bridge" }, { name: "Network" }] },
  ...inputs,
});

const grants = async () => (await collect(tree.vault.people.listGrants())).length;

describe("a run that gives the tree another place in the program, and is killed,", () => {
  /** 1,200 copies of three categories and one grant: their marks are written anew in three writes. */
  const many = (inputs: Inputs = {}) =>
    ships({ names: Array.from({ length: 1_200 }, (_, index) => `Ship ${index}`), ...inputs });

  test.each([1, 2, 3])(
    "after write %d, leaves a state by which all of it is destroyed",
    async (dies) => {
      const kept = await tree.up(many());
      const cut = tree.up(many({ ownerKey: NEW }), kept, { dies });
      if (dies < 3) await expect(cut).rejects.toThrow("killed");
      else await cut; // killed before the engine wrote the state
      expect(await tree.refresh(kept)).toMatchObject({ id: kept.id });
      await tree.destroy(kept);
      expect(await tree.paths()).toEqual(["Fleet"]);
      expect(await grants()).toBe(0);
    },
    60_000,
  );

  test("and renamed its only copy, leaves a state by which it is destroyed, and gone on with", async () => {
    const single = (inputs: Inputs) => ships({ names: undefined, name: "Aurora", ...inputs });
    const kept = await tree.up(single({}));
    const { id } = await tree.at("Fleet/Aurora");
    const news = single({ ownerKey: NEW, name: "Calypso" });
    expect(await tree.preview(news, kept)).toEqual({
      changes: true,
      notes: ["Calypso: ~ its top: renamed from Aurora", "marked for the tree's new place in the program"],
    });
    await tree.up(news, kept); // killed before the engine wrote the state
    expect((await tree.preview(single({}), kept)).changes).toBe(true);
    const third = single({ ownerKey: "fleet/dev/CategoryTree/third" });
    const next = await tree.up(third, kept);
    expect((await tree.at("Fleet/Aurora")).id).toBe(id);
    expect(await tree.preview(third, next)).toEqual(NOTHING);
    await tree.destroy(kept);
    expect(await tree.paths()).toEqual(["Fleet"]);
  });

  test("what stays although it isn't wanted gets the new mark too", async () => {
    const kept = await tree.up(ships());
    const entry = await createOne(tree.vault, { name: "vhf", categoryId: (await tree.at("Fleet/Borealis/Bridge")).id });
    const news = ships({ ownerKey: NEW, names: ["Aurora"] });
    const next = await tree.up(news, kept);
    await tree.vault.deleteCredential(entry.id, {});
    expect((await tree.preview(news, next)).notes).toEqual(["Borealis: - all of it, 3 categories"]);
  });
});

describe("a state of an earlier version, whose outputs hold the template and no digest of it,", () => {
  const earlier = (outputs: Inputs): Inputs => {
    const { templateDigest: _none, ...others } = outputs;
    return { ...others, template: ships()["template"] };
  };

  test("is as good: nothing to do, shown, changed, written anew, destroyed", async () => {
    const { id, outputs } = await tree.up(ships());
    const kept = { id, outputs: earlier(outputs) };
    expect(await tree.preview(ships(), kept)).toEqual(NOTHING);
    expect(handlers.diffOffline(kept.outputs, ships())).toEqual({ changes: false });
    const other = ships({ template: { nodes: [{ name: "Bridge" }, { name: "Network" }] } });
    expect(handlers.diffOffline(kept.outputs, other)).toEqual({ changes: true });
    expect(await tree.preview(other, kept)).toEqual({
      changes: true,
      notes: ["Aurora, Borealis: ~ its top: no grant to Crew"],
    });
    expect(await tree.refresh(kept)).toMatchObject({ id });
    const next = await tree.up(other, kept);
    expect(next.outputs).toEqual(expect.not.objectContaining({ template: expect.anything() }));
    expect(await tree.preview(other, next)).toEqual(NOTHING);
    await tree.destroy(kept);
    expect(await tree.paths()).toEqual(["Fleet"]);
  });
});

describe("a template that is written otherwise and says the same for each copy", () => {
  test("is an update with a line that says so", async () => {
    const ends = (expiresAt: string) => ships({ template: { nodes: [{ name: "Visit", expiresAt }] } });
    const kept = await tree.up(ends("2125-01-01T01:00:00+01:00"));
    const news = ends("2125-01-01T00:00:00Z");
    expect(await tree.preview(news, kept)).toEqual({
      changes: true,
      notes: ["the template is written otherwise, which changes no copy"],
    });
    expect(await tree.preview(news, await tree.up(news, kept))).toEqual(NOTHING);
  });

  test("by what holds anyway is none, and stands in the state without that", async () => {
    const said = { inheritGrants: true, readOnly: false, grants: [] };
    const long = { ...said, nodes: [{ name: "Bridge", key: "Bridge", ...said, nodes: [] }] };
    const short = { nodes: [{ name: "Bridge" }] };
    const { inputs } = await handlers.check(tree.context(), {}, ships({ template: long }));
    expect(inputs["template"]).toEqual(short);
    const other = {
      inheritGrants: false,
      nodes: [
        { name: "Bridge", key: "b", readOnly: true, nodes: [{ name: UNKNOWN, grants: UNKNOWN, readOnly: UNKNOWN }] },
      ],
    };
    expect((await handlers.check(tree.context(), {}, ships({ template: other }))).inputs["template"]).toEqual(other);
    const kept = await tree.up(ships({ template: short }));
    expect(await tree.preview(ships({ template: long }), kept)).toEqual(NOTHING);
    expect(handlers.diffOffline(kept.outputs, ships({ template: long }))).toEqual({ changes: false });
  });
});

describe("what can't be destroyed is called by its names, though its copy has a key:", () => {
  test.each<[string, Inputs]>([
    ["a copy of many", { names: [{ name: "Aurora", key: "imo-9074729" }] }],
    ["the only one", { names: undefined, name: "Aurora" }],
  ])("%s", async (_which, inputs) => {
    const nodes = [{ name: "Bridge", key: "b", nodes: [{ name: "Radar", key: "r" }] }];
    const kept = await tree.up(ships({ template: { nodes }, ...inputs }));
    const radar = await tree.at("Fleet/Aurora/Bridge/Radar");
    await tree.vault.updateCategory(radar.id, { parentId: null }); // a person moved it out of its copy
    await createOne(tree.vault, { name: "vhf", categoryId: radar.id });
    const error = await failure(tree.destroy(kept), "CONFLICT");
    expect(error.message).toContain("Aurora/Radar stays: Radar holds a credential");
    expect(error.message).not.toMatch(/imo|only|\/r |\/b/);
  });
});
