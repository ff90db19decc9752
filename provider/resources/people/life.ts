import { CoffreError, isCoffreError } from "../../core/errors.js";
import type { Vault, VaultIdentity } from "../../vault/port.js";
import type { ResourceContext } from "../context.js";
import { newOwnerToken, ownershipOf } from "../owner.js";
import { parseInputs } from "../parse.js";
import { readUnlessGone } from "../presence.js";
import { dropEmpty, type Properties } from "../values.js";
import { formatStamp, stampAfterRead, vaultOf } from "../vault-stamp.js";
import type { EntryKind, EntryState, SharedInputs } from "./kind.js";

/** The inputs among a resource's properties. */
export function pickInputs(kind: { schema: { shape: object } }, properties: Properties): Record<string, unknown> {
  return dropEmpty(Object.fromEntries(Object.keys(kind.schema.shape).map((key) => [key, properties[key]])));
}

/** Reads a state, also one of an earlier release, or of another front, that lacks an output. */
export function parseState<Inputs extends SharedInputs>(
  kind: { schema: { shape: object } },
  properties: Properties,
): EntryState<Inputs> {
  const { ownerToken, vaultStamp } = properties;
  return {
    // The inputs in a state passed `check` when they were written.
    ...(pickInputs(kind, properties) as Partial<Inputs>),
    ...(typeof ownerToken === "string" ? { ownerToken } : {}),
    ...(typeof vaultStamp === "string" ? { vaultStamp } : {}),
  };
}

/** Makes the entry, or returns the one that an interrupted create of the same resource made. */
export async function createEntry<Inputs extends SharedInputs, Entry extends { id: string }>(
  kind: EntryKind<Inputs, Entry>,
  context: ResourceContext,
  news: Properties,
): Promise<{ id: string; outs: Record<string, unknown> }> {
  const inputs = parseInputs(kind.schema, pickInputs(kind, news));
  const owner = { key: inputs.ownerKey, stack: context.stack, token: newOwnerToken() };
  const existing = await findExisting(kind, context, inputs);
  const { id } = existing
    ? await kind.update(context, existing.id, { inputs, before: undefined, proof: {}, owner })
    : await createNew(kind, context, inputs, owner);
  return { id, outs: await stateAfter(context.vault, inputs, owner.token) };
}

async function createNew<Inputs extends SharedInputs, Entry extends { id: string }>(
  kind: EntryKind<Inputs, Entry>,
  context: ResourceContext,
  inputs: Inputs,
  owner: { key: string; stack: string; token: string },
): Promise<Entry> {
  try {
    return await kind.create(context, inputs, owner);
  } catch (error) {
    const there = isCoffreError(error, "CONFLICT") ? await kind.find(context, inputs) : undefined;
    throw there ? taken(kind, inputs, there.id) : error;
  }
}

/** The entry with this resource's own mark, or the one that is to be adopted. */
async function findExisting<Inputs extends SharedInputs, Entry extends { id: string }>(
  kind: EntryKind<Inputs, Entry>,
  context: ResourceContext,
  inputs: Inputs,
): Promise<Entry | undefined> {
  if (inputs.adopt !== undefined) return findAdopted(kind, context, inputs);
  const ownId = await context.vault.people.findOwned(kind.owned, inputs.ownerKey);
  if (ownId === undefined) return undefined;
  const there = await kind.find(context, inputs);
  if (there?.id === ownId) return there;
  throw new CoffreError("CONFLICT", `An earlier run of this resource left another ${kind.noun}, ${ownId}`, {
    hint: `To take it over as it is declared now, set \`adopt: "${ownId}"\`; if the resource was renamed, give it \`aliases\`.`,
    details: { id: ownId },
  });
}

/** The entry that is to be taken over. @throws CoffreError NOT_FOUND */
export async function findAdopted<Inputs extends SharedInputs, Entry extends { id: string }>(
  kind: EntryKind<Inputs, Entry>,
  context: ResourceContext,
  inputs: Inputs,
): Promise<Entry> {
  if (typeof inputs.adopt === "string") return kind.read(context.vault.people, inputs.adopt);
  const there = await kind.find(context, inputs);
  if (there) return there;
  throw new CoffreError("NOT_FOUND", `There is no ${kind.title(inputs)} to adopt`, {
    hint: "Remove `adopt` for a new one; `coffre access` shows what there is.",
  });
}

/** Brings the entry to what is declared now: one write. */
export async function updateEntry<Inputs extends SharedInputs, Entry extends { id: string }>(
  kind: EntryKind<Inputs, Entry>,
  context: ResourceContext,
  id: string,
  olds: Properties,
  news: Properties,
): Promise<{ outs: Record<string, unknown> }> {
  const { vault } = context;
  const before = parseState<Inputs>(kind, olds);
  const inputs = parseInputs(kind.schema, pickInputs(kind, news));
  const { identity } = await vaultOf(vault, before);
  await readLive(kind, context, id, before, identity);
  const isMarked = async () => (await vault.people.findOwned(kind.owned, inputs.ownerKey)) === id;
  const { token, proof, claim } = await ownershipOf(context, before, inputs.ownerKey, isMarked);
  await kind.update(context, id, {
    inputs,
    before,
    proof,
    ...claim,
  });
  return { outs: await stateAfter(vault, inputs, token) };
}

/** The entry as it is, for a refresh or a `get`. @returns no id once it is gone. @throws CoffreError WRONG_VAULT, ROLLED_BACK */
export async function readEntry<Inputs extends SharedInputs, Entry extends { id: string }>(
  kind: EntryKind<Inputs, Entry>,
  context: ResourceContext,
  id: string,
  props: Properties,
): Promise<{ id?: string; props?: Record<string, unknown> }> {
  const state = parseState<Inputs>(kind, props);
  const { identity, stamp } = await vaultOf(context.vault, state);
  const entry = await readKnown(kind, context, id, state, identity);
  if (!entry) return {};
  const vaultStamp = stampAfterRead(state, stamp, identity);
  return { id, props: dropEmpty({ ...state, ...(await kind.shown(context, entry, state)), vaultStamp }) };
}

/** Removes the entry; one that is gone is a success. @throws CoffreError CONFLICT for another owner's, WRONG_VAULT, ROLLED_BACK */
export async function deleteEntry<Inputs extends SharedInputs, Entry extends { id: string }>(
  kind: EntryKind<Inputs, Entry>,
  context: ResourceContext,
  id: string,
  props: Properties,
): Promise<void> {
  const state = parseState<Inputs>(kind, props);
  const { identity } = await vaultOf(context.vault, state);
  if (!(await readKnown(kind, context, id, state, identity))) return;
  // A state without a token owns nothing: the empty one is nobody's.
  await kind.remove(context.vault.people, id, { token: state.ownerToken ?? "" });
  context.overview.forget();
}

/** The entry of a state; `undefined` once it is gone. @throws CoffreError ROLLED_BACK if it may only be lost */
async function readKnown<Inputs extends SharedInputs, Entry extends { id: string }>(
  kind: EntryKind<Inputs, Entry>,
  context: ResourceContext,
  id: string,
  state: EntryState<Inputs>,
  identity: VaultIdentity,
): Promise<Entry | undefined> {
  const { vaultStamp } = state;
  const what = `${kind.title(state)} (${id})`;
  return readUnlessGone(context, () => kind.read(context.vault.people, id), { identity, vaultStamp, what });
}

/** The same, where it must be there. @throws CoffreError NOT_FOUND that says what to do */
export async function readLive<Inputs extends SharedInputs, Entry extends { id: string }>(
  kind: EntryKind<Inputs, Entry>,
  context: ResourceContext,
  id: string,
  state: EntryState<Inputs>,
  identity: VaultIdentity,
): Promise<Entry> {
  const entry = await readKnown(kind, context, id, state, identity);
  if (entry) return entry;
  throw new CoffreError("NOT_FOUND", `The ${kind.title(state)} (${id}) was removed, not by this stack`, {
    hint: "Somebody may have left: `coffre events` tells. Remove the resource, or run `pulumi refresh` and it is made anew.",
    details: { id },
  });
}

/** What somebody else made. */
export function taken<Inputs extends SharedInputs>(
  kind: { title(inputs: Partial<Inputs>): string },
  inputs: Partial<Inputs>,
  id: string,
): CoffreError {
  return new CoffreError("CONFLICT", `There is a ${kind.title(inputs)} (${id}) that this resource didn't make`, {
    hint:
      "If this resource was renamed or moved in the program, give it `aliases`. " +
      `To take over what is there, set \`adopt: "${id}"\`. Otherwise remove this resource.`,
    details: { id },
  });
}

async function stateAfter(vault: Vault, inputs: object, ownerToken: string): Promise<Record<string, unknown>> {
  return dropEmpty({ ...inputs, ownerToken, vaultStamp: formatStamp(await vault.identity()) });
}
