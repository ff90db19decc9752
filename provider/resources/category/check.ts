import { CoffreError } from "../../core/errors.js";
import { checkName } from "../../core/name.js";
import { checkPolicy, mergePolicies } from "../../core/policy.js";
import type { ResourceContext } from "../context.js";
import { type CheckResult, failureOf } from "../failures.js";
import { schemaFailures } from "../parse.js";
import { refuseExpiry, tidyExpiry } from "../people/kind.js";
import { findRootCategory } from "../root-category.js";
import { hasUnknown, type Properties, UNKNOWN } from "../values.js";
import { taken } from "./place.js";
import { CategoryInputs, pickInputs } from "./schema.js";

/** What can be said of a declaration by itself. */
export function checkCategoryOffline(news: Properties): CheckResult {
  const inputs = pickInputs(news);
  const failures = schemaFailures(CategoryInputs, news);
  if (failures.length > 0) return { inputs, failures };
  try {
    if (typeof inputs["name"] === "string" && inputs["name"] !== UNKNOWN) {
      inputs["name"] = checkName("category", inputs["name"]);
    }
    tidyExpiry(inputs);
    if (!hasUnknown(inputs)) refuseImpossible(CategoryInputs.parse(inputs), []);
  } catch (error) {
    failures.push(failureOf(error));
  }
  return { inputs, failures };
}

/** Finds in a preview what would be refused later; changes nothing. `olds` are empty for a resource to be created. */
export async function checkCategory(
  context: ResourceContext,
  olds: Properties,
  news: Properties,
): Promise<CheckResult> {
  const { inputs, failures } = checkCategoryOffline(news);
  if (failures.length > 0) return { inputs, failures };
  try {
    await context.overview.identity(); // no vault, no key, the wrong one: said before anything is planned
    refuseRules(context, olds, inputs);
    if (!hasUnknown(inputs)) await checkKnown(context, olds, CategoryInputs.parse(inputs));
  } catch (error) {
    failures.push(failureOf(error));
  }
  return { inputs, failures };
}

/** @throws CoffreError NOT_SUPPORTED where nobody would be kept out; INVALID_INPUT for a new category whose time has passed */
function refuseRules(context: ResourceContext, olds: Properties, inputs: Properties): void {
  const isNew = typeof olds["ownerKey"] !== "string" && inputs["adopt"] === undefined;
  refuseExpiry(context, inputs, { isNew, olds });
  if (context.vault.capabilities.grants !== "none") return;
  const rule = ["readOnly", "expiresAt"].find((name) => inputs[name] !== undefined);
  if (rule === undefined) return;
  throw new CoffreError("NOT_SUPPORTED", `This vault keeps no grants, and so no ${rule} of a category`, {
    hint: "Leave it out, or choose another vault for this resource.",
    details: { field: rule },
  });
}

async function checkKnown(context: ResourceContext, olds: Properties, inputs: CategoryInputs): Promise<void> {
  const { vault } = context;
  const parentId = inputs.parentId ?? (await findRootCategory(context));
  if (parentId === undefined) return; // the branch of coffre:rootCategory is made by the first create
  const parent = parentId === null ? undefined : await vault.readCategory(parentId);
  refuseImpossible(inputs, parent?.policies ?? []);
  const isNew = typeof olds["ownerKey"] !== "string";
  if (!isNew || inputs.adopt !== undefined) return;
  if ((await vault.findOwned("category", inputs.ownerKey)) !== undefined) return;
  const there = await vault.findCategory([...(parent?.path ?? []), inputs.name]);
  if (there) throw taken(there);
}

/** @throws CoffreError POLICY that names the two rules which no password can both meet */
export function refuseImpossible(
  { name, passwordPolicy }: Pick<CategoryInputs, "name" | "passwordPolicy">,
  above: Parameters<typeof mergePolicies>[0],
): void {
  if (passwordPolicy !== undefined) checkPolicy(mergePolicies([...above, { policy: passwordPolicy, from: name }]));
}
