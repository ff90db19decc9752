import { isCoffreError } from "../core/errors.js";
import * as category from "../resources/category/handlers.js";
import { categoryTreeHandlers } from "../resources/category-tree/handlers.js";
import * as credential from "../resources/credential/handlers.js";
import { dropBoxHandlers } from "../resources/drop-box/handlers.js";
import type { CheckResult } from "../resources/failures.js";
import { failureOf, PartialFailure } from "../resources/failures.js";
import { grantHandlers } from "../resources/grant/handlers.js";
import { groupMembershipHandlers } from "../resources/group-membership/handlers.js";
import { groupHandlers } from "../resources/group/handlers.js";
import type { Handlers } from "../resources/people/handlers-of.js";
import { transferHandlers } from "../resources/transfer/handlers.js";
import { userHandlers } from "../resources/user/handlers.js";
import type { Properties } from "../resources/values.js";
import { vaultSyncHandlers } from "../resources/vault-sync/handlers.js";
import { plugin } from "./plugin.js";
import type { Lookup } from "./settings-keys.js";

/** The resources that this front serves: each is a file of `dynamic/`. */
export type Kind = keyof typeof HANDLERS;

const HANDLERS = {
  category: {
    checkOffline: category.checkCategoryOffline,
    check: category.checkCategory,
    diffOffline: category.diffCategoryOffline,
    diff: category.diffCategory,
    create: category.createCategory,
    read: category.readCategory,
    update: category.updateCategory,
    remove: category.deleteCategory,
  },
  credential: {
    checkOffline: (news) => credential.checkCredentialOffline(plugin.drivers, news),
    check: credential.checkCredential,
    diffOffline: credential.diffCredentialOffline,
    diff: credential.diffCredential,
    create: credential.createCredential,
    read: credential.readCredential,
    update: credential.updateCredential,
    remove: credential.deleteCredential,
  },
  user: userHandlers,
  group: groupHandlers,
  "group-membership": groupMembershipHandlers,
  grant: grantHandlers,
  "vault-sync": vaultSyncHandlers,
  "category-tree": categoryTreeHandlers,
  "drop-box": dropBoxHandlers,
  transfer: transferHandlers,
} satisfies Record<string, Handlers>;

/** The property in which the dynamic provider plugin finds the code; no handler ever sees it. */
const CODE = "__provider";

export async function check(kind: Kind, lookup: Lookup, olds: Properties, news: Properties): Promise<CheckResult> {
  const handlers: Handlers = HANDLERS[kind];
  try {
    if (!plugin.asksVault(lookup)) return await handlers.checkOffline(news);
    return await plugin.run(lookup, (context) => handlers.check(context, olds, news));
  } catch (error) {
    // No vault, no key, a wrong URL: the resource can't be checked, and says why.
    return { inputs: { ...news }, failures: [failureOf(error)] };
  }
}

export async function diff(kind: Kind, lookup: Lookup, id: string, olds: Properties, news: Properties) {
  const handlers: Handlers = HANDLERS[kind];
  if (!plugin.asksVault(lookup)) return handlers.diffOffline(olds, news);
  return quietly(plugin.run(lookup, (context) => handlers.diff(context, id, olds, news)));
}

export function create(kind: Kind, lookup: Lookup, news: Properties) {
  return keepingCode(
    news,
    plugin.run(lookup, (context) => HANDLERS[kind].create(context, news)),
  );
}

export function update(kind: Kind, lookup: Lookup, id: string, olds: Properties, news: Properties) {
  return keepingCode(
    news,
    plugin.run(lookup, (context) => HANDLERS[kind].update(context, id, olds, news)),
  );
}

export function read(kind: Kind, lookup: Lookup, id: string, props: Properties) {
  return quietly(plugin.run(lookup, (context) => HANDLERS[kind].read(context, id, props)));
}

export async function remove(kind: Kind, lookup: Lookup, id: string, props: Properties): Promise<void> {
  await quietly(plugin.run(lookup, (context) => HANDLERS[kind].remove(context, id, props)));
}

/** The plugin prints the stack of what these methods throw; for what Coffre says itself the message is enough. */
async function quietly<Result>(result: Promise<Result>): Promise<Result> {
  try {
    return await result;
  } catch (error) {
    if (!isCoffreError(error)) throw error;
    throw Object.assign(new Error(error.message), { name: "coffre", stack: "" });
  }
}

/** Without the code in the state that a partial failure leaves, refresh and destroy would fail for ever. */
async function keepingCode<Result>(news: Properties, result: Promise<Result>): Promise<Result> {
  try {
    return await result;
  } catch (error) {
    if (!(error instanceof PartialFailure)) throw error;
    throw new PartialFailure(error.id, { ...error.properties, [CODE]: news[CODE] }, error.cause);
  }
}
