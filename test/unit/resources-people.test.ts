import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { grantHandlers } from "../../provider/resources/grant/handlers.js";
import { groupMembershipHandlers } from "../../provider/resources/group-membership/handlers.js";
import { groupHandlers } from "../../provider/resources/group/handlers.js";
import type { Handlers } from "../../provider/resources/people/handlers-of.js";
import { userHandlers } from "../../provider/resources/user/handlers.js";
import { UNKNOWN } from "../../provider/resources/values.js";
import type { Grant } from "../../provider/vault/port.js";
import { collect } from "../contract/vault-cases/setup.ts";
import { ResourceScene, withIdentity } from "../fixtures/resource-scene.ts";

let scene: ResourceScene;
let ana: string;
let dba: string;
let category: string;
beforeEach(async () => {
  scene = new ResourceScene();
  const { vault } = scene;
  ana = (await vault.people.createPrincipal({ kind: "user", name: "ana" })).id;
  dba = (await vault.people.createPrincipal({ kind: "group", name: "DBA" })).id;
  category = (await vault.createCategory({ name: "Databases", parentId: null })).id;
});
afterEach(() => scene.close());

const LATER = "2999-12-31T18:00:00+01:00";
const key = (name: string) => ({ ownerKey: `shop/dev/x/${name}` });

async function up(handlers: Handlers, inputs: Record<string, unknown>, context = scene.resources()) {
  const { id, outs } = await handlers.create(context, { ...key("one"), ...inputs });
  return { id, outs };
}

async function problems(handlers: Handlers, inputs: Record<string, unknown>, olds = {}, context = scene.resources()) {
  const { failures } = await handlers.check(context, olds, { ...key("one"), ...inputs });
  return failures.map(({ reason }) => reason).join("\n");
}

describe("every one of them", () => {
  const kinds: [string, Handlers, () => Record<string, unknown>, () => Record<string, unknown>][] = [
    ["user", userHandlers, () => ({ name: "bo" }), () => ({ name: "bo", email: "bo@example.com" })],
    ["group", groupHandlers, () => ({ name: "Ops" }), () => ({ name: "Ops", displayName: "Operations" })],
    [
      "membership",
      groupMembershipHandlers,
      () => ({ groupId: dba, memberId: ana }),
      () => ({ groupId: dba, memberId: second }),
    ],
    [
      "grant",
      grantHandlers,
      () => ({ categoryId: category, principalId: dba, role: "reader" }),
      () => ({ categoryId: category, principalId: dba, role: "editor", expiresAt: LATER }),
    ],
  ];
  let second: string;
  beforeEach(async () => {
    second = (await scene.vault.people.createPrincipal({ kind: "user", name: "second" })).id;
  });

  describe.each(kinds)("%s", (_name, handlers, first, then) => {
    test("is made as declared, keeps little in state, and is unchanged by the next run and by a refresh", async () => {
      const made = await up(handlers, first());
      expect(made.outs).toEqual({
        ...first(),
        ...key("one"),
        ownerToken: expect.stringMatching(/^[\w-]{20}$/),
        vaultStamp: expect.stringMatching(/:0:\d+::[0-9a-f]{16}$/),
      });
      expect(await problems(handlers, first(), made.outs)).toBe("");
      const news = { ...key("one"), ...first() };
      expect(await handlers.diff(scene.resources(), made.id, made.outs, news)).toEqual({ changes: false });
      expect(await handlers.read(scene.resources(), made.id, made.outs)).toEqual({ id: made.id, props: made.outs });
    });

    test("that an interrupted create left is returned, and not made twice", async () => {
      const lost = await up(handlers, first());
      expect(await problems(handlers, first())).toBe("");
      expect((await up(handlers, first())).id).toBe(lost.id);
    });

    test("that an interrupted create left as something else is a conflict that names it", async () => {
      const lost = await up(handlers, first());
      const other = { ...first(), name: "other", groupId: dba, memberId: second, principalId: ana };
      await expect(
        up(handlers, Object.fromEntries(Object.keys(first()).map((name) => [name, Reflect.get(other, name)]))),
      ).rejects.toThrow(new RegExp(`CONFLICT[\\s\\S]*adopt: "${lost.id}"`));
    });

    test("is changed in place", async () => {
      const made = await up(handlers, first());
      const news = { ...key("one"), ...then() };
      expect(await handlers.diff(scene.resources(), made.id, made.outs, news)).toEqual({ changes: true });
      const { outs } = await handlers.update(scene.resources(), made.id, made.outs, news);
      expect(outs).toMatchObject(then());
      expect(await handlers.diff(scene.resources(), made.id, outs, news)).toEqual({ changes: false });
      expect((await handlers.read(scene.resources(), made.id, {})).props).toEqual(
        expect.objectContaining(Object.fromEntries(Object.entries(then()).filter(([name]) => name !== "expiresAt"))),
      );
      const back = await handlers.update(scene.resources(), made.id, outs, { ...key("one"), ...first() });
      expect(back.outs).not.toHaveProperty("expiresAt");
      expect(await handlers.read(scene.resources(), made.id, back.outs)).toEqual({ id: made.id, props: back.outs });
    });

    test("that another stack made is a conflict at preview and at the up, and is taken over by adopt alone", async () => {
      const theirs = await up(handlers, first(), scene.resources({ stack: "platform/prod" }));
      const mine = { ...first(), ...key("two") };
      expect(await problems(handlers, mine)).toMatch(new RegExp(`CONFLICT[\\s\\S]*adopt: "${theirs.id}"`));
      await expect(up(handlers, mine)).rejects.toThrow(new RegExp(`CONFLICT[\\s\\S]*adopt: "${theirs.id}"`));
      expect(await problems(handlers, { ...mine, adopt: true })).toBe("");
      const adopted = await up(handlers, { ...mine, adopt: true });
      expect(adopted.id).toBe(theirs.id);
      // From now on it is not theirs to remove.
      await expect(handlers.remove(scene.resources(), theirs.id, theirs.outs)).rejects.toThrow("CONFLICT");
      await handlers.remove(scene.resources(), adopted.id, adopted.outs);
    });

    test("is adopted only where it is, and a preview says so", async () => {
      for (const adopt of [true, "xx_gone"]) {
        expect(await problems(handlers, { ...first(), adopt })).toContain("NOT_FOUND");
        await expect(up(handlers, { ...first(), adopt })).rejects.toThrow("NOT_FOUND");
      }
    });

    test("is never removed by another stack's state, nor by a state without a token", async () => {
      const made = await up(handlers, first());
      for (const ownerToken of ["another-token", undefined]) {
        const state = { ...made.outs, ownerToken };
        await expect(handlers.remove(scene.resources(), made.id, state)).rejects.toThrow("CONFLICT");
      }
      expect((await handlers.read(scene.resources(), made.id, made.outs)).id).toBe(made.id);
    });

    test("is gone after its removal, which succeeds again", async () => {
      const made = await up(handlers, first());
      await handlers.remove(scene.resources(), made.id, made.outs);
      await handlers.remove(scene.resources(), made.id, made.outs);
      expect(await handlers.read(scene.resources(), made.id, made.outs)).toEqual({});
      const news = { ...key("one"), ...first() };
      const diff = handlers.diff(scene.resources(), made.id, made.outs, news);
      await expect(diff).rejects.toThrow(/NOT_FOUND[\s\S]*not by this stack[\s\S]*coffre events/);
    });

    test("of another vault is refused, and one that an older copy lacks is lost and not gone", async () => {
      const made = await up(handlers, first());
      const at = (identity: Parameters<typeof withIdentity>[1]) =>
        scene.resources({ rotation: { ...scene.context(), vault: withIdentity(scene.vault, identity) } });
      await expect(handlers.read(at({ id: "other" }), made.id, made.outs)).rejects.toThrow("WRONG_VAULT");
      await expect(handlers.remove(at({ id: "other" }), made.id, made.outs)).rejects.toThrow("WRONG_VAULT");
      await handlers.remove(scene.resources(), made.id, made.outs);
      await expect(handlers.read(at({ head: 0 }), made.id, made.outs)).rejects.toThrow("ROLLED_BACK");
      await expect(handlers.remove(at({ head: 0 }), made.id, made.outs)).rejects.toThrow("ROLLED_BACK");
    });

    test("gets its mark anew when the resource was renamed", async () => {
      const made = await up(handlers, first());
      const news = { ...first(), ...key("renamed") };
      expect(await handlers.diff(scene.resources(), made.id, made.outs, news)).toEqual({ changes: true });
      await handlers.update(scene.resources(), made.id, made.outs, news);
      expect((await up(handlers, news)).id).toBe(made.id);
    });

    test("passes a preview that knows nothing yet, and changes where something is unknown", async () => {
      const unknown = Object.fromEntries(Object.keys(then()).map((name) => [name, UNKNOWN]));
      expect(await problems(handlers, unknown)).toBe("");
      expect((await handlers.checkOffline({ ...key("one"), ...unknown })).failures).toEqual([]);
      const made = await up(handlers, first());
      const news = { ...key("one"), ...first(), ...unknown };
      expect(handlers.diffOffline(made.outs, news)).toEqual({ changes: true });
      expect(await handlers.diff(scene.resources(), made.id, made.outs, news)).toEqual({ changes: true });
    });

    test("refuses properties that it doesn't know, and values of a wrong type, without showing them", async () => {
      const wrong = Object.fromEntries(Object.keys(then()).map((name) => [name, { secret: "hunter2" }]));
      const said = await problems(handlers, wrong);
      for (const name of Object.keys(wrong)) expect(said).toContain(name);
      expect(said).not.toContain("hunter2");
    });

    test("asks a vault that has no grants nothing, and says so at preview", async () => {
      const capabilities = { ...scene.vault.capabilities, grants: "none" as const };
      const vault = new Proxy(scene.vault, {
        get: (target, name) => (name === "capabilities" ? capabilities : (Reflect.get(target, name) as unknown)),
      });
      const context = { ...scene.resources(), vault };
      expect(await problems(handlers, first(), {}, context)).toContain("NOT_SUPPORTED");
    });
  });
});

describe("a user", () => {
  test.each([
    [{ name: "a/b" }, "has a slash"],
    [{ name: "x", email: "no address" }, "email: is no email address"],
    [{ name: "x", expiresAt: "2999-12-31" }, "isn't a time with its zone"],
    [{ name: "x", expiresAt: "2001-01-01T00:00:00Z" }, "has passed already: 2001-01-01T00:00:00.000Z"],
    [{ name: "x", adopt: false }, "adopt: must be true"],
  ])("declared as %j is refused at preview", async (inputs, reason) => {
    expect(await problems(userHandlers, inputs)).toContain(reason);
  });

  test("that expired since is no reason to refuse what else changes", async () => {
    const made = await up(userHandlers, { name: "bo", expiresAt: LATER });
    scene.clock.advance(1000 * 365 * 86_400_000);
    const news = { ...key("one"), name: "bo", expiresAt: LATER, displayName: "Bo" };
    expect(await problems(userHandlers, news, made.outs)).toBe("");
    await expect(userHandlers.update(scene.resources(), made.id, made.outs, news)).resolves.toBeDefined();
  });

  test("keeps an expiry that no program declared: somebody left", async () => {
    const made = await up(userHandlers, { name: "bo" });
    await scene.vault.people.updatePrincipal(made.id, { expiresAt: "2020-01-01T00:00:00Z" });
    const news = { ...key("one"), name: "bo", displayName: "Bo" };
    await userHandlers.update(scene.resources(), made.id, made.outs, news);
    expect(await scene.vault.people.readPrincipal(made.id)).toHaveProperty("expiresAt");
  });

  test("is no group: neither adopted nor read by a group's id", async () => {
    await expect(up(userHandlers, { name: "bo", adopt: dba })).rejects.toThrow("it is a group");
    expect(await userHandlers.read(scene.resources(), dba, {})).toEqual({});
  });

  test("that leaves takes its grants and memberships along, whoever declared them", async () => {
    const made = await up(userHandlers, { name: "bo" });
    await up(grantHandlers, { ...key("theirs"), principalId: made.id, role: "reader" });
    await up(groupMembershipHandlers, { ...key("theirs"), groupId: dba, memberId: made.id });
    await userHandlers.remove(scene.resources(), made.id, made.outs);
    const { people } = scene.vault;
    expect([await collect(people.listGrants()), await collect(people.listMemberships())]).toEqual([[], []]);
  });
});

describe("a membership", () => {
  test("of a user as group, or of somebody unknown, is refused at preview", async () => {
    expect(await problems(groupMembershipHandlers, { groupId: ana, memberId: dba })).toContain(
      "groupId: ana is a user",
    );
    expect(await problems(groupMembershipHandlers, { groupId: dba, memberId: "us_gone" })).toContain("NOT_FOUND");
    expect(await problems(groupMembershipHandlers, { groupId: "gp_gone", memberId: UNKNOWN })).toContain("NOT_FOUND");
  });

  test("of a group in itself is refused at preview, directly, through the vault, or through this program", async () => {
    const { people } = scene.vault;
    const [ops, all] = [
      (await people.createPrincipal({ kind: "group", name: "Ops" })).id,
      (await people.createPrincipal({ kind: "group", name: "All" })).id,
    ];
    expect(await problems(groupMembershipHandlers, { groupId: dba, memberId: dba })).toContain("a member of itself");
    await people.createMembership({ groupId: all, memberId: dba });
    expect(await problems(groupMembershipHandlers, { groupId: dba, memberId: all })).toContain(
      "The group All can't be in DBA, which is in All itself",
    );
    const context = scene.resources();
    expect(await problems(groupMembershipHandlers, { groupId: ops, memberId: all }, {}, context)).toBe("");
    const closing = { ...key("two"), groupId: dba, memberId: ops };
    expect(await problems(groupMembershipHandlers, closing, {}, context)).toContain("CONFLICT");
  });

  test("that turns round is no circle with what it was", async () => {
    const ops = (await scene.vault.people.createPrincipal({ kind: "group", name: "Ops" })).id;
    const made = await up(groupMembershipHandlers, { groupId: dba, memberId: ops });
    const turned = { groupId: ops, memberId: dba };
    expect(await problems(groupMembershipHandlers, turned, made.outs)).toBe("");
    await groupMembershipHandlers.update(scene.resources(), made.id, made.outs, { ...key("one"), ...turned });
  });
});

describe("a grant", () => {
  test.each([
    [{ role: "owner" }, "role: must be one of reader, editor, manager"],
    [{ principalId: "us_gone" }, "There is no user or group us_gone"],
    [{ categoryId: "ct_gone" }, "There is no category ct_gone"],
    [{ categoryId: "ct_gone", principalId: UNKNOWN }, "There is no category ct_gone"],
    [{ expiresAt: "2001-01-01T00:00:00Z" }, "has passed already"],
    [{ expiresAt: "next week" }, "isn't a time with its zone"],
  ])("with %j is refused at preview", async (more, reason) => {
    expect(
      await problems(grantHandlers, { categoryId: category, principalId: ana, role: "reader", ...more }),
    ).toContain(reason);
  });

  test("that two resources of one program declare is refused at preview, naming the first", async () => {
    const context = scene.resources();
    const inputs = { categoryId: category, principalId: ana, role: "reader" };
    expect(await problems(grantHandlers, inputs, {}, context)).toBe("");
    expect(await problems(grantHandlers, inputs, {}, context)).toBe(""); // the same resource, asked twice
    const second = await problems(grantHandlers, { ...inputs, ...key("two"), role: "manager" }, {}, context);
    expect(second).toContain(`declared by another resource too (${key("one").ownerKey})`);
  });

  test("without a category is on the root, or on the branch of coffre:rootCategory, which it makes", async () => {
    const root = await up(grantHandlers, { principalId: ana, role: "reader" });
    expect((await scene.vault.people.readGrant(root.id)).categoryId).toBeNull();
    const context = () => scene.resources({ rootCategory: ["Production", "Shop"] });
    const inputs = { ...key("two"), principalId: ana, role: "reader" };
    expect(await problems(grantHandlers, inputs, {}, context())).toBe("");
    const made = await up(grantHandlers, inputs, context());
    const branch = await scene.vault.findCategory(["Production", "Shop"]);
    expect((await scene.vault.people.readGrant(made.id)).categoryId).toBe(branch?.id);
    expect(made.outs).not.toHaveProperty("categoryId");
    expect((await grantHandlers.read(context(), made.id, made.outs)).props).toEqual(made.outs);
    expect(await grantHandlers.diff(context(), made.id, made.outs, inputs)).toEqual({ changes: false });
  });

  test("whose rights drifted is brought back by an ordinary up", async () => {
    const inputs = { categoryId: category, principalId: ana, role: "reader", expiresAt: LATER };
    const made = await up(grantHandlers, inputs);
    const drift: Partial<Pick<Grant, "role" | "expiresAt">>[] = [
      { role: "manager" },
      { expiresAt: "2999-01-01T00:00:00Z" },
    ];
    for (const change of drift) {
      await scene.vault.people.updateGrant(made.id, change);
      const news = { ...key("one"), ...inputs };
      expect(await grantHandlers.diff(scene.resources(), made.id, made.outs, news)).toEqual({ changes: true });
      await grantHandlers.update(scene.resources(), made.id, made.outs, news);
      expect(await grantHandlers.diff(scene.resources(), made.id, made.outs, news)).toEqual({ changes: false });
    }
  });

  test("that was declared by a principal who left says so, and offers to remove the resource", async () => {
    const made = await up(grantHandlers, { categoryId: category, principalId: ana, role: "reader" });
    await scene.vault.people.deletePrincipal(ana, {});
    const news = { ...key("one"), categoryId: category, principalId: ana, role: "reader" };
    const diff = grantHandlers.diff(scene.resources(), made.id, made.outs, news);
    await expect(diff).rejects.toThrow("Somebody may have left");
    await grantHandlers.remove(scene.resources(), made.id, made.outs);
  });
});
