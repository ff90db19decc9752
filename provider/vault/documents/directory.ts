import { accountsOf } from "../port-accounts.js";
import { UndoTable } from "../memory/undo-table.js";
import { MemoryPeople } from "../memory/memory-people.js";
import type { CategoryRow, CredentialRow } from "../records/rows.js";
import type { CategoryPlace, Claims, DirectoryContent } from "./documents.js";

/** Ids have no space, so the first one separates. */
function pair(parent: string | null, name: string): string {
  return `${parent ?? "-"} ${name}`;
}

/**
 * The one document that everything structural goes through, as tables with lookups. What is found by claims are
 * candidates: a claim may outlive, and comes before, what a credential's own row says.
 */
export class Directory {
  readonly people = new MemoryPeople();
  readonly categories = new UndoTable<CategoryRow, "named" | "parent" | "mark">({
    named: ({ parentId, name }) => [pair(parentId, name)],
    parent: ({ parentId }) => [parentId ?? "-"],
    mark: ({ owner }) => (owner ? [owner.mark] : []),
  });
  readonly claims = new UndoTable<Claims, "named" | "category" | "account" | "admin" | "mark" | "stack">({
    named: ({ names }) => names.map(({ categoryId, name }) => pair(categoryId, name)),
    category: ({ names }) => names.map(({ categoryId }) => categoryId ?? "-"),
    account: ({ accounts }) => accounts,
    admin: ({ admins }) => admins,
    mark: ({ marks }) => marks,
    stack: ({ stacks }) => stacks,
  });
  /** Of {@link DirectoryContent.due}. */
  readonly due = new UndoTable<{ id: string }>({});
  /** Of {@link DirectoryContent.places}. */
  readonly places = new UndoTable<CategoryPlace>({});

  constructor(content: DirectoryContent) {
    for (const row of content.categories) this.categories.put(row.id, row);
    for (const row of content.principals) this.people.putPrincipal(row);
    for (const row of content.memberships) this.people.putMembership(row);
    for (const row of content.grants) this.people.putGrant(row);
    for (const claims of content.claims) this.claims.put(claims.id, claims);
    for (const id of content.due) this.due.put(id, { id });
    for (const place of content.places ?? []) this.places.put(place.id, place);
    this.commit();
  }

  content(): DirectoryContent {
    return {
      categories: this.categories.all(),
      principals: this.people.principals(),
      memberships: this.people.memberships(),
      grants: this.people.grants(),
      claims: this.claims.all(),
      due: this.due.all().map(({ id }) => id),
      ...(this.places.all().length === 0 ? {} : { places: this.places.all() }),
    };
  }

  commit(): void {
    for (const table of this.#tables()) table.commit();
  }

  rollBack(): void {
    for (const table of this.#tables()) table.rollBack();
  }

  named(parentId: string | null, name: string): string[] {
    return this.claims.find("named", pair(parentId, name));
  }

  categoryNamed(parentId: string | null, name: string): string | undefined {
    return this.categories.find("named", pair(parentId, name))[0];
  }

  #tables(): { commit(): void; rollBack(): void }[] {
    return [this.categories, this.claims, this.due, this.places, ...this.people.tables];
  }
}

export const EMPTY: DirectoryContent = {
  categories: [],
  principals: [],
  memberships: [],
  grants: [],
  claims: [],
  due: [],
};

/** What a row claims, archived or not: an archived one keeps its stack only, to be found. */
export function claimsOf(row: Readonly<CredentialRow>): Claims {
  const stacks = row.owner ? [row.owner.stack] : [];
  if (row.archived) return { id: row.id, names: [], accounts: [], admins: [], marks: [], stacks };
  return {
    id: row.id,
    names: [{ categoryId: row.categoryId, name: row.name }],
    accounts: row.targets.flatMap(accountsOf),
    admins: [...new Set(row.targets.flatMap(({ adminId }) => adminId ?? []))],
    marks: row.owner ? [row.owner.mark] : [],
    stacks,
  };
}

/** Both together: what a change needs before it and after it. */
export function union(one: Claims, other: Claims): Claims {
  const names = new Map([...one.names, ...other.names].map((name) => [pair(name.categoryId, name.name), name]));
  const both = (key: "accounts" | "admins" | "marks" | "stacks") => [...new Set([...one[key], ...other[key]])];
  return {
    id: one.id,
    names: [...names.values()],
    accounts: both("accounts"),
    admins: both("admins"),
    marks: both("marks"),
    stacks: both("stacks"),
  };
}
