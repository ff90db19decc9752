import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Category, Principal, Vault } from "../../provider/vault/port.js";
import { createOne, failure } from "../contract/vault-cases/setup.js";
import { OWNER_KEY, RobotTrees } from "../fixtures/robot-trees.js";
import type { TreeScene } from "../fixtures/tree-scene.js";

let trees: RobotTrees;
let inside: Vault;
let fleet: Category;
let office: Principal;
let robot: TreeScene;

beforeEach(async () => {
  trees = await RobotTrees.start();
  ({ inside, fleet, office, robot } = trees);
});
afterEach(() => trees.close());

describe("what a mark shows of closed categories:", () => {
  const asked = async (who: TreeScene, ownerKey = OWNER_KEY) => {
    const { categories, grants } = await who.vault.readTree({ ownerKey });
    return { names: categories.map(({ name }) => name).sort(), grants: grants.length };
  };

  test("to who manages the place of the tree its own categories and grants, of others nothing, and no entry", async () => {
    await robot.up(trees.ships([office], { names: ["Aurora"] }));
    const network = await inside.findCategory(["Fleet", "Aurora", "Network"]);
    const id = network?.id ?? "";
    await createOne(inside, { name: "vhf", categoryId: id });
    await inside.createCategory({ name: "Private", parentId: id, inheritGrants: false });
    expect(await asked(robot)).toEqual({ names: ["Aurora", "Bridge", "Keys", "Network", "Radar", "Spare"], grants: 2 });
    const { vault } = robot;
    expect(await vault.readTree({ below: id, held: true })).toEqual({ categories: [], grants: [] });
    await failure(vault.readCategory(id), "FORBIDDEN");
    await failure(vault.findCredential(["Fleet", "Aurora", "Network", "vhf"]), "FORBIDDEN");
    const row = (await vault.readTree({ ownerKey: OWNER_KEY })).categories.find((found) => found.id === id);
    expect(row).toMatchObject({ closed: true });
    expect(row).toEqual(expect.not.objectContaining({ hidden: expect.anything(), held: expect.anything() }));
  });

  test("to who edits or reads that place, or manages another, as little as before", async () => {
    await robot.up(trees.ships([office], { names: ["Aurora"] }));
    const other = await inside.createCategory({ name: "Other", parentId: null });
    for (const [name, categoryId, role, names] of [
      ["editor", fleet.id, "editor", ["Aurora", "Bridge", "Radar"]],
      ["reader", fleet.id, "reader", ["Aurora", "Bridge", "Radar"]],
      ["stranger", other.id, "manager", []],
    ] as const) {
      const who = await trees.runAs(name);
      const user = await inside.people.findPrincipal("user", name);
      await inside.people.createGrant({ categoryId, principalId: user?.id ?? "", role });
      expect(await asked(who)).toEqual({ names, grants: 0 });
    }
  });

  test("nothing of a tree in a closed category of others to who manages what is above that", async () => {
    const closed = await inside.createCategory({ name: "Closed", parentId: fleet.id, inheritGrants: false });
    const administrator = await trees.runAs("root", "administrator");
    await administrator.up({ ...trees.ships([office], { names: ["Aurora"] }), parentId: closed.id });
    expect(await asked(robot)).toEqual({ names: [], grants: 0 });
  });

  test("and lets nobody change more than the token of a mark that it has", async () => {
    await robot.up(trees.ships([office], { names: ["Aurora"] }));
    const { categories, grants } = await robot.vault.readTree({ ownerKey: OWNER_KEY });
    const network = categories.find(({ name }) => name === "Network");
    const grant = grants.find(({ categoryId }) => categoryId === network?.id);
    const [id, grantId] = [network?.id ?? "", grant?.id ?? ""];
    const owner = { key: OWNER_KEY, stack: "organization/shop/dev", token: "t", part: "Aurora/Network" };
    const before = await inside.readTree({ below: null });
    for (const change of [
      { change: "update-category", id, patch: { owner, name: "Mine" } },
      { change: "update-category", id, patch: { owner, inheritGrants: true } },
      { change: "update-category", id, patch: { owner: { ...owner, key: "fleet/dev/CategoryTree/mine" } } },
      // The next run of whoever may would take it for the node of that part, which inherits, and whose grants are others.
      { change: "update-category", id, patch: { owner: { ...owner, part: "Aurora/Bridge" } } },
      { change: "update-category", id, patch: { owner: { key: OWNER_KEY, stack: owner.stack, token: "t" } } },
      { change: "update-grant", id: grantId, patch: { owner } },
      { change: "update-category", id, patch: { description: "mine" } },
      { change: "update-grant", id: grantId, patch: { owner, role: "reader" } },
      { change: "update-grant", id: grantId, patch: { owner: { ...owner, key: "fleet/dev/CategoryTree/mine" } } },
      { change: "delete-grant", id: grantId, proof: {} },
      { change: "delete-category", id, proof: {} },
    ] as const) {
      await failure(robot.vault.changeTree([change]), "FORBIDDEN");
    }
    expect(await inside.readTree({ below: null })).toEqual(before);
  });
});
