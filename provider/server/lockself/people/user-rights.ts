import { collect } from "../../../core/collect.js";
import { formatLockselfDate } from "../../../vault/lockself/forms.js";
import { accessOf } from "../../../vault/access.js";
import type { Answer, Call } from "../front.js";
import { requirePeopleKeeper, requirePrincipal } from "./users.js";

/** The report of one user's rights: groups, and each category with the role in force there and when it ends. */
export async function readUserRights(call: Call): Promise<Answer> {
  requirePeopleKeeper(call);
  const { front, vault } = call;
  const user = await requirePrincipal(call, "user", call.params["id"]);
  const [categories, principals, memberships, grants] = await Promise.all([
    collect(vault.listCategories()),
    collect(vault.people.listPrincipals()),
    collect(vault.people.listMemberships()),
    collect(vault.people.listGrants()),
  ]);
  await front.numbers.catchUp();
  const access = accessOf({ categories, principals, memberships, grants }, front.clock.now(), new Set([user.id]));
  const grantOf = new Map(grants.map((grant) => [grant.id, grant]));
  const report = access.flatMap(({ categoryId, readers }) => {
    const category = categories.find(({ id }) => id === categoryId);
    const reader = readers[0];
    const expiresAt = grantOf.get(reader?.through[0]?.grantId ?? "")?.expiresAt;
    if (!category || reader?.role === undefined) return [];
    return [
      {
        categoryId: front.numbers.known(category.id),
        category: category.path.join("/"),
        isManager: reader.role === "manager",
        isReadOnly: reader.role === "reader",
        expirationDate: expiresAt === undefined ? null : formatLockselfDate(new Date(expiresAt)),
      },
    ];
  });
  const groups = memberships.flatMap(({ groupId, memberId }) => {
    const group = memberId === user.id ? principals.find(({ id }) => id === groupId) : undefined;
    return group ? [{ id: front.numbers.known(group.id), name: group.name }] : [];
  });
  return { status: 200, body: { userId: front.numbers.known(user.id), groups, categories: report } };
}
