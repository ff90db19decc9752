import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { systemClock } from "../../provider/core/clock.js";
import { carryCategoryRules, OldCategoryRule } from "../../provider/server/old-category-rules.js";
import { SealedRows, sealedTable } from "../../provider/server/sealed-rows.js";
import { openState } from "../../provider/server/state.js";
import { createMemoryVault } from "../../provider/vault/memory/memory-vault.js";

test("what an earlier server kept of categories in its file goes into the vault, once", async () => {
  const folder = mkdtempSync(join(tmpdir(), "coffre-rules-"));
  const vault = createMemoryVault();
  const state = await openState(vault, join(folder, "serve.db"), systemClock);
  try {
    const make = async (name: string) => (await vault.createCategory({ name, parentId: null })).id;
    const [shut, ended, open, changed] = [
      await make("shut"),
      await make("ended"),
      await make("open"),
      await make("changed"),
    ];
    await vault.updateCategory(changed, { expiresAt: "2031-01-01T00:00:00Z" });
    state.file.connection.db.exec(sealedTable("category_rule"));
    const rows = new SealedRows(state.file, state.keys.seal, "category_rule", OldCategoryRule);
    await rows.put(shut, () => ({ readOnly: true }));
    await rows.put(ended, () => ({ readOnly: false, expiresAt: "2030-01-01T00:00:00.000Z" }));
    await rows.put(open, () => ({ readOnly: false }));
    await rows.put(changed, () => ({ readOnly: true, expiresAt: "2030-01-01T00:00:00.000Z" }));
    await rows.put("ct_gone", () => ({ readOnly: true }));
    const { head } = await vault.identity();

    await carryCategoryRules(vault, state);
    const rulesOf = async (id: string) => {
      const { readOnly, expiresAt } = await vault.readCategory(id);
      return { readOnly, expiresAt };
    };
    expect([await rulesOf(shut), await rulesOf(ended), await rulesOf(open), await rulesOf(changed)]).toEqual([
      { readOnly: true, expiresAt: undefined },
      { readOnly: undefined, expiresAt: "2030-01-01T00:00:00.000Z" },
      { readOnly: undefined, expiresAt: undefined },
      { readOnly: true, expiresAt: "2031-01-01T00:00:00.000Z" },
    ]);
    expect((await vault.identity()).head).toBe(head + 3);
    await vault.updateCategory(shut, { readOnly: false });
    await carryCategoryRules(vault, state);
    expect(await rulesOf(shut)).toMatchObject({ readOnly: undefined });
  } finally {
    state.file.close();
    await vault.close();
    rmSync(folder, { recursive: true });
  }
});
