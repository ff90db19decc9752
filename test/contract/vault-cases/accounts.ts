import { expect, test } from "@jest/globals";
import { type CreateVault, createOne, failure, hold, onVault, target } from "./setup.js";

export function accountCases(create: CreateVault): void {
  test(
    "an account belongs to one credential: a second is refused, naming the first by path and id",
    onVault(create, async ({ vault }) => {
      const category = await vault.createCategory({ name: "C", parentId: null });
      const first = await createOne(vault, { name: "first", categoryId: category.id, targets: [target("app")] });
      const second = await createOne(vault, { name: "second" });
      const created = await failure(createOne(vault, { name: "third", targets: [target("app")] }), "CONFLICT");
      expect(created.message).toContain(`C/first (${first.id})`);
      expect(created.message).toContain(target("app").account);
      await failure(vault.updateCredential(second.id, { targets: [target("app")] }), "CONFLICT");
      expect((await vault.readCredential(second.id)).targets).toEqual([]);
    }),
  );

  test(
    "of two in one batch that claim the same account, none is created",
    onVault(create, async ({ vault }) => {
      const inputs = ["a", "b"].map((name) => ({ name, categoryId: null, targets: [target("app")] }));
      await failure(vault.createCredentials(inputs), "CONFLICT");
      await failure(createOne(vault, { name: "c", targets: [target("x"), target("x")] }), "INVALID_INPUT");
      expect(await vault.findCredential(["a"])).toBeUndefined();
    }),
  );

  test(
    "an account is free again once its credential lets it go, is archived or deleted",
    onVault(create, async ({ vault }) => {
      const a = await createOne(vault, { name: "a", targets: [target("app"), target("other")] });
      await vault.updateCredential(a.id, { targets: [target("other")] });
      const b = await createOne(vault, { name: "b", targets: [target("app")] });
      await vault.archiveCredential(b.id, {});
      const c = await createOne(vault, { name: "c", targets: [target("app")] });
      await vault.deleteCredential(c.id, {});
      await createOne(vault, { name: "d", targets: [target("app")] });
      await failure(createOne(vault, { name: "e", targets: [target("other")] }), "CONFLICT");
    }),
  );

  test(
    "an account that is a target no more is remembered until somebody has ended it, or it comes back",
    onVault(create, async ({ vault }) => {
      const [app, other] = [target("app"), target("other")];
      const { id } = await createOne(vault, { name: "a", username: "app", targets: [app, other] });
      const { lease } = await hold(vault, id);
      await vault.record(lease, [{ step: "account-made", account: app.account }, { step: "release" }]);
      const left = await vault.updateCredential(id, { targets: [], username: "new" });
      expect(left.leaving).toMatchObject([
        { account: app.account, username: "app", accountMade: true },
        { account: other.account, username: "app", accountMade: false },
      ]);
      expect((await vault.readCredential(id)).leaving).toEqual(left.leaving);
      expect((await vault.updateCredential(id, { ended: [other.account] })).leaving).toHaveLength(1);
      const back = await vault.updateCredential(id, { targets: [target("app", { accountMade: false })] });
      expect(back).toMatchObject({ leaving: [], targets: [{ accountMade: true }] });
    }),
  );

  test(
    "that Coffre made an account is remembered whatever is declared later",
    onVault(create, async ({ vault }) => {
      const made = await createOne(vault, { name: "a", targets: [target("app")] });
      const { account } = target("app");
      const { lease } = await hold(vault, made.id);
      await vault.record(lease, [{ step: "account-made", account }, { step: "release" }]);
      expect((await vault.readCredential(made.id)).targets[0]?.accountMade).toBe(true);
      const changed = await vault.updateCredential(made.id, {
        targets: [target("app", { description: { host: "db.example.com", port: 6432 } })],
      });
      expect(changed.targets[0]).toMatchObject({ accountMade: true, description: { port: 6432 } });
    }),
  );

  test(
    "a circle of admins is refused, whatever its length",
    onVault(create, async ({ vault }) => {
      const a = await createOne(vault, { name: "a" });
      const b = await createOne(vault, { name: "b", targets: [target("b", { adminId: a.id })] });
      const c = await createOne(vault, { name: "c", targets: [target("c", { adminId: b.id })] });
      const error = await failure(
        vault.updateCredential(a.id, { targets: [target("a", { adminId: c.id })] }),
        "CONFLICT",
      );
      expect(error.message).toContain(a.id);
      expect(error.message).toContain(b.id);
      await failure(vault.updateCredential(a.id, { targets: [target("a", { adminId: a.id })] }), "CONFLICT");
      expect(await vault.listDependants(b.id)).toEqual([c.id]);
    }),
  );
}
