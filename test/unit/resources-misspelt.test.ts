import { describe, expect, test } from "@jest/globals";
import { checkCategoryOffline } from "../../provider/resources/category/handlers.js";
import { categoryTreeHandlers } from "../../provider/resources/category-tree/handlers.js";
import { checkCredentialOffline } from "../../provider/resources/credential/handlers.js";
import { dropBoxHandlers } from "../../provider/resources/drop-box/handlers.js";
import { grantHandlers } from "../../provider/resources/grant/handlers.js";
import { groupMembershipHandlers } from "../../provider/resources/group-membership/handlers.js";
import { groupHandlers } from "../../provider/resources/group/handlers.js";
import type { Handlers } from "../../provider/resources/people/handlers-of.js";
import { transferHandlers } from "../../provider/resources/transfer/handlers.js";
import { userHandlers } from "../../provider/resources/user/handlers.js";
import { type Properties, UNKNOWN } from "../../provider/resources/values.js";
import { vaultSyncHandlers } from "../../provider/resources/vault-sync/handlers.js";

// Pulumi programs run without a look at their types: a property by a wrong name would be one that isn't declared.

type Checked = Pick<Handlers, "checkOffline">;

const category: Checked = { checkOffline: checkCategoryOffline };
const credential: Checked = { checkOffline: (news) => checkCredentialOffline(new Map(), news) };

const CASES: [handlers: Checked, declared: Properties, misspelt: string, right: string][] = [
  [category, { name: "a" }, "passwordPolicies", "passwordPolicy"],
  [categoryTreeHandlers, { name: "a", template: { description: "a" } }, "onDelet", "onDelete"],
  [credential, { name: "a" }, "usrname", "username"],
  [dropBoxHandlers, { name: "a", recipients: ["ana@acme.example"] }, "expireAt", "expiresAt"],
  [grantHandlers, { principalId: "us_a", role: "reader" }, "category", "categoryId"],
  [groupMembershipHandlers, { groupId: "gr_a", memberId: "us_a" }, "adobt", "adopt"],
  [groupHandlers, { name: "a" }, "displayname", "displayName"],
  [transferHandlers, { files: [{ path: import.meta.filename }], from: "a" }, "pasword", "password"],
  [userHandlers, { name: "a" }, "ExpiresAt", "expiresAt"],
  [vaultSyncHandlers, { categoryId: "ct_a", to: "robots" }, "onDelte", "onDelete"],
];

const reasonsOf = async (handlers: Checked, news: Properties) => {
  const { failures } = await handlers.checkOffline({ ownerKey: "k", ...news });
  return failures.map(({ property, reason }) => {
    expect(property).toBe(""); // with a name the engine would print the property's value
    return reason;
  });
};

describe.each(CASES)("%#", (handlers, declared, misspelt, right) => {
  test(`${misspelt} is refused, and ${right} named, whether its value is known or not`, async () => {
    const said = [`has no field "${misspelt}" (did you mean "${right}"?)`];
    expect(await reasonsOf(handlers, { ...declared, [misspelt]: "hunter2-hunter2" })).toEqual(said);
    expect(await reasonsOf(handlers, { ...declared, [misspelt]: UNKNOWN })).toEqual(said);
  });

  test("nothing is said of what the engine adds, and of what a program leaves out", async () => {
    const more = { __provider: "exports.handler", __defaults: [], [misspelt]: null, path: undefined };
    expect(await reasonsOf(handlers, { ...declared, ...more })).toEqual([]);
  });
});

test("a property that is like none is refused without a proposal, each by itself, and never the owner's mark proposed", async () => {
  const reasons = await reasonsOf(userHandlers, { name: "a", cc: "x", ownerKeys: "x" });
  expect(reasons).toEqual([
    'has no field "cc"; look for a typing error',
    'has no field "ownerKeys"; look for a typing error',
  ]);
});
