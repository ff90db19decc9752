import { isDeepStrictEqual } from "node:util";
import * as z from "zod";
import { CoffreError } from "../../../core/errors.js";
import { checkPolicy, mergePolicies, type PasswordPolicy } from "../../../core/policy.js";
import type { Vault } from "../../../vault/port.js";
import type { KeptRows } from "../kept-rows.js";

/** A named policy as LockSelf has them: lengths, and classes of which at least one character must occur. */
export const NamedPolicy = z.object({
  name: z.string(),
  minLength: z.number().optional(),
  maxLength: z.number().optional(),
  uppercase: z.boolean(),
  lowercase: z.boolean(),
  digits: z.boolean(),
  special: z.boolean(),
});
export type NamedPolicy = z.infer<typeof NamedPolicy>;

export const PolicyRow = NamedPolicy.extend({
  /** The vault's ids of the categories that it was given to. */
  categories: z.array(z.string()),
});
export type PolicyRow = z.infer<typeof PolicyRow>;

/**
 * LockSelf's named policies. The vault's categories have policies of their own, without a name: a named one is kept in the
 * server's file and written into each category that gets it, so that it holds for everybody, whatever language he speaks.
 */
export class NamedPolicies {
  readonly #rows: KeptRows<PolicyRow>;
  readonly #known: Map<number, PolicyRow>;

  constructor(rows: KeptRows<PolicyRow>) {
    this.#rows = rows;
    this.#known = new Map(rows.list().map(({ id, row }) => [id, row]));
  }

  list(): [number, NamedPolicy][] {
    return [...this.#known];
  }

  /** @throws CoffreError NOT_FOUND */
  get(number: number | undefined): PolicyRow {
    const row = number === undefined ? undefined : this.#known.get(number);
    if (row) return row;
    throw new CoffreError("NOT_FOUND", "There is no such password policy");
  }

  /** What a category gets; `undefined` for none: `null`, 0, or nothing given. @throws CoffreError NOT_FOUND */
  policyFor(number: number | null | undefined): PasswordPolicy | undefined {
    return number == null || number === 0 ? undefined : policyOf(this.get(number));
  }

  /** The policy that a category has by name; `undefined` if it has none, or one that somebody gave it otherwise. */
  numberFor(categoryId: string, policy: PasswordPolicy | undefined): number | undefined {
    if (!policy) return undefined;
    for (const [number, row] of this.#known) {
      if (row.categories.includes(categoryId) && isDeepStrictEqual(policyOf(row), policy)) return number;
    }
    return undefined;
  }

  async create(policy: NamedPolicy): Promise<number> {
    this.#check(policy, undefined);
    const row = { ...policy, categories: [] };
    const number = await this.#rows.add(row);
    this.#known.set(number, row);
    return number;
  }

  /** Changes it, and it in every category that still has it. @throws CoffreError POLICY if it clashes with another there */
  async update(vault: Vault, number: number, policy: NamedPolicy): Promise<void> {
    const before = this.get(number);
    this.#check(policy, number);
    // The categories first: if this is cut off, the same order again finds those that are done and those that aren't.
    for (const id of await this.#holders(vault, before, policy)) {
      await vault.updateCategory(id, { policy: policyOf(policy) });
    }
    await this.#change(number, (row) => ({ ...policy, categories: row.categories }));
  }

  /** @throws CoffreError CONFLICT while a category has it */
  async remove(vault: Vault, number: number): Promise<void> {
    const row = this.get(number);
    const [holder] = await this.#holders(vault, row, row);
    if (holder !== undefined) {
      throw new CoffreError("CONFLICT", `Password policy ${number} is in use`, {
        hint: "Give the categories that have it another one first.",
      });
    }
    await this.#change(number, () => undefined);
  }

  /** Notes which policy a category was given; `undefined` leaves it as it is. */
  async apply(categoryId: string, number: number | null | undefined): Promise<void> {
    if (number === undefined) return;
    for (const [other, { categories }] of this.#known) {
      const has = categories.includes(categoryId);
      if (other === number && !has) {
        await this.#change(other, (row) => ({ ...row, categories: [...row.categories, categoryId] }));
      } else if (other !== number && has) {
        await this.#change(other, (row) => ({ ...row, categories: row.categories.filter((id) => id !== categoryId) }));
      }
    }
  }

  /** The categories that have the policy as it was or is. */
  async #holders(vault: Vault, before: PolicyRow, after: NamedPolicy): Promise<string[]> {
    const holders: string[] = [];
    for await (const { id, policy } of vault.listCategories()) {
      if (!before.categories.includes(id)) continue;
      if ([before, after].some((row) => isDeepStrictEqual(policyOf(row), policy))) holders.push(id);
    }
    return holders;
  }

  async #change(number: number, change: (row: PolicyRow) => PolicyRow | undefined): Promise<void> {
    const row = await this.#rows.change(number, change);
    if (row) this.#known.set(number, row);
    else this.#known.delete(number);
  }

  #check(policy: NamedPolicy, own: number | undefined): void {
    checkPolicy(mergePolicies([{ policy: policyOf(policy), from: policy.name }]));
    for (const [number, { name }] of this.#known) {
      if (number === own || name !== policy.name) continue;
      throw new CoffreError("CONFLICT", `There is a password policy of that name: ${number}`, {
        hint: "Choose another name.",
      });
    }
  }
}

function policyOf({ minLength, maxLength, uppercase, lowercase, digits, special }: NamedPolicy): PasswordPolicy {
  const wanted = { upper: uppercase, lower: lowercase, digit: digits, symbol: special } as const;
  const require = (["upper", "lower", "digit", "symbol"] as const).filter((name) => wanted[name]);
  return {
    ...(minLength === undefined ? {} : { minLength }),
    ...(maxLength === undefined ? {} : { maxLength }),
    ...(require.length === 0 ? {} : { require }),
  };
}
