import { CoffreError, isCoffreError } from "../../core/errors.js";
import { generatePassword } from "../../core/generate.js";
import { policyFor } from "../../rotation/draw.js";
import { resolveReference } from "../../rotation/resolve-reference.js";
import { reachCauses } from "../../rotation/rotate.js";
import type { Credential, Owner } from "../../vault/port.js";
import type { ResourceContext } from "../context.js";
import { newOwnerToken } from "../owner.js";
import { parseInputs } from "../parse.js";
import type { Properties } from "../values.js";
import { refuseTakenAccounts } from "./accounts.js";
import { announce } from "./announce.js";
import { bring } from "./bring.js";
import { adoptionCause, type Causes, firstCauses } from "./causes.js";
import { changedFields, type Declared, isManaged, newFields, placeOf, prepare, sameAccounts, taken } from "./entry.js";
import { CredentialInputs, pickInputs } from "./schema.js";
import { stateAfter, unfinished } from "./state.js";

export interface CreateResult {
  id: string;
  outs: Record<string, unknown>;
}

/**
 * Follows the owner key of an adoption until it is finished, so that one that was interrupted is begun again; then the
 * entry's id, since two marks alike would be in the way of each other once the program names another entry to adopt.
 */
const ADOPTING = "#adopting";

/**
 * Makes the entry and brings its value into force; goes on with what an interrupted create of the same resource left.
 * Everything that can be refused without the target is refused before anything is written.
 * @throws PartialFailure once the entry is there; CoffreError before
 */
export async function createCredential(context: ResourceContext, news: Properties): Promise<CreateResult> {
  const inputs = parseInputs(CredentialInputs, pickInputs(news));
  const ownId = await context.vault.findOwned("credential", inputs.ownerKey);
  if (ownId !== undefined) {
    const taken = await takeOver(context, inputs, await context.vault.readCredential(ownId));
    if (taken) return taken;
  }
  if (inputs.adopt !== undefined) return adopt(context, inputs, inputs.adopt);
  return createNew(context, inputs);
}

async function createNew(context: ResourceContext, inputs: CredentialInputs): Promise<CreateResult> {
  const { vault } = context;
  const declared = await prepare(context, inputs);
  const owner = newOwner(context, inputs);
  const causes = await firstCauses(vault, declared);
  const drawsHere = isManaged(inputs) && declared.records.length === 0;
  const { password } = declared.brought;
  const initial = drawsHere
    ? {
        initial: {
          value: generatePassword(await policyFor(vault, declared.categoryId)),
          causes: causes.trigger === undefined ? [] : [causes.trigger],
        },
      }
    : password
      ? { initial: { value: password.value, causes: [password.cause] } }
      : {};
  const [made] = await vault.createCredentials([{ ...newFields(declared), owner, ...initial }]).catch(async (error) => {
    throw await explainConflict(context, declared, error);
  });
  if (!made) throw new CoffreError("BAD_RESPONSE", "The vault answered no new credential");
  if (declared.records.length === 0) return created(context, inputs, made, owner.token);
  try {
    const wanted = [causes.trigger, causes.targets].filter((cause) => cause !== undefined);
    const { credential } = await reachCauses(context.rotation, made.id, wanted);
    return await created(context, inputs, credential, owner.token);
  } catch (error) {
    throw await unfinished(context, { id: made.id, declared, ownerToken: owner.token, causes }, error);
  }
}

/**
 * An entry with this very resource's mark: an earlier create got that far, or its state was lost.
 * @returns `undefined` if it is another than declared now, and the declaration adopts one anyway
 */
async function takeOver(
  context: ResourceContext,
  inputs: CredentialInputs,
  credential: Credential,
): Promise<CreateResult | undefined> {
  const declared = await prepare(context, inputs, credential);
  const same =
    credential.name === inputs.name &&
    credential.categoryId === declared.categoryId &&
    sameAccounts(credential.targets, declared.records);
  if (!same && inputs.adopt !== undefined) return undefined;
  if (!same) {
    throw taken(
      `An earlier run of this resource left "${credential.path.join("/")}", which has another name, category or account`,
      credential.id,
    );
  }
  const causes = await firstCauses(context.vault, declared, credential);
  return settle(context, { credential, declared, causes }, newOwner(context, inputs));
}

async function adopt(context: ResourceContext, inputs: CredentialInputs, wanted: true | string): Promise<CreateResult> {
  const { vault } = context;
  const found = await findAdoptable(context, inputs, wanted);
  const declared = await prepare(context, inputs, found);
  await refuseTakenAccounts(context, inputs, found.id); // else the entry would be taken from its owner for nothing
  const live = found.archivedAt === undefined;
  const credential = live ? found : await vault.unarchiveCredential(found.id, declared.categoryId);
  const adopting = { ...newOwner(context, inputs), key: `${inputs.ownerKey}${ADOPTING} ${found.id}` };
  const begun = (await vault.findOwned("credential", adopting.key)) === found.id;
  // Without a target the value stays as it is: somebody uses it, and only they know where.
  const causes: Causes =
    declared.records.length > 0
      ? { targets: await adoptionCause(vault, declared.records, credential, begun) }
      : credential.versions.length === 0
        ? await firstCauses(vault, declared)
        : {};
  // With the place in one write, so that a name that is taken leaves the entry with its owner.
  const { name } = inputs;
  await vault.updateCredential(credential.id, { name, categoryId: declared.categoryId, owner: adopting });
  return settle(context, { credential, declared, causes }, { ...adopting, key: inputs.ownerKey });
}

interface Settling {
  credential: Credential;
  declared: Declared;
  causes: Causes;
}

/** Brings an existing entry to what is declared, and only then marks it as this resource's own. */
async function settle(context: ResourceContext, settling: Settling, owner: Owner): Promise<CreateResult> {
  const { credential, declared, causes } = settling;
  const { inputs } = declared;
  let written = false;
  try {
    const patch = changedFields(declared, undefined);
    await bring(context, { credential, declared, patch, causes, evenDue: false }, () => (written = true));
    const owned = await context.vault.updateCredential(credential.id, { owner });
    return await created(context, inputs, owned, owner.token);
  } catch (error) {
    if (!written) throw error;
    await context.vault.updateCredential(credential.id, { owner }).catch(() => undefined);
    throw await unfinished(context, { id: credential.id, declared, ownerToken: owner.token, causes }, error);
  }
}

async function findAdoptable(
  context: ResourceContext,
  inputs: CredentialInputs,
  wanted: true | string,
): Promise<Credential> {
  const { vault } = context;
  if (wanted !== true) return wanted.includes("://") ? resolveReference(vault, wanted) : vault.readCredential(wanted);
  const categoryId = await placeOf(context, inputs);
  const category = categoryId === null ? [] : (await vault.readCategory(categoryId)).path;
  const path = [...category, inputs.name];
  const live = await vault.findCredential(path);
  if (live) return live;
  const archived: Credential[] = [];
  for await (const entry of vault.listCredentials({ archived: true })) {
    if (entry.path.join("/") === path.join("/")) archived.push(entry);
  }
  const [only, ...others] = archived;
  if (only && others.length === 0) return only;
  const name = path.join("/");
  throw only
    ? new CoffreError("CONFLICT", `${archived.length} archived credentials were called "${name}"`, {
        hint: `Adopt one by its id: ${archived.map(({ id }) => id).join(", ")}.`,
      })
    : new CoffreError("NOT_FOUND", `There is no credential "${name}" to adopt`, {
        hint: "Remove `adopt` for a new one; `coffre list` shows what there is.",
      });
}

async function created(
  context: ResourceContext,
  inputs: CredentialInputs,
  credential: Credential,
  ownerToken: string,
): Promise<CreateResult> {
  const told = await announce(context, credential);
  return { id: told.id, outs: await stateAfter(context, inputs, told, ownerToken) };
}

function newOwner(context: ResourceContext, inputs: CredentialInputs): Owner {
  return { key: inputs.ownerKey, stack: context.stack, token: newOwnerToken() };
}

async function explainConflict(context: ResourceContext, declared: Declared, error: unknown): Promise<unknown> {
  if (!isCoffreError(error, "CONFLICT")) return error;
  const { categoryId, inputs } = declared;
  const path = categoryId === null ? [] : (await context.vault.readCategory(categoryId)).path;
  const there = await context.vault.findCredential([...path, inputs.name]);
  if (!there) return error;
  return taken(`There is a credential "${there.path.join("/")}" that this resource didn't make`, there.id);
}
