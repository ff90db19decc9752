import { CoffreError } from "../core/errors.js";
import { hasPassed } from "../core/instant.js";
import type { CategoryAccess, Reader, Rights } from "../vault/access.js";
import type { Category, Grant, Principal, Vault } from "../vault/port.js";
import { collect } from "../core/collect.js";
import { printable } from "./terminal.js";

/** All rights of a vault, also by id. */
export interface VaultRights extends Rights {
  categories: Category[];
  principals: Principal[];
  grants: Grant[];
  category: ReadonlyMap<string, Category>;
  principal: ReadonlyMap<string, Principal>;
  grant: ReadonlyMap<string, Grant>;
}

export async function readRights(vault: Vault): Promise<VaultRights> {
  const { people } = vault;
  const categories = await collect(vault.listCategories());
  const principals = await collect(people.listPrincipals());
  const [memberships, grants] = [await collect(people.listMemberships()), await collect(people.listGrants())];
  return {
    categories,
    principals,
    memberships,
    grants,
    category: new Map(categories.map((category) => [category.id, category])),
    principal: new Map(principals.map((principal) => [principal.id, principal])),
    grant: new Map(grants.map((grant) => [grant.id, grant])),
  };
}

/**
 * The user or group that a person typed: an id, a name, or `user:ana` where a group has the name too.
 * @throws CoffreError NOT_FOUND, CONFLICT
 */
export function findTypedPrincipal({ principals }: VaultRights, text: string): Principal {
  const [, kind, name] = /^(user|group):(.*)$/s.exec(text) ?? [undefined, undefined, text];
  const wanted = name?.normalize("NFC");
  const [first, second] = principals.filter(
    (one) => one.id === text || (one.name === wanted && (kind === undefined || one.kind === kind)),
  );
  if (!first) {
    const other = kind === undefined ? undefined : principals.find((one) => one.name === wanted);
    if (other) throw otherKind(other);
    throw new CoffreError("NOT_FOUND", `There is no user or group ${printable(text)}`, {
      hint: "`coffre access --json` lists them all.",
    });
  }
  if (!second) return first;
  throw new CoffreError("CONFLICT", `${printable(text)} is a user and a group`, {
    hint: `Say user:${printable(text)} or group:${printable(text)}.`,
  });
}

function otherKind({ kind, name }: Principal): CoffreError {
  const [wanted, is] = kind === "group" ? ["user", "group"] : ["group", "user"];
  return new CoffreError("NOT_FOUND", `There is no ${wanted} ${printable(name)}: ${printable(name)} is a ${is}`, {
    hint: `Say ${is}:${printable(name)}.`,
  });
}

/** What `coffre access --json` shows. Keys are a promise: none is renamed or removed, more may come. */
export function grantShape({ category }: VaultRights, grant: Grant, now: Date) {
  const { id, categoryId, principalId, role, expiresAt, owned } = grant;
  return {
    id,
    categoryId,
    path: categoryId === null ? null : (category.get(categoryId)?.path ?? null),
    principalId,
    role,
    expiresAt: expiresAt ?? null,
    expired: hasPassed(expiresAt, now),
    owned,
  };
}

/** @see grantShape */
export function principalShape({ id, kind, name, displayName, email, expiresAt, owned }: Principal, now: Date) {
  return {
    id,
    kind,
    name,
    displayName: displayName ?? null,
    email: email ?? null,
    expiresAt: expiresAt ?? null,
    expired: hasPassed(expiresAt, now),
    owned,
  };
}

/** Makes the shapes of categories; those that have the same readers share them. */
export function accessShapes({ category, principal }: VaultRights, all: readonly CategoryAccess[]) {
  const nameOf = (id: string) => principal.get(id)?.name ?? id;
  const known = new Map<readonly Reader[], object[]>();
  const readersShape = (readers: readonly Reader[]): object[] => {
    const before = known.get(readers);
    if (before) return before;
    const made = readers.map(({ principalId, role, through }) => ({
      principalId,
      name: nameOf(principalId),
      role: role ?? null,
      through: through.map(({ chain, expired, ...one }) => ({
        ...one,
        chain: chain.map(nameOf),
        expired: expired ?? null,
      })),
    }));
    known.set(readers, made);
    return made;
  };
  return all.map(({ categoryId, readers }) => {
    const row = categoryId === null ? undefined : category.get(categoryId);
    return {
      categoryId,
      path: row?.path ?? null,
      inheritGrants: row?.inheritGrants ?? false,
      readOnly: row?.readOnly ?? false,
      expiresAt: row?.expiresAt ?? null,
      readers: readersShape(readers),
    };
  });
}
