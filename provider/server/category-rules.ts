import * as z from "zod";
import { hasPassed, parseInstant } from "../core/instant.js";
import type { SealedRows } from "./sealed-rows.js";

/** What the server enforces on a category besides grants. It holds on the category and on all below. */
export const CategoryRule = z.object({
  /** Only managers change what stands there. */
  readOnly: z.boolean(),
  /** From then on only administrators see what stands there. ISO 8601, UTC. */
  expiresAt: z.string().optional(),
});
export type CategoryRule = z.infer<typeof CategoryRule>;

/** The table in the server's file, by the category's id. */
export const CATEGORY_RULE_TABLE = "category_rule";

/** The rules of all categories that have some. */
export class CategoryRules {
  readonly #rows: SealedRows<CategoryRule>;

  constructor(rows: SealedRows<CategoryRule>) {
    this.#rows = rows;
  }

  /** The category's own. */
  of(categoryId: string): CategoryRule {
    return this.#rows.all().get(categoryId) ?? { readOnly: false };
  }

  /** Changes what is given; `null` takes the expiry away. @throws CoffreError INVALID_INPUT for a time without its zone */
  set(
    categoryId: string,
    { readOnly, expiresAt }: { readOnly?: boolean; expiresAt?: string | null },
  ): Promise<CategoryRule> {
    const until = typeof expiresAt === "string" ? parseInstant("expiresAt", expiresAt) : expiresAt;
    return this.#rows.put(categoryId, (before) => {
      const kept = until === undefined ? before?.expiresAt : (until ?? undefined);
      return { readOnly: readOnly ?? before?.readOnly ?? false, ...(kept === undefined ? {} : { expiresAt: kept }) };
    });
  }

  /** What holds in a category. @param chain its id and those above it */
  inForce(chain: Iterable<string>, now: Date): { readOnly: boolean; expired: boolean } {
    const rules = this.#rows.all();
    let [readOnly, expired] = [false, false];
    if (rules.size === 0) return { readOnly, expired };
    for (const id of chain) {
      const rule = rules.get(id);
      readOnly ||= rule?.readOnly === true;
      expired ||= hasPassed(rule?.expiresAt, now);
    }
    return { readOnly, expired };
  }
}
