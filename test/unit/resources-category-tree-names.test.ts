import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Category } from "../../provider/vault/port.js";
import { createOne, failure } from "../contract/vault-cases/setup.js";
import { type Inputs, TreeScene } from "../fixtures/tree-scene.ts";

let tree: TreeScene;
let fleet: Category;
beforeEach(async () => {
  tree = new TreeScene();
  fleet = await tree.vault.createCategory({ name: "Fleet", parentId: null });
});
afterEach(() => tree.close());

const ships = (nodes: Inputs[], more: Inputs = {}): Inputs => ({
  ownerKey: "fleet/dev/CategoryTree/ships",
  parentId: fleet.id,
  names: ["Aurora", "Borealis"],
  template: { nodes },
  ...more,
});
const copies = (names: unknown[], more: Inputs = {}) => ships([{ name: "Bridge" }], { names, ...more });

const NOTHING = { changes: false, notes: [] };

describe("a name that somebody else's category has is a conflict in the preview, as in the up, for", () => {
  test("a node that is renamed", async () => {
    const kept = await tree.up(ships([{ name: "Bridge" }]));
    const there = await tree.vault.createCategory({ name: "Pont", parentId: (await tree.at("Fleet/Borealis")).id });
    const before = await tree.paths();
    for (const adopt of [undefined, true]) {
      const news = ships([{ name: "Pont", key: "Bridge" }], { adopt });
      const error = await failure(tree.preview(news, kept), "CONFLICT");
      expect(error.message).toContain(`"Pont" in Borealis (${there.id})`);
      await failure(tree.up(news, kept), "CONFLICT");
    }
    expect(await tree.paths()).toEqual(before);
  });

  test("a copy that is renamed, and copies that move", async () => {
    const kept = await tree.up(copies([{ name: "Aurora", key: "a" }, "Borealis"]));
    const there = await tree.vault.createCategory({ name: "Calypso", parentId: fleet.id });
    const error = await failure(tree.preview(copies([{ name: "Calypso", key: "a" }, "Borealis"]), kept), "CONFLICT");
    expect(error.message).toContain(`"Fleet/Calypso" (${there.id})`);

    const port = await tree.vault.createCategory({ name: "Port", parentId: null });
    const docked = await tree.vault.createCategory({ name: "Borealis", parentId: port.id });
    const news = copies([{ name: "Aurora", key: "a" }, "Borealis"], { parentId: port.id });
    expect((await failure(tree.preview(news, kept), "CONFLICT")).message).toContain(`"Port/Borealis" (${docked.id})`);
  });

  test("a node that goes back to its place", async () => {
    const kept = await tree.up(ships([{ name: "Bridge" }]));
    await tree.vault.updateCategory((await tree.at("Fleet/Aurora/Bridge")).id, { name: "Brücke" });
    const there = await tree.vault.createCategory({ name: "Bridge", parentId: (await tree.at("Fleet/Aurora")).id });
    const error = await failure(tree.preview(ships([{ name: "Bridge" }]), kept), "CONFLICT");
    expect(error.message).toContain(`"Bridge" in Aurora (${there.id})`);
  });
});

describe("a name is free in time for", () => {
  /** One `up` to these nodes. */
  async function becomes(before: Inputs[], after: Inputs[], more: Inputs = {}): Promise<string[]> {
    const kept = await tree.up(ships(before));
    const news = ships(after, more);
    expect(await tree.problems(news, kept.outputs)).toBe("");
    await tree.preview(news, kept);
    const next = await tree.up(news, kept);
    expect(await tree.preview(news, next)).toEqual(NOTHING);
    return tree.paths();
  }
  const of = (...nodes: string[]) => [
    "Fleet",
    ...["Aurora", "Borealis"].flatMap((name) =>
      ["", ...nodes].map((node) => `Fleet/${name}${node === "" ? "" : `/${node}`}`),
    ),
  ];

  test.each([undefined, true])(
    "a new node, though it is written before the one that is renamed (adopt %s)",
    async (adopt) => {
      const kept = await tree.up(ships([{ name: "A" }]));
      const { id } = await tree.at("Fleet/Aurora/A");
      const news = ships(
        [
          { name: "A", key: "x" },
          { name: "B", key: "A" },
        ],
        { adopt },
      );
      expect((await tree.preview(news, kept)).notes).toEqual(["Aurora, Borealis: + A; ~ B: renamed from A"]);
      const next = await tree.up(news, kept);
      expect(await tree.paths()).toEqual(of("A", "B"));
      expect((await tree.at("Fleet/Aurora/B")).id).toBe(id);
      expect(await tree.preview(news, next)).toEqual(NOTHING);
    },
  );

  test("each of a row of nodes of which each gets the next one's", async () => {
    const keyed = (...names: string[]) => names.map((name, index) => ({ name, key: `k${index}` }));
    expect(await becomes(keyed("A", "B", "C"), keyed("B", "C", "D"))).toEqual(of("B", "C", "D"));
  });

  test("what is renamed to the name of what is taken away", async () => {
    expect(await becomes([{ name: "A", key: "a" }, { name: "B" }], [{ name: "B", key: "a" }])).toEqual(of("B"));
  });

  test("copies of which each gets the next one's", async () => {
    const keyed = (...names: string[]) => copies(names.map((name, index) => ({ name, key: `k${index}` })));
    const kept = await tree.up(keyed("Aurora", "Borealis"));
    const { id } = await tree.at("Fleet/Aurora");
    await tree.preview(keyed("Borealis", "Calypso"), kept);
    const next = await tree.up(keyed("Borealis", "Calypso"), kept);
    expect((await tree.at("Fleet/Borealis")).id).toBe(id);
    expect(await tree.preview(keyed("Borealis", "Calypso"), next)).toEqual(NOTHING);
  });
});

describe("is refused in the preview, and says what to do:", () => {
  test("nodes, or copies, that trade names", async () => {
    const keyed = (first: string, second: string) => [
      { name: first, key: "k" },
      { name: second, key: "l" },
    ];
    const kept = await tree.up(ships(keyed("A", "B"), { names: keyed("Aurora", "Borealis") }));
    const before = await tree.paths();
    for (const news of [
      ships(keyed("B", "A"), { names: keyed("Aurora", "Borealis") }),
      ships(keyed("A", "B"), { names: keyed("Borealis", "Aurora") }),
    ]) {
      const error = await failure(tree.preview(news, kept), "CONFLICT");
      expect(error.message).toMatch(/Categories trade names in (Aurora|Borealis): "\w+" => "\w+", "\w+" => "\w+"/);
      expect(error.hint).toMatch(/two steps/);
      await failure(tree.up(news, kept), "CONFLICT");
    }
    expect(await tree.paths()).toEqual(before);
  });

  test.each([
    ["a node's", () => ships([{ name: "B", key: "A" }]), '"B" in Aurora'],
    ["a node's, that is kept", () => ships([{ name: "B", key: "A" }], { onDelete: "keep" }), '"B" in Aurora'],
    [
      "a copy's",
      () => ships([{ name: "A" }, { name: "B" }], { names: [{ name: "Borealis", key: "Aurora" }] }),
      '"Borealis" in Borealis',
    ],
  ])("the name of what stays, since something stands in it: %s", async (_what, news, named) => {
    const kept = await tree.up(ships([{ name: "A" }, { name: "B" }]));
    await createOne(tree.vault, { name: "vhf", categoryId: (await tree.at("Fleet/Borealis/B")).id });
    await createOne(tree.vault, { name: "vhf", categoryId: (await tree.at("Fleet/Aurora/B")).id });
    const error = await failure(tree.preview(news(), kept), "CONFLICT");
    expect(error.message).toContain(`Names are wanted that categories of this resource keep: ${named} (ct_`);
    await failure(tree.up(news(), kept), "CONFLICT");
  });
});
