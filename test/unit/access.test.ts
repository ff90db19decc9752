import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { accessOf, type CategoryAccess, type Rights } from "../../provider/vault/access.js";
import { policyTexts } from "../../provider/vault/hashicorp/policies.js";
import { type Category, GRANT_ROLES, type GrantRole, type Principal } from "../../provider/vault/port.js";

const NOW = new Date("2030-01-01T00:00:00.000Z");
const PAST = "2029-12-31T23:59:59.000Z";
const FUTURE = "2030-01-01T00:00:01.000Z";

const user = (id: string, expiresAt?: string): Principal => ({
  id,
  kind: "user",
  name: id,
  owned: false,
  ...(expiresAt === undefined ? {} : { expiresAt }),
});
const group = (id: string): Principal => ({ id, kind: "group", name: id, owned: false });

/** `A/B` is a category below `A`; one that ends with `!` inherits nothing. */
function tree(...paths: string[]): Rights["categories"] {
  return paths.map((path) => {
    const id = path.replaceAll("!", "");
    const slash = id.lastIndexOf("/");
    return { id, parentId: slash < 0 ? null : id.slice(0, slash), inheritGrants: !path.endsWith("!") };
  });
}

/** The same tree, with what is said of some. */
function rules(
  categories: Rights["categories"],
  said: Record<string, Pick<Category, "readOnly" | "expiresAt">>,
): Rights["categories"] {
  return categories.map((category) => ({ ...category, ...said[category.id] }));
}

let grants = 0;
function grant(principalId: string, categoryId: string | null, role: GrantRole = "reader", expiresAt?: string) {
  return {
    id: `gt_${(grants += 1)}`,
    principalId,
    categoryId,
    role,
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
}

/** `A: ana reader, bo manager` for each place where somebody has something. */
function summary(all: readonly CategoryAccess[]): string[] {
  return all
    .filter(({ readers }) => readers.length > 0)
    .map(({ categoryId, readers }) => {
      const who = readers.map(({ principalId, role }) => `${principalId} ${role ?? "expired"}`);
      return `${categoryId ?? "root"}: ${who.join(", ")}`;
    });
}

describe("who may read what", () => {
  const table: { name: string; rights: Partial<Rights>; expected: string[] }[] = [
    { name: "nobody without a grant", rights: {}, expected: [] },
    {
      name: "a grant holds where it is and below, not above and not beside",
      rights: { grants: [grant("ana", "A/B")] },
      expected: ["A/B: ana reader", "A/B/C: ana reader"],
    },
    {
      name: "a grant on the root holds everywhere, in the root too",
      rights: { grants: [grant("ana", null, "manager")] },
      expected: ["root", "A", "A/B", "A/B/C", "D"].map((place) => `${place}: ana manager`),
    },
    {
      name: "a category that inherits nothing ends what comes from above, for all below it",
      rights: { categories: tree("A", "A/B!", "A/B/C", "D"), grants: [grant("ana", null), grant("bo", "A/B")] },
      expected: ["root: ana reader", "A: ana reader", "A/B: bo reader", "A/B/C: bo reader", "D: ana reader"],
    },
    {
      name: "the strongest of several grants counts",
      rights: { grants: [grant("ana", "A"), grant("ana", "A/B/C", "manager"), grant("dba", "A/B", "editor")] },
      expected: ["A: ana reader", "A/B: ana editor, bo editor", "A/B/C: ana manager, bo editor"],
    },
    {
      name: "a group's grant is its members', over groups in groups",
      rights: { grants: [grant("all", "D")] },
      expected: ["D: ana reader, bo reader"],
    },
    {
      name: "an expired grant, and all grants of an expired user, are shown and give nothing",
      rights: {
        principals: [user("ana"), user("bo", PAST), user("cy", FUTURE)],
        memberships: [],
        grants: [grant("ana", "D", "manager", PAST), grant("bo", "D"), grant("cy", "D", "reader", FUTURE)],
      },
      expected: ["D: ana expired, bo expired, cy reader"],
    },
    {
      name: "in a read-only category and all below it editors only read, also where nothing is inherited; managers stay",
      rights: {
        categories: rules(tree("A", "A/B!", "A/B/C", "D"), { A: { readOnly: true } }),
        grants: [grant("ana", null, "editor"), grant("bo", "A", "manager"), grant("ana", "A/B/C", "editor")],
      },
      expected: ["root: ana editor", "A: ana reader, bo manager", "A/B/C: ana reader", "D: ana editor"],
    },
    {
      name: "from its end on nobody has anything in a category and below, also where nothing is inherited",
      rights: {
        categories: rules(tree("A", "A/B!", "D"), { A: { expiresAt: PAST }, D: { expiresAt: FUTURE } }),
        grants: [grant("ana", null), grant("bo", "A/B", "manager")],
      },
      expected: ["root: ana reader", "A: ana expired", "A/B: bo expired", "D: ana reader"],
    },
    {
      name: "a grant in force outweighs a stronger one that expired",
      rights: { grants: [grant("ana", "D"), grant("dba", "D", "manager", PAST)] },
      expected: ["D: ana reader, bo expired"],
    },
  ];

  test.each(table)("$name", ({ rights, expected }) => {
    const whole: Rights = {
      categories: tree("A", "A/B", "A/B/C", "D"),
      principals: [group("all"), group("dba"), user("ana"), user("bo")],
      memberships: [
        { groupId: "all", memberId: "dba" },
        { groupId: "dba", memberId: "ana" },
        { groupId: "dba", memberId: "bo" },
      ],
      grants: [],
      ...rights,
    };
    expect(summary(accessOf(whole, NOW))).toEqual(expected);
  });

  test("each grant is named with the chain of groups through which it comes, a shortest one of several", () => {
    const [direct, nested] = [grant("ana", "A"), grant("all", null, "editor")];
    const rights: Rights = {
      categories: tree("A"),
      principals: [group("all"), group("dba"), group("ops"), user("ana")],
      memberships: [
        { groupId: "all", memberId: "dba" },
        { groupId: "dba", memberId: "ops" },
        { groupId: "ops", memberId: "ana" },
        { groupId: "dba", memberId: "ana" },
      ],
      grants: [direct, nested],
    };
    expect(accessOf(rights, NOW)[1]?.readers).toEqual([
      {
        principalId: "ana",
        role: "editor",
        through: [
          { grantId: nested.id, role: "editor", from: null, chain: ["ana", "dba", "all"] },
          { grantId: direct.id, role: "reader", from: "A", chain: ["ana"] },
        ],
      },
    ]);
  });

  test("a group can be asked about as well as a user", () => {
    const rights: Rights = {
      categories: tree("A"),
      principals: [group("all"), group("dba"), user("ana")],
      memberships: [{ groupId: "all", memberId: "dba" }],
      grants: [grant("all", "A"), grant("ana", "A")],
    };
    expect(summary(accessOf(rights, NOW, new Set(["dba"])))).toEqual(["A: dba reader"]);
  });
});

describe("compared with a model that tries everything", () => {
  const role = fc.constantFrom(...GRANT_ROLES);
  const expiry = fc.option(fc.constantFrom(PAST, FUTURE), { nil: undefined, freq: 3 });

  /** Any tree of up to 12 categories, 5 users and 6 groups without circles, and 14 grants. */
  const anyRights: fc.Arbitrary<Rights> = fc
    .record({
      parents: fc.array(fc.record({ above: fc.nat(), inherits: fc.boolean() }), { maxLength: 12 }),
      users: fc.array(expiry, { minLength: 1, maxLength: 5 }),
      groups: fc.nat({ max: 6 }),
      memberships: fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 20 }),
      grants: fc.array(fc.record({ on: fc.nat(), to: fc.nat(), role, expiresAt: expiry }), { maxLength: 14 }),
    })
    .map((drawn) => {
      const categories = drawn.parents.map(({ above, inherits }, index) => {
        const parent = above % (index + 1); // an earlier one, or none
        return { id: `c${index}`, parentId: parent === index ? null : `c${parent}`, inheritGrants: inherits };
      });
      const groups = Array.from({ length: drawn.groups }, (_, index) => group(`g${index}`));
      const users = drawn.users.map((expiresAt, index) => user(`u${index}`, expiresAt));
      const principals = [...groups, ...users];
      // What is in a group comes after it in the list, so that there is no circle.
      const memberships = drawn.memberships.flatMap(([first, second]) => {
        if (groups.length === 0) return [];
        const at = first % groups.length;
        const memberId = principals[at + 1 + (second % (principals.length - at - 1))]?.id ?? "";
        return [{ groupId: `g${at}`, memberId }];
      });
      const grants = drawn.grants.map(({ on, to, role: given, expiresAt }, index) => {
        const place = on % (categories.length + 1);
        return {
          id: `gt${index}`,
          categoryId: place === categories.length ? null : `c${place}`,
          principalId: principals[to % principals.length]?.id ?? "",
          role: given,
          ...(expiresAt === undefined ? {} : { expiresAt }),
        };
      });
      return { categories, principals, memberships, grants };
    });

  /** Every way from a principal to another, over groups. */
  function waysBetween({ memberships }: Rights, from: string, to: string): string[][] {
    if (from === to) return [[to]];
    const above = memberships.filter(({ memberId }) => memberId === from);
    return above.flatMap(({ groupId }) =>
      waysBetween({ memberships } as Rights, groupId, to).map((way) => [from, ...way]),
    );
  }

  function holdsAt({ categories }: Rights, place: string | null, on: string | null): boolean {
    if (place === on) return true;
    const category = categories.find(({ id }) => id === place);
    return category !== undefined && category.inheritGrants && holdsAt({ categories } as Rights, category.parentId, on);
  }

  test("every user has exactly the grants that some way leads to, with a shortest way each", () => {
    fc.assert(
      fc.property(anyRights, (rights) => {
        const all = accessOf(rights, NOW);
        expect(all.map(({ categoryId }) => categoryId)).toEqual([null, ...rights.categories.map(({ id }) => id)]);
        for (const { categoryId, readers } of all) {
          const expected = rights.principals
            .filter(({ kind }) => kind === "user")
            .flatMap((reader) => {
              const through = rights.grants
                .filter((one) => holdsAt(rights, categoryId, one.categoryId))
                .flatMap((one) => {
                  const ways = waysBetween(rights, reader.id, one.principalId);
                  const length = Math.min(...ways.map((way) => way.length));
                  const expired = one.expiresAt === PAST ? "grant" : reader.expiresAt === PAST ? "user" : "no";
                  return ways.length === 0 ? [] : [`${one.id} ${one.role} ${length} ${expired}`];
                });
              const roles = through.filter((text) => text.endsWith(" no")).map((text) => text.split(" ")[1] ?? "");
              const strongest = GRANT_ROLES.findLast((one) => roles.includes(one));
              return through.length === 0 ? [] : [{ id: reader.id, strongest, through: through.sort() }];
            });
          const found = readers.map(({ principalId, role: strongest, through }) => ({
            id: principalId,
            strongest,
            through: through
              .map((one) => `${one.grantId} ${one.role} ${one.chain.length} ${one.expired ?? "no"}`)
              .sort(),
          }));
          expect(found).toEqual(expected);
          for (const { principalId, through } of readers) {
            for (const { grantId, chain } of through) {
              const to = rights.grants.find(({ id }) => id === grantId)?.principalId ?? "";
              expect(waysBetween(rights, principalId, to)).toContainEqual(chain);
            }
          }
        }
      }),
      { numRuns: 400 },
    );
  });
});

test("a category whose time has passed is in nobody's policy of a server", () => {
  const category = (id: string, expiresAt: string) => {
    return { id, parentId: null, inheritGrants: true, path: [id], expiresAt };
  };
  const [, text] = policyTexts({
    vault: "prod",
    mount: "kv",
    root: [],
    rights: {
      categories: [category("A", PAST), category("B", FUTURE)],
      principals: [user("ana")],
      memberships: [],
      grants: [grant("ana", null)],
    },
    now: NOW,
  });
  expect(text?.text).toContain("kv/data/B/+");
  expect(text?.text).not.toContain("kv/data/A/+");
});
