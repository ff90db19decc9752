import { checkName } from "../../core/name.js";
import { CoffreError } from "../../core/errors.js";
import { parseTargets, prepareTargets } from "../../rotation/targets.js";
import type { RotationContext } from "../../rotation/context.js";
import type { ResourceContext } from "../context.js";
import { type CheckResult, failure, failureOf } from "../failures.js";
import { schemaFailures } from "../parse.js";
import { findRootCategory } from "../root-category.js";
import { hasUnknown, type Properties, UNKNOWN } from "../values.js";
import { refuseImpossiblePolicy, taken } from "./entry.js";
import { CredentialInputs, pickInputs } from "./schema.js";

type Drivers = RotationContext["drivers"];

/** What can be said of a declaration by itself. */
export function checkCredentialOffline(drivers: Drivers, news: Properties): CheckResult {
  const inputs = pickInputs(news);
  const failures = schemaFailures(CredentialInputs, inputs);
  if (failures.length > 0) return { inputs, failures };
  try {
    if (typeof inputs["name"] === "string" && inputs["name"] !== UNKNOWN) {
      inputs["name"] = checkName("credential", inputs["name"]);
    }
    refuseContradictions(inputs);
    if (!hasUnknown(inputs["targets"]) && !hasUnknown(inputs["username"])) {
      const { targets = [], username } = CredentialInputs.pick({ targets: true, username: true }).strip().parse(inputs);
      parseTargets(drivers, targets, username);
    }
  } catch (error) {
    failures.push(failureOf(error));
  }
  return { inputs, failures };
}

/**
 * Finds in a preview what would be refused later: draws nothing, logs in nowhere, changes nothing. Unknown values are
 * taken anywhere. `olds` are the inputs before; none for a resource that is to be created, or replaced.
 */
export async function checkCredential(
  context: ResourceContext,
  olds: Properties,
  news: Properties,
): Promise<CheckResult> {
  const { inputs, failures } = checkCredentialOffline(context.rotation.drivers, news);
  if (failures.length > 0) return { inputs, failures };
  try {
    await context.overview.identity(); // no vault, no key, the wrong one: said before anything is planned
    if (!hasUnknown(inputs)) await checkKnown(context, olds, CredentialInputs.parse(inputs));
  } catch (error) {
    failures.push(failureOf(error));
  }
  return { inputs, failures };
}

function refuseContradictions(inputs: Properties): void {
  if (inputs["valueManagedBy"] !== "external") return;
  for (const field of ["targets", "rotation", "rotateWhenChanged"]) {
    if (inputs[field] === undefined) continue;
    const named = field === "targets" ? "target" : field;
    throw new CoffreError("INVALID_INPUT", failure([named], "an external value isn't Coffre's to set").reason, {
      hint: `Remove ${named}, or valueManagedBy.`,
    });
  }
}

async function checkKnown(context: ResourceContext, olds: Properties, inputs: CredentialInputs): Promise<void> {
  declareAccounts(context, inputs);
  if (typeof olds["ownerKey"] === "string") return; // of an entry that exists, `diff` knows more
  const { vault } = context;
  const ownId = await vault.findOwned("credential", inputs.ownerKey);
  await prepareTargets(context.rotation, {
    targets: inputs.targets ?? [],
    username: inputs.username,
    ...(ownId === undefined ? {} : { credentialId: ownId }),
  });
  const categoryId = inputs.categoryId ?? (await findRootCategory(context));
  if (categoryId === undefined) return; // the branch of coffre:rootCategory is made by the first create
  await refuseImpossiblePolicy(context, inputs, categoryId);
  if (ownId !== undefined || inputs.adopt !== undefined) return;
  const path = categoryId === null ? [] : (await vault.readCategory(categoryId)).path;
  const there = await vault.findCredential([...path, inputs.name]);
  if (there) throw taken(`There is a credential "${there.path.join("/")}" that this resource didn't make`, there.id);
}

/** Two resources of one program that claim one account: the vault knows neither yet. */
function declareAccounts(context: ResourceContext, inputs: CredentialInputs): void {
  for (const { account } of parseTargets(context.rotation.drivers, inputs.targets ?? [], inputs.username)) {
    const first = context.declaredAccounts.get(account) ?? inputs.ownerKey;
    if (first !== inputs.ownerKey) {
      throw new CoffreError("CONFLICT", `The account ${account} is declared by another credential too (${first})`, {
        hint: "An account belongs to one credential. Name that one where the password is needed.",
      });
    }
    context.declaredAccounts.set(account, first);
  }
}
