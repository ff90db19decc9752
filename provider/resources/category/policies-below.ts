import { isCoffreError } from "../../core/errors.js";
import { checkPolicy, type MergedPolicy, mergePolicies, type PasswordPolicy } from "../../core/policy.js";
import { acceptedByAll } from "../../rotation/draw.js";
import { targetsOf } from "../../rotation/targets.js";
import type { Category, Credential } from "../../vault/port.js";
import type { ResourceContext } from "../context.js";

/** A category as it is to be. */
export interface Changed {
  id: string;
  name: string;
  parentId: string | null;
  policy: PasswordPolicy | undefined;
}

/**
 * Finds at preview that a rule clashes with one of a category below, which the vault refuses at the up, or with what a
 * target of a credential below accepts. A credential of this stack is only warned about: the same up may change it.
 * @throws CoffreError POLICY that names the two rules
 */
export async function refuseImpossibleBelow(context: ResourceContext, changed: Changed): Promise<void> {
  const categories = await context.overview.categories();
  const rowOf = (id: string): Changed | Category | undefined => (id === changed.id ? changed : categories.get(id));
  const policyIn = (categoryId: string): MergedPolicy | undefined => {
    const rules: { policy: PasswordPolicy; from: string }[] = [];
    let isBelow = false;
    for (let row = rowOf(categoryId); row; row = row.parentId === null ? undefined : rowOf(row.parentId)) {
      isBelow ||= row.id === changed.id;
      if (row.policy !== undefined) rules.unshift({ policy: row.policy, from: row.name });
    }
    return isBelow ? mergePolicies(rules) : undefined;
  };
  for (const id of categories.keys()) {
    const policy = policyIn(id);
    if (policy) checkPolicy(policy);
  }
  for (const credential of (await context.overview.everything()).values()) {
    const policy = credential.categoryId === null ? undefined : policyIn(credential.categoryId);
    if (policy && credential.valueManagedBy === "coffre") await refuseImpossibleFor(context, credential, policy);
  }
}

async function refuseImpossibleFor(
  context: ResourceContext,
  credential: Credential,
  policy: MergedPolicy,
): Promise<void> {
  try {
    checkPolicy(policy, acceptedByAll(targetsOf(context.rotation, credential)));
  } catch (error) {
    if (!isCoffreError(error, "POLICY")) throw error;
    if (!(await context.overview.credentials()).has(credential.id)) throw error;
    context.notify(`${credential.path.join("/")} could not be rotated by this policy: ${error.problem}`);
  }
}
