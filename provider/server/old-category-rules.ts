import * as z from "zod";
import { isCoffreError } from "../core/errors.js";
import type { Vault } from "../vault/port.js";
import { SealedRows } from "./sealed-rows.js";
import type { ServerState } from "./state.js";

const TABLE = "category_rule";

/** What an earlier server kept in its own file, by the category's id. */
export const OldCategoryRule = z.object({ readOnly: z.boolean(), expiresAt: z.string().optional() });

/**
 * Writes into the vault what an earlier server kept of categories in its own file, and removes it there. One that is killed
 * between does it again; what the vault says by then stays.
 */
export async function carryCategoryRules(vault: Vault, { file, keys }: ServerState): Promise<void> {
  const { db } = file.connection;
  if (!db.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?").get(TABLE)) return;
  for (const [id, rule] of new SealedRows(file, keys.seal, TABLE, OldCategoryRule).all()) {
    await carry(vault, id, rule);
  }
  await file.write(() => db.exec(`DROP TABLE ${TABLE}`));
}

async function carry(
  vault: Vault,
  id: string,
  { readOnly, expiresAt }: z.infer<typeof OldCategoryRule>,
): Promise<void> {
  try {
    const there = await vault.readCategory(id);
    await vault.updateCategory(id, {
      ...(readOnly ? { readOnly } : {}),
      ...(expiresAt === undefined || there.expiresAt !== undefined ? {} : { expiresAt }),
    });
  } catch (error) {
    if (!isCoffreError(error, "NOT_FOUND")) throw error;
  }
}
