import { CoffreError } from "../../core/errors.js";
import { checkPolicy } from "../../core/policy.js";
import { acceptedByAll, policyFor } from "../../rotation/draw.js";
import { prepareHooks } from "../../rotation/notify/prepare.js";
import { parseTargets, prepareTargets } from "../../rotation/targets.js";
import type {
  Credential,
  CredentialInput,
  CredentialPatch,
  Hook,
  RotationPolicy,
  TargetRecord,
} from "../../vault/port.js";
import type { ResourceContext } from "../context.js";
import { ensureRootCategory } from "../root-category.js";
import { bringAlong, type Brought } from "./brought.js";
import type { CredentialInputs, CredentialState } from "./schema.js";

/** A declaration with everything that is known about it: where it stands, its targets as records, the values it brings. */
export interface Declared {
  inputs: CredentialInputs;
  categoryId: string | null;
  records: TargetRecord[];
  hooks: Hook[];
  brought: Brought;
}

/**
 * Refuses everything about a declaration that can be refused without changing anything: targets, admins, the policy of
 * its category, values that can't be read. @throws CoffreError INVALID_INPUT, NOT_FOUND, CONFLICT, POLICY, CONFIGURATION
 */
export async function prepare(
  context: ResourceContext,
  inputs: CredentialInputs,
  existing?: Credential,
  before?: CredentialState,
): Promise<Declared> {
  const targets = inputs.targets ?? [];
  const records = await prepareTargets(context.rotation, {
    targets,
    username: inputs.username,
    ...(existing === undefined ? {} : { credentialId: existing.id, before: existing.targets }),
  });
  const hooks = await prepareHooks(context.vault, inputs.notify ?? [], existing?.id);
  const categoryId = await placeOf(context, inputs);
  await refuseImpossiblePolicy(context, inputs, categoryId);
  const known = { ...(existing ? { existing } : {}), ...(before ? { before } : {}) };
  return { inputs, categoryId, records, hooks, brought: await bringAlong(context, inputs, categoryId, known) };
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
export function isManaged({ source, valueManagedBy }: Pick<CredentialInputs, "source" | "valueManagedBy">): boolean {
  return source === undefined ? valueManagedBy !== "external" : source === "generated";
}

/** Who gives the value, as the vault keeps it. */
function manager(inputs: CredentialInputs): "coffre" | "external" {
  return isManaged(inputs) ? "coffre" : "external";
}

/** The fields of a new entry. */
export function newFields({ inputs, categoryId, records, hooks, brought }: Declared): CredentialInput {
  const { name, username, url, description, tags, rotation } = inputs;
  return {
    name,
    categoryId,
    ...(username === undefined ? {} : { username }),
    ...(url === undefined ? {} : { url }),
    ...(description === undefined ? {} : { description }),
    ...(tags === undefined ? {} : { tags }),
    valueManagedBy: manager(inputs),
    ...(rotation === undefined ? {} : { rotation: rotationPolicy(rotation) }),
    targets: records,
    ...(hooks.length === 0 ? {} : { notify: hooks }),
    fields: brought.fields,
  };
}

/**
 * What a declaration changes of an entry, without its targets. What the program doesn't declare stays as people made
 * it; what it declared before and no longer does is cleared.
 */
export function changedFields(
  { inputs, categoryId, hooks, brought }: Declared,
  before: Partial<CredentialInputs> | undefined,
): CredentialPatch {
  const had = (field: keyof CredentialInputs) => before?.[field] !== undefined;
  const { name, username, url, description, tags, rotation } = inputs;
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
    ...(inputs.notify === undefined && !had("notify") ? {} : { notify: hooks }),
    valueManagedBy: manager(inputs),
    fields: brought.fields,
  };
}

export function rotationPolicy({ everyDays, when, window }: NonNullable<CredentialInputs["rotation"]>): RotationPolicy {
  const policy: RotationPolicy = { everyDays, when: when ?? "scheduled" };
  if (window === undefined) return policy;
  const { between, timeZone, days } = window;
  return { ...policy, window: { between, timeZone, ...(days === undefined ? {} : { days }) } };
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
