import { CoffreError } from "../../core/errors.js";
import type { CredentialPatch } from "../../vault/port.js";
import type { ResourceContext } from "../context.js";
import { newOwnerToken } from "../owner.js";
import { parseInputs } from "../parse.js";
import type { Properties } from "../values.js";
import { refuseRolledBack, vaultOf } from "../vault-stamp.js";
import { announce } from "./announce.js";
import { bring } from "./bring.js";
import { newCauses } from "./causes.js";
import { changedFields, isManaged, prepare } from "./entry.js";
import { readLive } from "./presence.js";
import { CredentialInputs, parseState, pickInputs } from "./schema.js";
import { stateAfter, unfinished } from "./state.js";

/**
 * Brings the entry to what is declared now, and finishes what anybody left.
 * @throws PartialFailure once something was written; CoffreError before
 */
export async function updateCredential(
  context: ResourceContext,
  id: string,
  olds: Properties,
  news: Properties,
): Promise<{ outs: Record<string, unknown> }> {
  const { vault } = context;
  const before = parseState(olds);
  const inputs = parseInputs(CredentialInputs, pickInputs(news));
  const { identity, stamp } = await vaultOf(vault, before);
  const credential = await readLive(context, id, before, identity);
  await refuseRolledBack({ stamp, version: before.currentVersion }, identity, credential, context.overview);
  const ownerToken = before.ownerToken ?? newOwnerToken();
  if (credential.supersededBy !== undefined) return { outs: await stateAfter(context, inputs, credential, ownerToken) };
  if (before.ownerToken !== undefined && !(await credential.hasToken(before.ownerToken))) {
    throw new CoffreError("CONFLICT", `${credential.path.join("/")} belongs to another stack now`, {
      hint: `Take it out of this stack's state with \`pulumi state delete\`, or take it back with \`adopt: "${id}"\`.`,
      details: { id },
    });
  }

  const declared = await prepare(context, inputs, credential, before);
  const causes = await newCauses(context, declared, credential, before);
  const patch: CredentialPatch = {
    ...changedFields(declared, before),
    ...(before.ownerToken === undefined ? {} : { token: ownerToken }),
    ...(await ownerPatch(context, id, inputs.ownerKey, ownerToken)),
  };
  const evenDue = isManaged(inputs) && (context.rotateDue || inputs.rotation?.when === "up");
  let written = false;
  try {
    const bringing = { credential, declared, patch, causes, evenDue };
    const reached = await bring(context, bringing, () => (written = true));
    return { outs: await stateAfter(context, inputs, await announce(context, reached), ownerToken) };
  } catch (error) {
    if (!written) throw error;
    throw await unfinished(context, { id, declared, before, ownerToken, causes }, error);
  }
}

/** The mark follows the resource's name, its parents and the stack; that alone never rotates. */
async function ownerPatch(
  { vault, stack, overview }: ResourceContext,
  id: string,
  key: string,
  token: string,
): Promise<Pick<CredentialPatch, "owner">> {
  const marked = (await vault.findOwned("credential", key)) === id && (await overview.credentials()).has(id);
  return marked ? {} : { owner: { key, stack, token } };
}
