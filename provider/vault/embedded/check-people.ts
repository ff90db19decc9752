import type { GrantRow, MembershipRow, PrincipalRow } from "../records/people-rows.js";
import type { CategoryRow } from "../records/rows.js";
import type { Report } from "./check.js";

/** What a check has opened of users, groups and grants. */
export interface FoundPeople {
  categories: ReadonlyMap<string, CategoryRow>;
  principals: ReadonlyMap<string, PrincipalRow>;
  memberships: readonly MembershipRow[];
  grants: readonly GrantRow[];
}

/** Memberships and grants speak of what is there, and no group is in itself. */
export function checkPeople({ categories, principals, memberships, grants }: FoundPeople, report: Report): void {
  for (const { id, groupId, memberId } of memberships) {
    for (const principalId of [groupId, memberId]) {
      if (!principals.has(principalId)) report("membership", id, `its principal ${principalId} is missing`);
    }
  }
  for (const { id, principalId, categoryId } of grants) {
    if (!principals.has(principalId)) report("access_grant", id, `its principal ${principalId} is missing`);
    if (categoryId !== null && !categories.has(categoryId)) {
      report("access_grant", id, `its category ${categoryId} is missing`);
    }
  }
  const membersOf = Map.groupBy(memberships, ({ groupId }) => groupId);
  for (const start of membersOf.keys()) {
    const below = new Set<string>();
    const waiting = [start];
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      for (const { memberId } of membersOf.get(id) ?? []) {
        if (below.has(memberId)) continue;
        below.add(memberId);
        waiting.push(memberId);
      }
    }
    if (below.has(start)) report("principal", start, "it is a member of itself");
  }
}
