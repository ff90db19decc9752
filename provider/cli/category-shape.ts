import { hasPassed } from "../core/instant.js";
import type { PasswordPolicy } from "../core/policy.js";
import type { Category } from "../vault/port.js";

/** A category as `--json` shows it. Keys are a promise: none is renamed or removed, more may come. */
export interface CategoryShape {
  id: string;
  path: string[];
  description: string | null;
  /** Its own, and those above it, root first. */
  policies: { policy: PasswordPolicy; from: string }[];
  inheritGrants: boolean;
  /** Its own. */
  readOnly: boolean;
  /** Its own, ISO 8601, UTC. */
  expiresAt: string | null;
  /** What holds here, with what categories above say. */
  inForce: { readOnly: boolean; expiresAt: string | null; expired: boolean };
  owned: boolean;
}

/** What holds in a category: by itself and by those above it. */
export interface RulesInForce {
  /** The first from the root down that is read-only. */
  readOnlyBy?: Category;
  /** The one that ends first. */
  endsBy?: Category & { expiresAt: string };
}

/** @param all every category that the caller sees, those above it among them */
export function rulesInForce(all: readonly Category[], category: Category): RulesInForce {
  const chain = all.filter(({ path }) => path.every((name, index) => category.path[index] === name));
  const readOnlyBy = chain.find(({ readOnly }) => readOnly === true);
  const [endsBy] = chain
    .flatMap((one) => (one.expiresAt === undefined ? [] : [{ ...one, expiresAt: one.expiresAt }]))
    .sort((left, right) => Date.parse(left.expiresAt) - Date.parse(right.expiresAt));
  return { ...(readOnlyBy ? { readOnlyBy } : {}), ...(endsBy ? { endsBy } : {}) };
}

/** @see CategoryShape */
export function categoryShape(all: readonly Category[], category: Category, now: Date): CategoryShape {
  const { id, path, description, policies, inheritGrants, readOnly = false, expiresAt, owned } = category;
  const { readOnlyBy, endsBy } = rulesInForce(all, category);
  return {
    id,
    path,
    description: description ?? null,
    policies,
    inheritGrants,
    readOnly,
    expiresAt: expiresAt ?? null,
    inForce: {
      readOnly: readOnlyBy !== undefined,
      expiresAt: endsBy?.expiresAt ?? null,
      expired: hasPassed(endsBy?.expiresAt, now),
    },
    owned,
  };
}
