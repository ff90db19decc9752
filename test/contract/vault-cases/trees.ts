import { describe, expect, test } from "@jest/globals";
import type { Owner, TreeChange, TreeQuery, Vault } from "../../../provider/vault/port.js";
import {
  collect,
  type CreateVault,
  createOne,
  expectActions,
  expectLastEvent,
  expectNewEvents,
  failure,
  onVault,
} from "./setup.js";
import { group } from "./people.js";

const ships = (part: string): Owner => ({
  key: "fleet/prod/CategoryTree/ships",
  stack: "acme/fleet/prod",
  token: "token-of-ships",
  part,
});
const others: Owner = { key: "shop/prod/CategoryTree/shops", stack: "acme/shop/prod", token: "token-of-shops" };
const at = "2030-01-01T00:00:00.000Z";

/** Aurora with Bridge and Radar in it, and one grant. */
function aurora(principalId: string): TreeChange[] {
  return [
    {
      change: "create-category",
      input: { name: "Aurora", parentId: null, policy: { minLength: 20 }, owner: ships("Aurora") },
      notices: [
        { id: "msg_1", hook: "https://spam.example.com/", at },
        { id: "msg_2", hook: "command tell", at },
      ],
    },
    {
      change: "create-category",
      input: { name: "Bridge", parentId: { made: 0 }, inheritGrants: false, owner: ships("Aurora/Bridge") },
    },
    {
      change: "create-category",
      input: { name: "Radar", parentId: { made: 1 }, description: "X band", owner: ships("Aurora/Bridge/Radar") },
    },
    {
      change: "create-grant",
      input: { categoryId: { made: 1 }, principalId, role: "editor", owner: ships("Aurora/Bridge") },
    },
  ];
}

const paths = async (vault: Vault) => (await collect(vault.listCategories())).map(({ path }) => path.join("/"));

export function treeCases(create: CreateVault): void {
  test(
    "many categories and grants are made in one write, and read back by their owner's key or by where they are",
    onVault(create, async ({ vault, start }) => {
      const crew = await group(vault, "Crew");
      const foreign = await vault.createCategory({ name: "Model", parentId: null });
      const ids = await vault.changeTree(aurora(crew.id));
      await expectNewEvents(vault, start, 6);
      await expectActions(vault, { after: start + 2 }, [
        "category.created",
        "category.created",
        "category.created",
        "grant.created",
      ]);
      expect(await paths(vault)).toEqual(["Aurora", "Aurora/Bridge", "Aurora/Bridge/Radar", "Model"]);
      const [top = "", bridge = "", radar = "", grant = ""] = ids;
      expect(await vault.readCategory(radar)).toMatchObject({ parentId: bridge, description: "X band", owned: true });

      const own = await vault.readTree({ ownerKey: ships("").key });
      expect(own.categories).toHaveLength(3);
      expect(own.categories).toEqual(
        expect.arrayContaining([
          {
            id: top,
            name: "Aurora",
            parentId: null,
            policy: { minLength: 20 },
            inheritGrants: true,
            owned: true,
            part: "Aurora",
            notices: [
              { id: "msg_1", hook: "https://spam.example.com/", at },
              { id: "msg_2", hook: "command tell", at },
            ],
          },
          {
            id: bridge,
            name: "Bridge",
            parentId: top,
            inheritGrants: false,
            owned: true,
            part: "Aurora/Bridge",
          },
        ]),
      );
      expect(own.grants).toEqual([
        { id: grant, categoryId: bridge, principalId: crew.id, role: "editor", owned: true },
      ]);
      expect(await vault.readTree({ ownerKey: others.key })).toEqual({ categories: [], grants: [] });

      await vault.updateCategory(bridge, { owner: { ...ships("Aurora/Bridge"), key: others.key } });
      const byToken = await vault.readTree({ ownerToken: ships("").token });
      expect(byToken.categories.map(({ id }) => id).sort()).toEqual(ids.slice(0, 3).sort());
      expect(byToken.grants.map(({ id }) => id)).toEqual([grant]);
      expect(await vault.readTree({ ownerToken: others.token })).toEqual({ categories: [], grants: [] });
      await vault.updateCategory(bridge, { owner: ships("Aurora/Bridge") });

      const onRoot = await vault.people.createGrant({ categoryId: null, principalId: crew.id, role: "reader" });
      const below = await vault.readTree({ below: bridge });
      expect(below.categories.map(({ id }) => id)).toEqual([bridge, radar]);
      expect(below.grants.map(({ id }) => id)).toEqual([grant]);
      const all = await vault.readTree({ below: null });
      expect(all.categories.map(({ id }) => id).sort()).toEqual([...ids.slice(0, 3), foreign.id].sort());
      expect(all.grants.map(({ id }) => id).sort()).toEqual([grant, onRoot.id].sort());
      await failure(vault.readTree({ below: "ct_0000000000000000000000" }), "NOT_FOUND");
    }),
  );

  test(
    "how much else stands in each category is told to who asks for it",
    onVault(create, async ({ vault }) => {
      const crew = await group(vault, "Crew");
      const [top = "", bridge = "", radar = ""] = await vault.changeTree(aurora(crew.id));
      for (const name of ["vhf", "ais"]) await createOne(vault, { name, categoryId: bridge });
      const old = await createOne(vault, { name: "old", categoryId: radar });
      await vault.archiveCredential(old.id, {});
      const { dropBoxes } = vault.capabilities;
      if (dropBoxes) await vault.boxes.createBox({ name: "plans", categoryId: radar, recipients: [] });
      const held = async (query: TreeQuery) => {
        const { categories } = await vault.readTree(query);
        return categories.flatMap((row) => (row.held ? [[row.id, row.held]] : []));
      };
      const expected = [
        [bridge, { credentials: 2, boxes: 0 }],
        ...(dropBoxes ? [[radar, { credentials: 0, boxes: 1 }]] : []),
      ];
      expect(await held({ below: top, held: true })).toEqual(expected);
      expect(await held({ below: null, held: true })).toEqual(expected);
      expect(await held({ below: top })).toEqual([]);
    }),
  );

  test(
    "what is there is changed, moved into what is new, and taken away in the same write",
    onVault(create, async ({ vault }) => {
      const crew = await group(vault, "Crew");
      const office = await group(vault, "Office");
      const [top = "", bridge = "", radar = "", grant = ""] = await vault.changeTree(aurora(crew.id));
      const { token } = ships("");
      const ids = await vault.changeTree([
        { change: "update-grant", id: grant, patch: { role: "reader", expiresAt: "2031-01-01T00:00:00.000Z", token } },
        { change: "create-category", input: { name: "Mast", parentId: top } },
        { change: "update-category", id: radar, patch: { parentId: { made: 1 }, name: "Radar X", token } },
        { change: "delete-grant", id: grant, proof: { token } },
        { change: "delete-category", id: bridge, proof: { token } },
        { change: "create-grant", input: { categoryId: { made: 1 }, principalId: office.id, role: "manager" } },
        { change: "update-category", id: top, patch: { policy: null, description: "Ferry", token } },
        { change: "delete-category", id: bridge, proof: { token } }, // gone: a success
      ]);
      expect(ids).toEqual([
        grant,
        expect.stringMatching(/^ct_/),
        radar,
        grant,
        bridge,
        expect.any(String),
        top,
        bridge,
      ]);
      expect(await paths(vault)).toEqual(["Aurora", "Aurora/Mast", "Aurora/Mast/Radar X"]);
      expect(await vault.readCategory(top)).toMatchObject({ description: "Ferry", policies: [] });
      expect((await collect(vault.people.listGrants())).map(({ principalId }) => principalId)).toEqual([office.id]);
    }),
  );

  describe("one change that is refused leaves all of them undone:", () => {
    const refusals: [string, "CONFLICT" | "NOT_FOUND" | "INVALID_INPUT" | "POLICY", TreeChange][] = [
      ["a taken name", "CONFLICT", { change: "create-category", input: { name: "Taken", parentId: null } }],
      ["a name with a slash", "INVALID_INPUT", { change: "create-category", input: { name: "a/b", parentId: null } }],
      [
        "an adopted name with a slash",
        "INVALID_INPUT",
        { change: "create-category", input: { name: "a/b", parentId: null }, adopt: true },
      ],
      ["a parent that is gone", "NOT_FOUND", { change: "create-category", input: { name: "A", parentId: "ct_gone" } }],
      [
        "a parent that comes later",
        "INVALID_INPUT",
        { change: "create-category", input: { name: "A", parentId: { made: 9 } } },
      ],
      [
        "a parent that is a grant",
        "INVALID_INPUT",
        { change: "create-category", input: { name: "A", parentId: { made: 3 } } },
      ],
      ["what is gone", "NOT_FOUND", { change: "update-category", id: "ct_gone", patch: { name: "A" } }],
      ["a grant that is gone", "NOT_FOUND", { change: "update-grant", id: "gt_gone", patch: { role: "reader" } }],
      [
        "a policy that nothing meets",
        "POLICY",
        { change: "create-category", input: { name: "A", parentId: { made: 0 }, policy: { maxLength: 8 } } },
      ],
      ["notices of what is gone", "NOT_FOUND", { change: "settle-notices", id: "ct_gone", delivered: [] }],
    ];
    test.each(refusals)("%s is %s", async (_what, code, change) => {
      await onVault(create, async ({ vault }) => {
        const crew = await group(vault, "Crew");
        await vault.createCategory({ name: "Taken", parentId: null, owner: others });
        const before = [await vault.identity(), await vault.readTree({ below: null })];
        await failure(vault.changeTree([...aurora(crew.id), change]), code);
        expect([await vault.identity(), await vault.readTree({ below: null })]).toEqual(before);
      })();
    });
  });

  test(
    "another owner's categories and grants, and categories that aren't empty, stay as they are",
    onVault(create, async ({ vault }) => {
      const crew = await group(vault, "Crew");
      const [top = "", bridge = "", , grant = ""] = await vault.changeTree(aurora(crew.id));
      await createOne(vault, { name: "vhf", categoryId: bridge });
      const before = await vault.readTree({ below: null });
      const { token } = others;
      await failure(
        vault.changeTree([{ change: "update-category", id: top, patch: { name: "X", token } }]),
        "CONFLICT",
      );
      await failure(vault.changeTree([{ change: "delete-category", id: top, proof: { token } }]), "CONFLICT");
      await failure(vault.changeTree([{ change: "delete-grant", id: grant, proof: { token } }]), "CONFLICT");
      await failure(
        vault.changeTree([{ change: "update-grant", id: grant, patch: { role: "reader", token } }]),
        "CONFLICT",
      );
      await failure(vault.changeTree([{ change: "delete-category", id: bridge, proof: {} }]), "CONFLICT");
      expect(await vault.readTree({ below: null })).toEqual(before);
    }),
  );

  test(
    "a policy above is held against those below once all of a write's changes are made",
    onVault(create, async ({ vault }) => {
      const [top = "", below = ""] = await vault.changeTree([
        { change: "create-category", input: { name: "A", parentId: null } },
        { change: "create-category", input: { name: "B", parentId: { made: 0 }, policy: { maxLength: 12 } } },
      ]);
      const strict: TreeChange = { change: "update-category", id: top, patch: { policy: { minLength: 20 } } };
      const error = await failure(vault.changeTree([strict]), "POLICY");
      expect(error.message).toMatch(/A.*B|B.*A/);
      expect((await vault.readCategory(top)).policies).toEqual([]);
      await vault.changeTree([strict, { change: "update-category", id: below, patch: { policy: { maxLength: 30 } } }]);
      expect((await vault.readCategory(below)).policies).toHaveLength(2);
    }),
  );

  test(
    "what is there under the name is adopted where that is asked for, and is then what was asked for",
    onVault(create, async ({ vault }) => {
      const crew = await group(vault, "Crew");
      const there = await vault.createCategory({
        name: "Réseau",
        parentId: null,
        description: "by hand",
        policy: { minLength: 8 },
        inheritGrants: false,
        owner: others,
      });
      const grant = await vault.people.createGrant({
        categoryId: there.id,
        principalId: crew.id,
        role: "manager",
        expiresAt: "2031-01-01T00:00:00Z",
      });
      const input = { name: "Re\u0301seau", parentId: null, owner: ships("Réseau") };
      const made: TreeChange[] = [
        { change: "create-category", input, adopt: true, notices: [{ id: "msg_1", hook: "command tell", at }] },
        { change: "create-category", input: { name: "New", parentId: { made: 0 } }, adopt: true },
        {
          change: "create-grant",
          input: { categoryId: { made: 0 }, principalId: crew.id, role: "reader", owner: ships("") },
          adopt: true,
        },
        {
          change: "create-grant",
          input: { categoryId: { made: 1 }, principalId: crew.id, role: "reader" },
          adopt: true,
        },
      ];
      const ids = await vault.changeTree(made);
      expect([ids[0], ids[2]]).toEqual([there.id, grant.id]);
      const { categories, grants } = await vault.readTree({ ownerKey: ships("").key });
      expect(categories).toEqual([
        { id: there.id, name: "Réseau", parentId: null, inheritGrants: true, owned: true, part: "Réseau" },
      ]);
      expect(grants).toEqual([
        { id: grant.id, categoryId: there.id, principalId: crew.id, role: "reader", owned: true },
      ]);
      expect(await vault.readTree({ ownerKey: others.key })).toEqual({ categories: [], grants: [] });
    }),
  );

  test(
    "news of a new category stay with it until somebody says that they were delivered",
    onVault(create, async ({ vault }) => {
      const crew = await group(vault, "Crew");
      const [top = ""] = await vault.changeTree(aurora(crew.id));
      const noticesOf = async () => (await vault.readTree({ below: top })).categories[0]?.notices?.map(({ id }) => id);
      await vault.updateCategory(top, { name: "Aurora II" }); // a person's change of anything else keeps them
      expect(await noticesOf()).toEqual(["msg_1", "msg_2"]);
      await vault.changeTree([{ change: "settle-notices", id: top, delivered: ["msg_2", "msg_9"] }]);
      await expectLastEvent(vault, { action: "notice.delivered", ids: [top], detail: "command tell" });
      expect(await noticesOf()).toEqual(["msg_1"]);
      const { head } = await vault.identity();
      await vault.changeTree([{ change: "settle-notices", id: top, delivered: ["msg_2"] }]);
      await expectNewEvents(vault, head, 0);
      await vault.changeTree([{ change: "settle-notices", id: top, delivered: ["msg_1"] }]);
      expect(await noticesOf()).toBeUndefined();
    }),
  );

  test(
    "nothing to change is nothing written",
    onVault(create, async ({ vault }) => {
      const before = await vault.identity();
      expect(await vault.changeTree([])).toEqual([]);
      expect(await vault.identity()).toEqual(before);
    }),
  );
}
