import { expect, test } from "@jest/globals";
import type { Owner } from "../../../provider/vault/port.js";
import { collect, type CreateVault, createOne, failure, onVault } from "./setup.js";

const orders: Owner = { key: "shop/prod/Credential/orders", stack: "acme/shop/prod", token: "token-of-orders" };
const stock: Owner = { key: "shop/dev/Credential/stock", stack: "acme/shop/dev", token: "token-of-stock" };

export function ownerCases(create: CreateVault): void {
  test(
    "an entry knows its token, is found by its owner's key, and shows neither",
    onVault(create, async ({ vault }) => {
      const made = await createOne(vault, { name: "orders", owner: orders });
      const category = await vault.createCategory({ name: "C", parentId: null, owner: stock });
      expect([made.owned, await made.hasToken(orders.token), await made.hasToken(stock.token)]).toEqual([
        true,
        true,
        false,
      ]);
      expect(category.owned).toBe(true);
      expect(await vault.findOwned("credential", orders.key)).toBe(made.id);
      expect(await vault.findOwned("category", orders.key)).toBeUndefined();
      expect(await vault.findOwned("category", stock.key)).toBe(category.id);
      const shown = JSON.stringify(await vault.readCredential(made.id));
      for (const part of Object.values(orders)) expect(shown).not.toContain(part);
      expect(await (await createOne(vault, { name: "free" })).hasToken(orders.token)).toBe(false);
    }),
  );

  test(
    "another owner's token changes nothing",
    onVault(create, async ({ vault }) => {
      const made = await createOne(vault, { name: "orders", owner: orders });
      const category = await vault.createCategory({ name: "C", parentId: null, owner: orders });
      const free = await createOne(vault, { name: "free" });
      const { token } = stock;
      const before = await vault.identity();
      await failure(vault.updateCredential(made.id, { name: "x", token }), "CONFLICT");
      await failure(vault.updateCredential(free.id, { name: "x", token }), "CONFLICT");
      await failure(vault.archiveCredential(made.id, { token }), "CONFLICT");
      await failure(vault.deleteCredential(made.id, { token }), "CONFLICT");
      await failure(vault.updateCategory(category.id, { name: "x", token }), "CONFLICT");
      await failure(vault.deleteCategory(category.id, { token }), "CONFLICT");
      expect(await vault.identity()).toEqual(before);
    }),
  );

  test(
    "the own token, or none at all, which is a person's, is taken",
    onVault(create, async ({ vault }) => {
      const made = await createOne(vault, { name: "orders", owner: orders });
      await vault.updateCredential(made.id, { name: "a", token: orders.token });
      await vault.updateCredential(made.id, { name: "b" });
      await vault.archiveCredential(made.id, { token: orders.token });
      await vault.deleteCredential(made.id, {});
      const category = await vault.createCategory({ name: "C", parentId: null, owner: stock });
      await vault.deleteCategory(category.id, { token: stock.token });
    }),
  );

  test(
    "a new owner replaces mark, stack and token",
    onVault(create, async ({ vault }) => {
      const made = await createOne(vault, { name: "orders", owner: orders });
      const adopted = await vault.updateCredential(made.id, { owner: stock, token: orders.token });
      expect([await adopted.hasToken(orders.token), await adopted.hasToken(stock.token)]).toEqual([false, true]);
      expect(await vault.findOwned("credential", orders.key)).toBeUndefined();
      expect(await vault.findOwned("credential", stock.key)).toBe(made.id);
      expect(await collect(vault.listCredentials({ stack: orders.stack }))).toEqual([]);
    }),
  );

  test(
    "one stack's entries are found in one request; archived ones only when asked for",
    onVault(create, async ({ vault }) => {
      const a = await createOne(vault, { name: "a", owner: orders });
      const b = await createOne(vault, { name: "b", owner: { ...orders, key: "other" } });
      await createOne(vault, { name: "c", owner: stock });
      await vault.archiveCredential(b.id, {});
      const ids = async (filter: { stack: string; archived?: boolean }) =>
        (await collect(vault.listCredentials(filter))).map(({ id }) => id);
      expect(await ids({ stack: orders.stack })).toEqual([a.id]);
      expect(await ids({ stack: orders.stack, archived: true })).toEqual([b.id]);
      expect(await vault.findOwned("credential", "other")).toBeUndefined();
    }),
  );

  test(
    "two live entries under one mark are a conflict that names both",
    onVault(create, async ({ vault }) => {
      const a = await createOne(vault, { name: "a", owner: orders });
      const b = await createOne(vault, { name: "b", owner: orders });
      const error = await failure(vault.findOwned("credential", orders.key), "CONFLICT");
      expect(error.message).toContain(a.id);
      expect(error.message).toContain(b.id);
    }),
  );
}
