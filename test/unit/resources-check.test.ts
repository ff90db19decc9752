import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { checkCredential, checkCredentialOffline } from "../../provider/resources/credential/handlers.js";
import type { ResourceContext } from "../../provider/resources/context.js";
import { UNKNOWN } from "../../provider/resources/values.js";
import { ResourceScene } from "../fixtures/resource-scene.ts";

let scene: ResourceScene;
beforeEach(() => {
  scene = new ResourceScene();
});
afterEach(() => scene.close());

async function problems(
  news: Record<string, unknown>,
  olds: Record<string, unknown> = {},
  context: ResourceContext = scene.resources(),
): Promise<string[]> {
  const { failures } = await checkCredential(context, olds, { ownerKey: `key/${String(news["name"])}`, ...news });
  for (const { property } of failures) expect(property).toBe("");
  return failures.map(({ reason }) => reason);
}

describe("a preview refuses", () => {
  test.each([
    [{ between: ["02:00", "02:00"], timeZone: "Europe/Paris" }, "a window that ends as it begins never opens"],
    [{ between: ["02:00", "04:00"], timeZone: "Europe/Paris", days: [] }, "rotation.window.days: must name a day"],
    [{ between: ["24:00", "04:00"], timeZone: "Europe/Paris" }, "rotation.window.between.0: must be a time of day"],
    [{ between: ["02:00", "04:00"], timeZone: "Mars/Olympus" }, "rotation.window.timeZone: must be an IANA time zone"],
  ])("a window that never opens: %j", async (window, reason) => {
    const [problem] = await problems({ name: "a", rotation: { everyDays: 30, window } });
    expect(problem).toContain(reason);
  });

  test.each([
    [{ name: "" }, "The name of the credential is empty"],
    [{ name: "a\nb" }, "has a line break"],
    [{ name: "a/b" }, "has a slash"],
    [{ name: 7 }, "name: "],
    [{ name: "a", rotation: { everyDays: 0 } }, "rotation.everyDays"],
    [{ name: "a", rotation: { everyDays: 1, when: "never" } }, "rotation.when"],
    [{ name: "a", tags: ["", "b"] }, "tags.0"],
    [
      { name: "a", notify: [{ url: "http://example.com/", secretRef: "coffre://scene/x" }] },
      "must begin with https://",
    ],
    [{ name: "a", notify: [{ url: "https://example.com/" }] }, "notify.0.secretRef is missing"],
    [
      { name: "a", notify: [{ url: "https://example.com/", secretRef: "coffre://scene/nobody" }] },
      "No credential at coffre://scene/nobody",
    ],
    [{ name: "a", adopt: false }, "adopt: must be true, or the id of an entry"],
    [{ name: "a", categoryId: "ct_nothing" }, "NOT_FOUND"],
    [{ name: "a", targets: [{ host: "db1" }] }, "targets.0.kind"],
    [{ name: "a", username: "a", targets: [{ kind: "mainframe" }] }, "no target of kind"],
    [{ name: "a", targets: [{ kind: "fake", host: "db1" }] }, "username is missing"],
    [
      { name: "a", valueManagedBy: "external", rotation: { everyDays: 1 } },
      "rotation: a value that people bring isn't Coffre's to set",
    ],
    [
      { name: "a", username: "a", targets: [{ kind: "fake", host: "db1", adminRef: "coffre://scene/nobody" }] },
      "No credential at coffre://scene/nobody",
    ],
    [
      {
        name: "a",
        username: "a",
        targets: [{ kind: "fake", host: "db1", adminRef: "coffre://scene/x?field=root" }],
      },
      "adminRef names a field of a credential",
    ],
    [
      { name: "a", username: "a", targets: [{ kind: "fake", host: "db1", adminRef: "coffre://other/x" }] },
      "WRONG_VAULT",
    ],
  ])("%j", async (news, reason) => {
    expect(await problems(news)).toEqual([expect.stringContaining(reason)]);
  });

  test("a name that somebody else has, naming adopt and aliases", async () => {
    await scene.add({ name: "smtp" });
    expect(await problems({ name: "smtp" })).toEqual([expect.stringMatching(/CONFLICT[\s\S]*aliases[\s\S]*adopt/)]);
    expect(await problems({ name: "smtp", adopt: true })).toEqual([]);
  });

  test("a second credential for one account of the same program, naming the first", async () => {
    const context = scene.resources();
    const targets = [await scene.declaredTarget()];
    expect(await problems({ name: "one", username: "orders", targets }, {}, context)).toEqual([]);
    expect(await problems({ name: "one", username: "orders", targets }, {}, context)).toEqual([]);
    expect(await problems({ name: "two", username: "orders", targets }, {}, context)).toEqual([
      expect.stringMatching(/CONFLICT: The account fake:\/\/orders@db1:1[\s\S]*key\/one/),
    ]);
  });

  test("a policy that no password can meet which the target accepts", async () => {
    const { id: categoryId } = await scene.vault.createCategory({
      name: "Strict",
      parentId: null,
      policy: { require: ["upper"] },
    });
    const news = { name: "a", username: "a", categoryId, targets: [await scene.declaredTarget()] };
    expect(await problems(news)).toEqual([expect.stringMatching(/POLICY[\s\S]*upper[\s\S]*Strict/)]);
  });
});

describe("a preview takes", () => {
  test("what isn't known yet, of any type and at any depth", async () => {
    for (const field of [
      "name",
      "categoryId",
      "username",
      "tags",
      "targets",
      "rotation",
      "rotateWhenChanged",
      "adopt",
    ]) {
      expect(await problems({ name: "a", [field]: UNKNOWN })).toEqual([]);
    }
    expect(
      await problems({
        name: "a",
        username: UNKNOWN,
        tags: [UNKNOWN],
        rotation: { everyDays: UNKNOWN, window: { between: [UNKNOWN, UNKNOWN], timeZone: UNKNOWN, days: [UNKNOWN] } },
        rotateWhenChanged: { image: UNKNOWN },
        notify: [{ url: UNKNOWN, secretRef: UNKNOWN }],
        targets: [{ kind: "fake", host: UNKNOWN, adminRef: UNKNOWN }],
      }),
    ).toEqual([]);
  });

  test("a resource that is to be replaced, whose entry still has its name and account", async () => {
    const inputs = { name: "orders", username: "orders", targets: [await scene.declaredTarget()] };
    await scene.up({ ...inputs, ownerKey: "key/orders" });
    expect(await problems(inputs)).toEqual([]);
  });

  test("nulls and undefined as what they are, nothing, at any depth", async () => {
    const { inputs, failures } = await checkCredential(
      scene.resources(),
      {},
      {
        name: "a",
        username: null,
        url: undefined,
        targets: [null],
        rotation: { everyDays: 1, when: null },
        ownerKey: "k",
      },
    );
    expect(failures).toEqual([]);
    expect(inputs).toEqual({ name: "a", targets: [], rotation: { everyDays: 1 }, ownerKey: "k" });
  });
});

describe("an account of another stack's credential", () => {
  const theirs = { stack: "organization/theirs/dev" };
  const declared = async (more: object = {}) => ({
    name: "mine",
    username: "orders",
    targets: [await scene.declaredTarget()],
    ...more,
  });

  test("is refused at the preview of a new credential, naming who has it", async () => {
    const { id } = await scene.up({ ...(await declared()), name: "first" }, undefined, theirs);
    const [problem] = await problems(await declared());
    expect(problem).toBe(
      `CONFLICT: The account fake://orders@db1:1 belongs to credential first (${id})\n  One account has one credential: use that one, or archive it first.`,
    );
  });

  test("is refused at the preview of a change", async () => {
    await scene.up({ ...(await declared()), name: "first" }, undefined, theirs);
    const mine = await scene.up(await declared({ targets: [] }));
    await expect(scene.changes(await declared(), mine)).rejects.toThrow(/CONFLICT[\s\S]*belongs to credential first/);
  });

  test("is free to whoever adopts that credential, and to the same stack, which may let it go in the same up", async () => {
    const { id } = await scene.up({ ...(await declared()), name: "mine" }, undefined, theirs);
    for (const adopt of [true, id, `coffre://scene/id/${id}`])
      expect(await problems(await declared({ adopt }))).toEqual([]);
    await scene.up({ name: "other", username: "other", targets: [await scene.declaredTarget()] });
    expect(await problems(await declared({ username: "other", name: "new" }))).toEqual([]);
  });
});

test("a cycle of admins is refused when it would be closed", async () => {
  scene.target.give("a@db1:1", "x");
  const first = await scene.up({ name: "a", username: "a" });
  const second = await scene.up({ name: "b", username: "b" });
  const target = (admin: string) => [
    { kind: "fake", host: "db1", create: true, adminRef: `coffre://scene/id/${admin}` },
  ];
  scene.target.give("a@db1:1", await scene.value(first.id));
  await scene.up({ name: "b", username: "b", targets: target(first.id) }, second);
  await expect(scene.up({ name: "a", username: "a", targets: target(second.id) }, first)).rejects.toThrow(
    /CONFLICT: Admins form a cycle/,
  );
});

test("without the vault a preview still says what the declaration alone shows", () => {
  const { drivers } = scene.context();
  expect(checkCredentialOffline(drivers, { name: "a/b", ownerKey: "k" }).failures).toHaveLength(1);
  expect(checkCredentialOffline(drivers, { name: "a", ownerKey: "k", categoryId: "ct_x" }).failures).toEqual([]);
});
