import { expect, test } from "@jest/globals";
import type { Owner, Principal, Vault } from "../../../provider/vault/port.js";
import { collect, type CreateVault, expectActions, expectEvents, failure, onVault } from "./setup.js";

const platform: Owner = { key: "platform/prod/Grant/dba", stack: "acme/platform/prod", token: "token-of-platform" };
const shop: Owner = { key: "shop/prod/Grant/dba", stack: "acme/shop/prod", token: "token-of-shop" };

const LATER = "2031-01-01T00:00:00Z";

export function user(vault: Vault, name: string): Promise<Principal> {
  return vault.people.createPrincipal({ kind: "user", name });
}

export function group(vault: Vault, name: string): Promise<Principal> {
  return vault.people.createPrincipal({ kind: "group", name });
}

export function principalCases(create: CreateVault): void {
  test(
    "users and groups are read as they were created, found by kind and name, and listed groups first",
    onVault(create, async ({ vault: { people } }) => {
      const ana = await people.createPrincipal({
        kind: "user",
        name: "ana",
        displayName: "Ana Ferreira",
        email: "ana@example.com",
        expiresAt: "2031-01-01T01:00:00+01:00",
      });
      const dba = await people.createPrincipal({ kind: "group", name: "DBA", displayName: "Database admins" });
      const sameName = await people.createPrincipal({ kind: "group", name: "ana" });
      expect(ana).toEqual({
        id: expect.stringMatching(/^us_[A-Za-z0-9]{22}$/),
        kind: "user",
        name: "ana",
        displayName: "Ana Ferreira",
        email: "ana@example.com",
        expiresAt: "2031-01-01T00:00:00.000Z",
        owned: false,
      });
      expect(dba.id).toMatch(/^gp_/);
      expect(await people.readPrincipal(ana.id)).toEqual(ana);
      expect(await people.findPrincipal("user", "ana")).toEqual(ana);
      expect(await people.findPrincipal("group", "ana")).toEqual(sameName);
      expect(await people.findPrincipal("user", "DBA")).toBeUndefined();
      expect((await collect(people.listPrincipals())).map(({ id }) => id)).toEqual([dba.id, sameName.id, ana.id]);
    }),
  );

  test(
    "a name is taken among users, or among groups; a wrong one is refused",
    onVault(create, async ({ vault }) => {
      const { people } = vault;
      const ana = await user(vault, "ana");
      const error = await failure(user(vault, "ana"), "CONFLICT");
      expect(error.message).toContain(`ana (${ana.id})`);
      await failure(user(vault, "a\nna"), "INVALID_INPUT");
      const bo = await user(vault, "Re\u0301mi");
      expect(bo.name).toBe("Rémi");
      expect((await people.findPrincipal("user", "Re\u0301mi"))?.id).toBe(bo.id);
      await failure(people.updatePrincipal(bo.id, { name: "ana" }), "CONFLICT");
    }),
  );

  test(
    "an expiry has a zone, lies ahead, and is a user's",
    onVault(create, async ({ vault: { people } }) => {
      const make = (expiresAt: string) => people.createPrincipal({ kind: "user", name: "ana", expiresAt });
      for (const text of ["2031-01-01", "2031-01-01T00:00:00", "2031-02-30T00:00:00Z", "tomorrow", ""]) {
        expect((await failure(make(text), "INVALID_INPUT")).details).toEqual({ field: "expiresAt" });
      }
      expect((await failure(make("2030-01-01T00:00:00Z"), "INVALID_INPUT")).message).toContain("has passed already");
      await failure(people.createPrincipal({ kind: "group", name: "DBA", expiresAt: LATER }), "INVALID_INPUT");
      expect(await collect(people.listPrincipals())).toEqual([]);
    }),
  );

  test(
    "a patch changes what it names, null clears, and an expiry can be brought forward to the past",
    onVault(create, async ({ vault, start }) => {
      const { people } = vault;
      const ana = await people.createPrincipal({ kind: "user", name: "ana", email: "a@example.com", expiresAt: LATER });
      const patched = await people.updatePrincipal(ana.id, { email: null, expiresAt: "2029-01-01T00:00:00Z" });
      expect(patched).toMatchObject({ name: "ana", expiresAt: "2029-01-01T00:00:00.000Z" });
      expect(patched).not.toHaveProperty("email");
      expect(await people.updatePrincipal(ana.id, { name: "ana" })).toEqual(patched);
      await expectActions(vault, { after: start }, ["user.created", "user.updated"]);
      await failure(people.updatePrincipal("us_gone", { name: "x" }), "NOT_FOUND");
      await failure(people.readPrincipal("us_gone"), "NOT_FOUND");
    }),
  );

  test(
    "a departure takes memberships and grants along at once, whoever made them, with an event for each",
    onVault(create, async ({ vault, elsewhere }) => {
      const { people } = vault;
      const [ana, bo, dba] = [await user(vault, "ana"), await user(vault, "bo"), await group(vault, "DBA")];
      const category = await vault.createCategory({ name: "C", parentId: null });
      const membership = await people.createMembership({ groupId: dba.id, memberId: ana.id, owner: platform });
      await people.createMembership({ groupId: dba.id, memberId: bo.id });
      const grant = await people.createGrant({
        categoryId: category.id,
        principalId: ana.id,
        role: "reader",
        owner: shop,
      });
      const everywhere = await people.createGrant({ categoryId: null, principalId: ana.id, role: "manager" });
      const { head } = await vault.identity();
      await people.deletePrincipal(ana.id, {});
      await people.deletePrincipal(ana.id, {});

      await expectEvents(vault, { after: head }, [
        { action: "membership.deleted", ids: [membership.id, dba.id, ana.id] },
        { action: "grant.deleted", ids: [grant.id, ana.id, category.id] },
        { action: "grant.deleted", ids: [everywhere.id, ana.id] },
        { action: "user.deleted", ids: [ana.id] },
      ]);
      const other = (await elsewhere()).people;
      await failure(other.readPrincipal(ana.id), "NOT_FOUND");
      await failure(other.readGrant(grant.id), "NOT_FOUND");
      await failure(other.readMembership(membership.id), "NOT_FOUND");
      expect((await collect(other.listMemberships())).map(({ memberId }) => memberId)).toEqual([bo.id]);
      expect(await collect(other.listGrants())).toEqual([]);
    }),
  );
}

export function membershipCases(create: CreateVault): void {
  test(
    "a membership is read as it was created, found by its pair, and gone when it was deleted",
    onVault(create, async ({ vault }) => {
      const { people } = vault;
      const [ana, dba, platformTeam] = [await user(vault, "ana"), await group(vault, "DBA"), await group(vault, "P")];
      const made = await people.createMembership({ groupId: dba.id, memberId: ana.id });
      const nested = await people.createMembership({ groupId: platformTeam.id, memberId: dba.id });
      expect(made).toEqual({
        id: expect.stringMatching(/^mb_/),
        groupId: dba.id,
        memberId: ana.id,
        owned: false,
      });
      expect(await people.readMembership(made.id)).toEqual(made);
      expect(await people.findMembership(dba.id, ana.id)).toEqual(made);
      expect(await people.findMembership(platformTeam.id, ana.id)).toBeUndefined();
      expect(await collect(people.listMemberships())).toEqual([made, nested]);
      await people.deleteMembership(made.id, {});
      await people.deleteMembership(made.id, {});
      expect(await people.findMembership(dba.id, ana.id)).toBeUndefined();
      expect((await people.readPrincipal(ana.id)).name).toBe("ana");
    }),
  );

  test(
    "what can't be a membership is refused: nobody, a user as group, the same one twice",
    onVault(create, async ({ vault }) => {
      const { people } = vault;
      const [ana, dba] = [await user(vault, "ana"), await group(vault, "DBA")];
      const make = (groupId: string, memberId: string) => people.createMembership({ groupId, memberId });
      await failure(make("gp_gone", ana.id), "NOT_FOUND");
      await failure(make(dba.id, "us_gone"), "NOT_FOUND");
      expect((await failure(make(ana.id, dba.id), "INVALID_INPUT")).message).toContain("is no group");
      const made = await make(dba.id, ana.id);
      expect((await failure(make(dba.id, ana.id), "CONFLICT")).message).toContain(made.id);
      expect(await collect(people.listMemberships())).toEqual([made]);
    }),
  );

  test(
    "a group is never in itself, neither directly nor through others; a diamond is no circle",
    onVault(create, async ({ vault }) => {
      const { people } = vault;
      const [a, b, c, d] = await Promise.all(["a", "b", "c", "d"].map((name) => group(vault, name)));
      if (!a || !b || !c || !d) throw new Error("unreachable");
      const into = (groupId: string, memberId: string) => people.createMembership({ groupId, memberId });
      expect((await failure(into(a.id, a.id), "CONFLICT")).message).toContain("a member of itself");
      await into(a.id, b.id);
      await into(a.id, c.id);
      await into(b.id, d.id);
      const second = await into(c.id, d.id);
      const error = await failure(into(d.id, a.id), "CONFLICT");
      expect(error.message).toContain(a.id);
      expect(error.message).toContain(d.id);
      await failure(into(b.id, a.id), "CONFLICT");
      // Turning a membership round is a circle only if another one closes it.
      await failure(people.updateMembership(second.id, { groupId: d.id, memberId: a.id }), "CONFLICT");
      expect(await people.updateMembership(second.id, { groupId: d.id, memberId: c.id })).toMatchObject({
        groupId: d.id,
        memberId: c.id,
      });
    }),
  );
}

export function grantCases(create: CreateVault): void {
  test(
    "a grant is read as it was created, found by category and principal, and listed with the expired ones",
    onVault(create, async ({ vault, clock }) => {
      const { people } = vault;
      const [ana, dba] = [await user(vault, "ana"), await group(vault, "DBA")];
      const category = await vault.createCategory({ name: "C", parentId: null });
      const made = await people.createGrant({
        categoryId: category.id,
        principalId: dba.id,
        role: "reader",
        expiresAt: "2030-01-01T00:01:00Z",
      });
      const root = await people.createGrant({ categoryId: null, principalId: ana.id, role: "manager" });
      expect(made).toEqual({
        id: expect.stringMatching(/^gt_/),
        categoryId: category.id,
        principalId: dba.id,
        role: "reader",
        expiresAt: "2030-01-01T00:01:00.000Z",
        owned: false,
      });
      clock.pass({ minutes: 2 });
      expect(await people.readGrant(made.id)).toEqual(made);
      expect(await people.findGrant(category.id, dba.id)).toEqual(made);
      expect(await people.findGrant(null, ana.id)).toEqual(root);
      expect(await people.findGrant(null, dba.id)).toBeUndefined();
      expect(await collect(people.listGrants())).toEqual([made, root]);
      await people.deleteGrant(made.id, {});
      await people.deleteGrant(made.id, {});
      expect(await collect(people.listGrants())).toEqual([root]);
    }),
  );

  test(
    "a grant to an unknown principal, on an unknown category, twice, or expired on creation is refused",
    onVault(create, async ({ vault }) => {
      const { people } = vault;
      const ana = await user(vault, "ana");
      const { id: categoryId } = await vault.createCategory({ name: "C", parentId: null });
      const make = (more: { categoryId?: string; principalId?: string; expiresAt?: string }) =>
        people.createGrant({ categoryId, principalId: ana.id, role: "reader", ...more });
      expect((await failure(make({ principalId: "us_gone" }), "NOT_FOUND")).message).toContain("us_gone");
      await failure(make({ categoryId: "ct_gone" }), "NOT_FOUND");
      const expired = await failure(make({ expiresAt: "2029-12-31T23:59:59Z" }), "INVALID_INPUT");
      expect(expired.message).toContain("2029-12-31T23:59:59.000Z");
      const made = await make({});
      const twice = await failure(people.createGrant({ categoryId, principalId: ana.id, role: "manager" }), "CONFLICT");
      expect(twice.message).toContain(made.id);
      expect(twice.message).toMatch(/user ana .*is reader of category C /);
      expect(await collect(people.listGrants())).toEqual([made]);
    }),
  );

  test(
    "role, expiry, category and principal are changed in place, and ended by an expiry in the past",
    onVault(create, async ({ vault }) => {
      const { people } = vault;
      const [ana, bo] = [await user(vault, "ana"), await user(vault, "bo")];
      const { id: categoryId } = await vault.createCategory({ name: "C", parentId: null });
      const made = await people.createGrant({
        categoryId: null,
        principalId: ana.id,
        role: "reader",
        expiresAt: LATER,
      });
      const changed = await people.updateGrant(made.id, { categoryId, role: "editor", expiresAt: null });
      expect(changed).toEqual({ id: made.id, categoryId, principalId: ana.id, role: "editor", owned: false });
      const ended = await people.updateGrant(made.id, { categoryId: null, expiresAt: "2029-01-01T00:00:00Z" });
      expect(ended).toMatchObject({ categoryId: null, expiresAt: "2029-01-01T00:00:00.000Z" });
      const other = await people.createGrant({ categoryId: null, principalId: bo.id, role: "reader" });
      await failure(people.updateGrant(other.id, { principalId: ana.id }), "CONFLICT");
      await failure(people.updateGrant(other.id, { principalId: "us_gone" }), "NOT_FOUND");
      await failure(people.updateGrant("gt_gone", { role: "reader" }), "NOT_FOUND");
    }),
  );

  test(
    "a category with a grant on it isn't deleted, and the message names who has it",
    onVault(create, async ({ vault }) => {
      const ana = await user(vault, "ana");
      const category = await vault.createCategory({ name: "C", parentId: null });
      const grant = await vault.people.createGrant({ categoryId: category.id, principalId: ana.id, role: "reader" });
      const error = await failure(vault.deleteCategory(category.id, {}), "CONFLICT");
      expect(error.message).toContain(`user ana (${grant.id})`);
      await vault.people.deleteGrant(grant.id, {});
      await vault.deleteCategory(category.id, {});
    }),
  );

  test(
    "a category says whether it inherits grants, and can be told otherwise",
    onVault(create, async ({ vault }) => {
      const top = await vault.createCategory({ name: "Top", parentId: null });
      const below = await vault.createCategory({ name: "Below", parentId: top.id, inheritGrants: false });
      expect([top.inheritGrants, below.inheritGrants]).toEqual([true, false]);
      expect((await vault.updateCategory(below.id, { description: "x" })).inheritGrants).toBe(false);
      expect((await vault.updateCategory(below.id, { inheritGrants: true })).inheritGrants).toBe(true);
      expect((await vault.updateCategory(top.id, { inheritGrants: false })).inheritGrants).toBe(false);
    }),
  );
}

export function peopleOwnerCases(create: CreateVault): void {
  test(
    "principals, memberships and grants are found by their owner's key, and obey its token alone",
    onVault(create, async ({ vault }) => {
      const { people } = vault;
      const dba = await people.createPrincipal({ kind: "group", name: "DBA", owner: platform });
      const ana = await user(vault, "ana");
      const membership = await people.createMembership({ groupId: dba.id, memberId: ana.id, owner: platform });
      const grant = await people.createGrant({
        categoryId: null,
        principalId: dba.id,
        role: "reader",
        owner: platform,
      });
      expect([dba.owned, membership.owned, grant.owned, ana.owned]).toEqual([true, true, true, false]);
      expect(await people.findOwned("principal", platform.key)).toBe(dba.id);
      expect(await people.findOwned("membership", platform.key)).toBe(membership.id);
      expect(await people.findOwned("grant", platform.key)).toBe(grant.id);
      expect(await people.findOwned("grant", shop.key)).toBeUndefined();

      const { token } = shop;
      const before = await vault.identity();
      await failure(people.updatePrincipal(dba.id, { displayName: "x", token }), "CONFLICT");
      await failure(people.deletePrincipal(dba.id, { token }), "CONFLICT");
      await failure(people.updateMembership(membership.id, { memberId: ana.id, token }), "CONFLICT");
      await failure(people.deleteMembership(membership.id, { token }), "CONFLICT");
      await failure(people.updateGrant(grant.id, { role: "manager", token }), "CONFLICT");
      await failure(people.deleteGrant(grant.id, { token }), "CONFLICT");
      expect(await vault.identity()).toEqual(before);

      await people.updateGrant(grant.id, { owner: shop, token: platform.token });
      expect(await people.findOwned("grant", shop.key)).toBe(grant.id);
      await people.deleteGrant(grant.id, { token: shop.token });
      await people.deleteMembership(membership.id, { token: platform.token });
      await people.deletePrincipal(dba.id, { token: platform.token });
    }),
  );

  test(
    "two grants under one mark are a conflict that names both",
    onVault(create, async ({ vault }) => {
      const { people } = vault;
      const [ana, bo] = [await user(vault, "ana"), await user(vault, "bo")];
      const make = (principalId: string) =>
        people.createGrant({ categoryId: null, principalId, role: "reader", owner: shop });
      const [first, second] = [await make(ana.id), await make(bo.id)];
      const error = await failure(people.findOwned("grant", shop.key), "CONFLICT");
      expect(error.message).toContain(first.id);
      expect(error.message).toContain(second.id);
    }),
  );
}
