import { isCoffreError } from "../../core/errors.js";
import { verifyCredential } from "../../rotation/verify.js";
import type { Credential, VaultIdentity } from "../../vault/port.js";
import type { ResourceContext } from "../context.js";
import { findRootCategory } from "../root-category.js";
import { dropEmpty, type Properties } from "../values.js";
import { formatStamp, isOutdated, parseStamp, refuseRolledBack, vaultOf } from "../vault-stamp.js";
import { readKnown } from "./presence.js";
import { type CredentialState, parseState } from "./schema.js";
import { typeOf } from "./source.js";
import { factsOf } from "./state.js";

export interface ReadResult {
  /** Absent once the entry is gone. */
  id?: string;
  props?: Record<string, unknown>;
}

/**
 * The entry as it is, for a refresh or a `get`. Gone is what the vault doesn't know, and what was archived: it is out of
 * the tree. @throws CoffreError WRONG_VAULT, ROLLED_BACK; FORBIDDEN and all others, which never mean gone
 */
export async function readCredential(context: ResourceContext, id: string, props: Properties): Promise<ReadResult> {
  const state = parseState(props);
  const { identity, stamp } = await vaultOf(context.vault, state);
  const found = await readKnown(context, id, state, identity);
  if (!found) return {};
  let credential = found;
  if (credential.supersededBy !== undefined) return { id, props: dropEmpty({ ...state }) }; // it has served, and stays as it was
  if (credential.archivedAt !== undefined) return {};
  await refuseRolledBack({ stamp, version: state.currentVersion }, identity, credential, context.overview);
  const looked = stamp === undefined;
  if (context.verifyOnRefresh && !looked && found.targets.length > 0) credential = await verified(context, found);
  const root = await findRootCategory(context);
  return {
    id,
    props: dropEmpty({
      ...state,
      ...(looked ? allFields(credential) : declaredFields(state, credential, root)),
      ...factsOf(identity, credential),
      ...(looked ? {} : { vaultStamp: currentStamp(state, identity, credential) }),
    }),
  };
}

/**
 * Looks whether the targets have what the vault has. What they have instead is noted in the vault, and the state shows an
 * unfinished credential, which the next `up` mends. A target that can't be asked is no reason to fail a refresh.
 */
async function verified(context: ResourceContext, credential: Credential): Promise<Credential> {
  const name = credential.path.join("/");
  try {
    for (const { account, verdict, reason } of await verifyCredential(context.rotation, credential.id, {
      sparing: true,
    })) {
      if (verdict === "agrees") continue;
      context.notify(`${name}: ${account}: ${verdict}${reason === undefined ? "" : ` (${reason})`}`);
    }
    return await context.vault.readCredential(credential.id);
  } catch (error) {
    if (!isCoffreError(error)) throw error;
    context.notify(`${name} could not be verified: ${error.problem}`);
    return credential;
  }
}

/** What a refresh reports: fields that the program declares. Others are people's own. */
function declaredFields(
  state: CredentialState,
  credential: Credential,
  root: string | null | undefined,
): Partial<Record<keyof CredentialState, unknown>> {
  const { username, url, description, tags, rotation } = credential;
  const moved = (state.categoryId ?? root ?? null) !== credential.categoryId;
  return {
    name: credential.name,
    ...(moved ? { categoryId: credential.categoryId ?? undefined } : {}),
    ...(state.username === undefined ? {} : { username }),
    ...(state.url === undefined ? {} : { url }),
    ...(state.description === undefined ? {} : { description }),
    ...(state.tags === undefined ? {} : { tags }),
    ...(state.rotation === undefined ? {} : { rotation: rotation && declaredRotation(state.rotation, rotation) }),
    ...(state.fields === undefined ? {} : { fields: textsOf(credential, Object.keys(state.fields)) }),
    ...(state.secretFields === undefined ? {} : { secretFields: stillThere(credential, state.secretFields) }),
  };
}

/** The texts of these fields, of those that are there and are texts. */
function textsOf({ fields }: Credential, names: readonly string[]): Record<string, string> {
  const texts = fields.flatMap(({ name, text }): [string, string][] =>
    text !== undefined && names.includes(name) ? [[name, text]] : [],
  );
  return Object.fromEntries(texts);
}

/** Of declared fields those that the vault still has, so that one that somebody removed shows as a change. */
function stillThere(
  { fields }: Credential,
  declared: NonNullable<CredentialState["secretFields"]>,
): NonNullable<CredentialState["secretFields"]> {
  const types = new Map(fields.map(({ name, type }) => [name, type]));
  return Object.fromEntries(Object.entries(declared).filter(([name, field]) => types.get(name) === typeOf(field)));
}

function allFields({ name, categoryId, username, url, description, tags, rotation }: Credential) {
  return { name, categoryId: categoryId ?? undefined, username, url, description, tags, rotation };
}

/** `when` is left out of a state that left it to its default, so that a refresh finds no difference. */
function declaredRotation(
  declared: NonNullable<CredentialState["rotation"]>,
  { when, ...rotation }: NonNullable<Credential["rotation"]>,
): NonNullable<CredentialState["rotation"]> {
  return declared.when === undefined && when === "scheduled" ? rotation : { ...rotation, when };
}

/** The newest event alone is no news: a refresh of what didn't change changes nothing. */
function currentStamp(state: CredentialState, identity: VaultIdentity, credential: Credential): string {
  const before = parseStamp(state.vaultStamp);
  const keep = before !== undefined && !isOutdated(before, identity, credential);
  return keep && state.vaultStamp !== undefined ? state.vaultStamp : formatStamp(identity, credential);
}
