import { CoffreError } from "../../core/errors.js";
import { checkPolicy } from "../../core/policy.js";
import { acceptedByAll, policyFor } from "../../rotation/draw.js";
import { parseTargets, prepareTargets } from "../../rotation/targets.js";
import type { CredentialInput, CredentialPatch, RotationPolicy, TargetRecord } from "../../vault/port.js";
import type { ResourceContext } from "../context.js";
import { ensureRootCategory } from "../root-category.js";
import type { CredentialInputs } from "./schema.js";

/** A declaration with everything that the vault knows about it: where it stands, and its targets as records. */
export interface Declared {
  inputs: CredentialInputs;
  categoryId: string | null;
  records: TargetRecord[];
}

/**
 * Refuses everything about a declaration that can be refused without changing anything: targets, admins, the policy of
 * its category. @throws CoffreError INVALID_INPUT, NOT_FOUND, CONFLICT, POLICY
 */
export async function prepare(
  context: ResourceContext,
  inputs: CredentialInputs,
  existing?: { id: string; targets: readonly TargetRecord[] },
): Promise<Declared> {
  const targets = inputs.targets ?? [];
  const records = await prepareTargets(context.rotation, {
    targets,
    username: inputs.username,
    ...(existing === undefined ? {} : { credentialId: existing.id, before: existing.targets }),
  });
  const categoryId = await placeOf(context, inputs);
  await refuseImpossiblePolicy(context, inputs, categoryId);
  return { inputs, categoryId, records };
}

/** The category in which a declared credential stands; `null` for the vault's root. */
export async function placeOf(context: ResourceContext, inputs: CredentialInputs): Promise<string | null> {
  return inputs.categoryId ?? (await ensureRootCategory(context));
}

/** @throws CoffreError POLICY if no password can obey the category and be accepted by every target; NOT_FOUND */
export async function refuseImpossiblePolicy(
  { vault, rotation }: ResourceContext,
  inputs: CredentialInputs,
  categoryId: string | null,
): Promise<void> {
  const specs = parseTargets(rotation.drivers, inputs.targets ?? [], inputs.username);
  const policy = await policyFor(vault, categoryId);
  if (isManaged(inputs)) checkPolicy(policy, acceptedByAll(specs.map((spec) => ({ spec }))));
}

/** True if Coffre draws the value; false if people bring it. */
export function isManaged(inputs: Pick<CredentialInputs, "valueManagedBy">): boolean {
  return (inputs.valueManagedBy ?? "coffre") === "coffre";
}

/** The fields of a new entry. */
export function newFields({ inputs, categoryId, records }: Declared): CredentialInput {
  const { name, username, url, description, tags, valueManagedBy, rotation } = inputs;
  return {
    name,
    categoryId,
    ...(username === undefined ? {} : { username }),
    ...(url === undefined ? {} : { url }),
    ...(description === undefined ? {} : { description }),
    ...(tags === undefined ? {} : { tags }),
    ...(valueManagedBy === undefined ? {} : { valueManagedBy }),
    ...(rotation === undefined ? {} : { rotation: rotationPolicy(rotation) }),
    targets: records,
  };
}

/**
 * What a declaration changes of an entry, without its targets. What the program doesn't declare stays as people made
 * it; what it declared before and no longer does is cleared.
 */
export function changedFields(
  { inputs, categoryId }: Declared,
  before: Partial<CredentialInputs> | undefined,
): CredentialPatch {
  const had = (field: keyof CredentialInputs) => before?.[field] !== undefined;
  const { name, username, url, description, tags, valueManagedBy, rotation } = inputs;
  return {
    name,
    categoryId,
    ...(username === undefined && !had("username") ? {} : { username: username ?? null }),
    ...(url === undefined && !had("url") ? {} : { url: url ?? null }),
    ...(description === undefined && !had("description") ? {} : { description: description ?? null }),
    ...(tags === undefined && !had("tags") ? {} : { tags: tags ?? [] }),
    ...(rotation === undefined && !had("rotation")
      ? {}
      : { rotation: rotation === undefined ? null : rotationPolicy(rotation) }),
    valueManagedBy: valueManagedBy ?? "coffre",
  };
}

export function rotationPolicy({ everyDays, when }: NonNullable<CredentialInputs["rotation"]>): RotationPolicy {
  return { everyDays, when: when ?? "scheduled" };
}

/** True if both lists name the same accounts, in any order. */
export function sameAccounts(left: readonly TargetRecord[], right: readonly TargetRecord[]): boolean {
  const accounts = (records: readonly TargetRecord[]) =>
    records
      .map(({ account }) => account)
      .sort()
      .join("\n");
  return accounts(left) === accounts(right);
}

/** A name or an entry that somebody else has: the two ways out are adopting it, and telling Pulumi about a rename. */
export function taken(problem: string, id: string): CoffreError {
  return new CoffreError("CONFLICT", problem, {
    hint:
      `If this resource was renamed or moved in the program, give it \`aliases\`. ` +
      `To take over the entry that is there, set \`adopt: "${id}"\`. Otherwise choose another name.`,
    details: { id },
  });
}
