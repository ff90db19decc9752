// Users, groups, grants and lookups as a program may write them. Compiled, never run.
import type * as pulumi from "@pulumi/pulumi";
import * as coffre from "coffre";
import { type Equal, holds } from "./equality.js";

declare const text: pulumi.Output<string>;

const category = new coffre.Category("Databases", { inheritGrants: false, readOnly: true, expiresAt: text });
const ana = new coffre.User("ana", { displayName: text, email: "ana@example.com", expiresAt: text });
const dba = new coffre.Group("DBA", { displayName: "Database admins" });
new coffre.User("bo");
new coffre.Group("Ops", { name: text, adopt: true });
new coffre.GroupMembership("ana-dba", { groupId: dba.id, memberId: ana.id });
const grant = new coffre.Grant("dba", { categoryId: category.id, principalId: dba.id, role: "manager" });
new coffre.Grant("everywhere", { principalId: text, role: "reader", expiresAt: "2027-01-01T00:00:00Z", adopt: "gt_x" });

// What comes out.
grant.role.apply((role) => role.length);
holds<Equal<typeof grant.role, pulumi.Output<"reader" | "editor" | "manager">>>();
holds<Equal<typeof grant.categoryId, pulumi.Output<string | undefined>>>();
holds<Equal<typeof ana.email, pulumi.Output<string | undefined>>>();
holds<Equal<ReturnType<typeof coffre.User.get>, coffre.User>>();
holds<Equal<ReturnType<typeof coffre.Group.get>, coffre.Group>>();
holds<Equal<ReturnType<typeof coffre.GroupMembership.get>, coffre.GroupMembership>>();
holds<Equal<ReturnType<typeof coffre.Grant.get>, coffre.Grant>>();

// Lookups: a promise of plain values, or an output whose parts can be taken.
const opts = { provider: new coffre.Provider("robots") };
holds<Equal<ReturnType<typeof coffre.getCredential>, Promise<coffre.GetCredentialResult>>>();
holds<Equal<ReturnType<typeof coffre.getCategoryOutput>, pulumi.Output<coffre.GetCategoryResult>>>();
const found = coffre.getCredentialOutput({ ref: text }, opts);
found.status.apply((status) => status === "done");
holds<Equal<typeof found.idRef, pulumi.Output<string>>>();
holds<Equal<typeof found.username, pulumi.Output<string | undefined>>>();
holds<Equal<typeof found.currentVersion, pulumi.Output<number | undefined>>>();
coffre.getGroupOutput({ name: text }, { dependsOn: [dba], ...opts }).id.apply((id) => id.length);
coffre.getUserOutput({ id: ana.id });
void coffre.getCategory({ path: "Production/Databases" }, opts).then(({ inheritGrants }) => !inheritGrants);

// What can't be meant.
// @ts-expect-error a grant is given to somebody
new coffre.Grant("a", { categoryId: category.id, role: "reader" });
// @ts-expect-error there is no such role
new coffre.Grant("b", { principalId: ana.id, role: "owner" });
// @ts-expect-error a membership has a member
new coffre.GroupMembership("c", { groupId: dba.id });
// @ts-expect-error a group doesn't expire; its grants do
new coffre.Group("d", { expiresAt: "2027-01-01T00:00:00Z" });
// @ts-expect-error a user has no password here
new coffre.User("e", { password: "hunter2" });
// @ts-expect-error no lookup answers a value
void coffre.getCredential({ id: "cr_x" }).then(({ password }: { password: string }) => password);
// @ts-expect-error a promise takes no outputs: there is getGroupOutput
void coffre.getGroup({ name: text });
