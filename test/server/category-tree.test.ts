import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Category, Principal, Vault } from "../../provider/vault/port.js";
import { failure } from "../contract/vault-cases/setup.js";
import { manager, OWNER_KEY, RobotTrees, type ShipOptions } from "../fixtures/robot-trees.js";
import type { TreeScene } from "../fixtures/tree-scene.js";

let trees: RobotTrees;
let inside: Vault;
let fleet: Category;
let office: Principal;
let robots: Principal;
let robot: TreeScene;

beforeEach(async () => {
  trees = await RobotTrees.start();
  ({ inside, fleet, office, robots, robot } = trees);
});
afterEach(() => trees.close());

const NOTHING = { changes: false, notes: [] };
const SHIP = ["", "/Bridge", "/Bridge/Radar", "/Network", "/Network/Keys", "/Network/Keys/Spare"];
const of = (...names: string[]) => ["Fleet", ...names.flatMap((name) => SHIP.map((below) => `Fleet/${name}${below}`))];

describe("a tree whose closed categories give the robot that runs the program the role manager", () => {
  test("is made, found unchanged, changed, made smaller and destroyed by it", async () => {
    const inputs = trees.ships([office, robots]);
    expect(await robot.problems(inputs)).toBe("");
    let kept = await robot.up(inputs);
    expect(await robot.preview(inputs, kept)).toEqual(NOTHING);
    expect(await robot.paths(inside)).toEqual(of("Aurora", "Borealis"));

    const changed = trees.ships([office, robots], { network: { passwordPolicy: { minLength: 20 } } });
    expect((await robot.preview(changed, kept)).notes).toEqual(["Aurora, Borealis: ~ Network: minLength (none) => 20"]);
    kept = await robot.up(changed, kept);
    expect(await robot.preview(changed, kept)).toEqual(NOTHING);

    const fewer = trees.ships([office, robots], { names: ["Aurora"], network: null });
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
  const closed = (options?: ShipOptions) => trees.ships([office], options);

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
      const administrator = await trees.runAs("root", "administrator");
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

    const administrator = await trees.runAs("root", "administrator");
    const news = trees.ships([office, robots]);
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
  const inputs = trees.ships([robots]);
  const kept = await robot.up(inputs);
  const bridge = await robot.at("Fleet/Borealis/Bridge");
  await inside.createCategory({ name: "Private", parentId: bridge.id, inheritGrants: false });
  const { notes } = await robot.preview(trees.ships([robots], { names: ["Aurora"] }), kept);
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
  const administrator = await trees.runAs("root", "administrator");
  const kept = await administrator.up(inputs);
  expect((await failure(robot.preview(inputs, kept), "FORBIDDEN")).message).toContain(model.id);
  await failure(robot.up(inputs, kept), "FORBIDDEN");
  const unseen = { ...inputs, templateId: secret.id };
  expect((await failure(robot.preview(unseen, kept), "FORBIDDEN")).message).toContain(secret.id);
  await failure(robot.up(unseen, kept), "FORBIDDEN");
  expect(await robot.paths(inside)).toContain("Fleet/Aurora/Network");
});

test("a token that only reads previews a tree as it is", async () => {
  const kept = await robot.up(trees.ships([robots]));
  const user = await inside.people.findPrincipal("user", "robot");
  expect(user).toBeDefined();
  const reader = await trees.runAs("robot", "reader");
  expect(await reader.preview(trees.ships([robots]), kept)).toEqual(NOTHING);
});
