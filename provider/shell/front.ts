import { isCoffreError } from "../core/errors.js";
import * as category from "../resources/category/handlers.js";
import * as credential from "../resources/credential/handlers.js";
import type { CheckResult } from "../resources/failures.js";
import { failureOf, PartialFailure } from "../resources/failures.js";
import type { Properties } from "../resources/values.js";
import { plugin } from "./plugin.js";
import type { Lookup } from "./settings-keys.js";

/** The resources that this front serves. */
export type Kind = "category" | "credential";

/** The property in which the dynamic provider plugin finds the code; no handler ever sees it. */
const CODE = "__provider";

export async function check(kind: Kind, lookup: Lookup, olds: Properties, news: Properties): Promise<CheckResult> {
  try {
    if (!plugin.asksVault(lookup)) {
      return kind === "category"
        ? category.checkCategoryOffline(news)
        : credential.checkCredentialOffline(plugin.drivers, news);
    }
    const handle = kind === "category" ? category.checkCategory : credential.checkCredential;
    return await plugin.run(lookup, (context) => handle(context, olds, news));
  } catch (error) {
    // No vault, no key, a wrong URL: the resource can't be checked, and says why.
    return { inputs: { ...news }, failures: [failureOf(error)] };
  }
}

export async function diff(kind: Kind, lookup: Lookup, id: string, olds: Properties, news: Properties) {
  if (!plugin.asksVault(lookup)) {
    return kind === "category"
      ? category.diffCategoryOffline(olds, news)
      : credential.diffCredentialOffline(olds, news);
  }
  const handle = kind === "category" ? category.diffCategory : credential.diffCredential;
  return quietly(plugin.run(lookup, (context) => handle(context, id, olds, news)));
}

export function create(kind: Kind, lookup: Lookup, news: Properties) {
  const handle = kind === "category" ? category.createCategory : credential.createCredential;
  return keepingCode(
    news,
    plugin.run(lookup, (context) => handle(context, news)),
  );
}

export function update(kind: Kind, lookup: Lookup, id: string, olds: Properties, news: Properties) {
  const handle = kind === "category" ? category.updateCategory : credential.updateCredential;
  return keepingCode(
    news,
    plugin.run(lookup, (context) => handle(context, id, olds, news)),
  );
}

export function read(kind: Kind, lookup: Lookup, id: string, props: Properties) {
  const handle = kind === "category" ? category.readCategory : credential.readCredential;
  return quietly(plugin.run(lookup, (context) => handle(context, id, props)));
}

export async function remove(kind: Kind, lookup: Lookup, id: string, props: Properties): Promise<void> {
  const handle = kind === "category" ? category.deleteCategory : credential.deleteCredential;
  await quietly(plugin.run(lookup, (context) => handle(context, id, props)));
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
