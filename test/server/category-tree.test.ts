import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { Secret } from "../../provider/core/secret.js";
import { v1Front } from "../../provider/server/v1/front.js";
import type { Category, Principal, Vault } from "../../provider/vault/port.js";
import { openRemoteVault } from "../../provider/vault/remote/remote-vault.js";
import { group } from "../contract/vault-cases/people.js";
import { createOne, failure } from "../contract/vault-cases/setup.js";
import { ServerScene } from "../fixtures/server-scene.js";
import { type Inputs, TreeScene } from "../fixtures/tree-scene.ts";

/** The vault itself, behind its server. */
let inside: Vault;
let scene: ServerScene;
let fleet: Category;
let office: Principal;
let robots: Principal;
let opened: Vault[];
/** A robot's run: it manages Fleet, and is neither administrator nor moderator. */
let robot: TreeScene;

beforeEach(async () => {
  scene = await ServerScene.start({ fronts: [v1Front] });
  inside = scene.vault;
  opened = [];
  fleet = await inside.createCategory({ name: "Fleet", parentId: null });
  office = await group(inside, "Office");
  robots = await group(inside, "Robots");
  robot = await runAs("robot");
  const user = await inside.people.findPrincipal("user", "robot");
  await inside.people.createMembership({ groupId: robots.id, memberId: user?.id ?? "" });
  await inside.people.createGrant({ categoryId: fleet.id, principalId: robots.id, role: "manager" });
});
afterEach(async () => {
  for (const vault of opened) await vault.close();
  await scene.close();
});

async function runAs(
  user: string,
  role: "user" | "moderator" | "administrator" | "reader" = "user",
): Promise<TreeScene> {
  const text = new Secret(await scene.token(user, { role }));
  const vault = openRemoteVault({ origin: scene.origin, token: () => text });
  opened.push(vault);
  return new TreeScene(vault);
}

const OWNER_KEY = "fleet/dev/CategoryTree/ships";
const NOTHING = { changes: false, notes: [] };
const manager = (who: Principal) => ({ principalId: who.id, role: "manager" });

interface Options {
  names?: string[];
  nodes?: Inputs[];
  /** `null`: there is none. */
  network?: Inputs | null;
}

/** Network ends what is inherited, and Keys in it once more. @param to who manages them */
const ships = (
  to: Principal[],
  { names = ["Aurora", "Borealis"], nodes = [], network = {} }: Options = {},
): Inputs => ({
  ownerKey: OWNER_KEY,
  parentId: fleet.id,
  names,
  template: {
    nodes: [
      { name: "Bridge", nodes: [{ name: "Radar" }] },
      ...(network
        ? [
            {
              name: "Network",
              inheritGrants: false,
              grants: to.map(manager),
              nodes: [{ name: "Keys", inheritGrants: false, grants: to.map(manager), nodes: [{ name: "Spare" }] }],
              ...network,
            },
          ]
        : []),
      ...nodes,
    ],
  },
});
const SHIP = ["", "/Bridge", "/Bridge/Radar", "/Network", "/Network/Keys", "/Network/Keys/Spare"];
const of = (...names: string[]) => ["Fleet", ...names.flatMap((name) => SHIP.map((below) => `Fleet/${name}${below}`))];

describe("a tree whose closed categories give the robot that runs the program the role manager", () => {
  test("is made, found unchanged, changed, made smaller and destroyed by it", async () => {
    const inputs = ships([office, robots]);
    expect(await robot.problems(inputs)).toBe("");
    let kept = await robot.up(inputs);
    expect(await robot.preview(inputs, kept)).toEqual(NOTHING);
    expect(await robot.paths(inside)).toEqual(of("Aurora", "Borealis"));

    const changed = ships([office, robots], { network: { passwordPolicy: { minLength: 20 } } });
    expect((await robot.preview(changed, kept)).notes).toEqual(["Aurora, Borealis: ~ Network: minLength (none) => 20"]);
    kept = await robot.up(changed, kept);
    expect(await robot.preview(changed, kept)).toEqual(NOTHING);

    const fewer = ships([office, robots], { names: ["Aurora"], network: null });
    expect((await robot.preview(fewer, kept)).notes).toEqual([
      "Borealis: - all of it, 6 categories",
      "Aurora: - Network",
    ]);
    kept = await robot.up(fewer, kept);
    expect(await robot.preview(fewer, kept)).toEqual(NOTHING);
    expect(await robot.paths(inside)).toEqual([
      "Fleet",
      "Fleet/Aurora",
      "Fleet/Aurora/Bridge",
      "Fleet/Aurora/Bridge/Radar",
    ]);
    await robot.destroy(kept);
    expect(await robot.paths(inside)).toEqual(["Fleet"]);
  });
});

describe("a tree whose closed categories give that robot nothing", () => {
  const closed = (options?: Options) => ships([office], options);

  test("is made by it, found unchanged, and changed where it may", async () => {
    let kept = await robot.up(closed());
    expect(await robot.preview(closed(), kept)).toEqual(NOTHING);
    const news = closed({
      names: ["Aurora", "Borealis", "Calypso"],
      nodes: [{ name: "Engine", inheritGrants: false }],
    });
    expect((await robot.preview(news, kept)).notes).toEqual([
      "Aurora, Borealis: + Engine",
      "Calypso: new, 7 categories",
    ]);
    kept = await robot.up(news, kept);
    expect(await robot.preview(news, kept)).toEqual(NOTHING);
    expect(await robot.refresh(kept)).toMatchObject({ id: kept.id });
  });

  test("whose time has passed is found unchanged too", async () => {
    const inputs = closed({ nodes: [{ name: "Visit", expiresAt: "2020-01-01T00:00:00Z" }] });
    const kept = await robot.up(inputs);
    expect(await robot.preview(inputs, kept)).toEqual(NOTHING);
  });

  test.each([1, 2])(
    "is gone on with when it was killed after write %d",
    async (dies) => {
      const names = Array.from({ length: 500 }, (_, index) => `Ship ${index}`);
      await robot.up(closed({ names }), undefined, { dies }).catch(() => undefined);
      const kept = await robot.up(closed({ names }));
      expect(await robot.paths(inside)).toHaveLength(1 + 500 * SHIP.length);
      expect(await robot.preview(closed({ names }), kept)).toEqual(NOTHING);
      // What the administrator's run then does is this state's own.
      const administrator = await runAs("root", "administrator");
      await administrator.destroy(kept);
      expect(await robot.paths(inside)).toEqual(["Fleet"]);
    },
    60_000,
  );

  test("is refused in the preview what it may not change, and an administrator's run brings that in", async () => {
    const kept = await robot.up(closed());
    const { head } = await inside.identity();
    for (const news of [
      closed({ network: { passwordPolicy: { minLength: 20 } } }),
      closed({ network: { name: "Netz", key: "Network" } }),
      closed({ network: { name: "Network", key: "lan" } }),
      closed({ network: { grants: [manager(robots)] } }),
      closed({
        network: {
          nodes: [
            {
              name: "Keys",
              inheritGrants: false,
              grants: [manager(office)],
              nodes: [{ name: "Spare" }, { name: "New" }],
            },
          ],
        },
      }),
    ]) {
      const error = await failure(robot.preview(news, kept), "FORBIDDEN");
      expect(error.message).toMatch(
        /Whoever runs this may not manage Aurora\/Net(work|z).*, Borealis\/Net(work|z).*, which would change/,
      );
      await failure(robot.up(news, kept), "FORBIDDEN");
    }
    await failure(robot.preview({ ...closed(), ownerKey: "fleet/dev/Ships/CategoryTree/ships" }, kept), "FORBIDDEN");
    expect((await inside.identity()).head).toBe(head);

    const administrator = await runAs("root", "administrator");
    const news = ships([office, robots]);
    const next = await administrator.up(news, kept);
    await robot.destroy(next);
    expect(await robot.paths(inside)).toEqual(["Fleet"]);
  });

  test("stays where it leaves the template, and isn't destroyed: both say why", async () => {
    const kept = await robot.up(closed());
    const news = closed({ network: null });
    const { notes } = await robot.preview(news, kept);
    expect(notes).toEqual([
      "Aurora/Network stays: whoever runs this may not manage Network",
      "Borealis/Network stays: whoever runs this may not manage Network",
    ]);
    const next = await robot.up(news, kept);
    expect(await robot.preview(news, next)).toMatchObject({ changes: false });
    const error = await failure(robot.destroy(next), "CONFLICT");
    expect(error.message).toContain("Aurora stays: whoever runs this may not manage Aurora/Network");
    expect(await robot.paths(inside)).toEqual(of("Aurora", "Borealis"));
  });
});

test("a copy in which somebody else's category is out of sight stays, and says that one is there", async () => {
  const inputs = ships([robots]);
  const kept = await robot.up(inputs);
  const bridge = await robot.at("Fleet/Borealis/Bridge");
  await inside.createCategory({ name: "Private", parentId: bridge.id, inheritGrants: false });
  const { notes } = await robot.preview(ships([robots], { names: ["Aurora"] }), kept);
  expect(notes).toEqual(["Borealis stays: Borealis/Bridge holds a category out of sight"]);
  expect((await failure(robot.destroy(kept), "CONFLICT")).message).toContain(
    "Borealis/Bridge holds a category out of sight",
  );
  expect(await robot.preview(inputs, kept)).toEqual(NOTHING);
});

test("a template of which a part is out of sight isn't copied: copies that are there would lose that part", async () => {
  const model = await inside.createCategory({ name: "Model", parentId: fleet.id });
  await inside.createCategory({ name: "Bridge", parentId: model.id });
  const secret = await inside.createCategory({ name: "Network", parentId: model.id, inheritGrants: false });
  const inputs = { ownerKey: OWNER_KEY, parentId: fleet.id, names: ["Aurora"], templateId: model.id };
  const administrator = await runAs("root", "administrator");
  const kept = await administrator.up(inputs);
  expect((await failure(robot.preview(inputs, kept), "FORBIDDEN")).message).toContain(model.id);
  await failure(robot.up(inputs, kept), "FORBIDDEN");
  const unseen = { ...inputs, templateId: secret.id };
  expect((await failure(robot.preview(unseen, kept), "FORBIDDEN")).message).toContain(secret.id);
  await failure(robot.up(unseen, kept), "FORBIDDEN");
  expect(await robot.paths(inside)).toContain("Fleet/Aurora/Network");
});

test("a token that only reads previews a tree as it is", async () => {
  const kept = await robot.up(ships([robots]));
  const user = await inside.people.findPrincipal("user", "robot");
  expect(user).toBeDefined();
  const reader = await runAs("robot", "reader");
  expect(await reader.preview(ships([robots]), kept)).toEqual(NOTHING);
});

describe("what a mark shows of closed categories:", () => {
  const asked = async (who: TreeScene, ownerKey = OWNER_KEY) => {
    const { categories, grants } = await who.vault.readTree({ ownerKey });
    return { names: categories.map(({ name }) => name).sort(), grants: grants.length };
  };

  test("to who manages the place of the tree its own categories and grants, of others nothing, and no entry", async () => {
    await robot.up(ships([office], { names: ["Aurora"] }));
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
    await robot.up(ships([office], { names: ["Aurora"] }));
    const other = await inside.createCategory({ name: "Other", parentId: null });
    for (const [name, categoryId, role, names] of [
      ["editor", fleet.id, "editor", ["Aurora", "Bridge", "Radar"]],
      ["reader", fleet.id, "reader", ["Aurora", "Bridge", "Radar"]],
      ["stranger", other.id, "manager", []],
    ] as const) {
      const who = await runAs(name);
      const user = await inside.people.findPrincipal("user", name);
      await inside.people.createGrant({ categoryId, principalId: user?.id ?? "", role });
      expect(await asked(who)).toEqual({ names, grants: 0 });
    }
  });

  test("nothing of a tree in a closed category of others to who manages what is above that", async () => {
    const closed = await inside.createCategory({ name: "Closed", parentId: fleet.id, inheritGrants: false });
    const administrator = await runAs("root", "administrator");
    await administrator.up({ ...ships([office], { names: ["Aurora"] }), parentId: closed.id });
    expect(await asked(robot)).toEqual({ names: [], grants: 0 });
  });

  test("and lets nobody change more than the token of a mark that it has", async () => {
    await robot.up(ships([office], { names: ["Aurora"] }));
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
