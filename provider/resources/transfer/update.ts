import { CoffreError } from "../../core/errors.js";
import type { Secret } from "../../core/secret.js";
import type { Transfer, TransferPatch } from "../../vault/port.js";
import type { ResourceContext } from "../context.js";
import { ownershipOf } from "../owner.js";
import { parseInputs } from "../parse.js";
import type { Properties } from "../values.js";
import { vaultOf } from "../vault-stamp.js";
import { endAfter, passwordFor } from "./create.js";
import { changedInputs, isSentAnew } from "./diff.js";
import { parseState, pickInputs, TransferInputs, type TransferState } from "./schema.js";
import { partsOf, readSent, stateAfter, UNDECLARED, urlOf } from "./state.js";

/** Brings the transfer to what is declared now: one write. Who is new in `to` is told. @throws CoffreError CONFLICT once it has ended */
export async function updateTransfer(
  context: ResourceContext,
  id: string,
  olds: Properties,
  news: Properties,
): Promise<{ outs: Record<string, unknown> }> {
  const { transfers } = context.vault.boxes;
  const before = parseState(olds);
  const inputs = parseInputs(TransferInputs, pickInputs(news));
  const { identity } = await vaultOf(context.vault, before);
  const found = await readSent(context, id, before, identity);
  const isMarked = async () => (await transfers.findOwned(inputs.ownerKey)) === id;
  const { token, proof, claim } = await ownershipOf(context, before, inputs.ownerKey, isMarked);
  const parts = partsOf(before.url);
  const password = passwordFor(inputs, before.generatePassword === true ? before.password : undefined);
  const kept = { url: parts && urlOf(context, inputs, parts), password, token };
  if (found.status === "archived") {
    if (isSentAnew(changedInputs(olds, news))) throw ended(id);
    return { outs: await stateAfter(context, inputs, found, kept) };
  }
  const patch: TransferPatch = {
    ...changedFields(inputs, before),
    ...changedEnd(inputs, before, found),
    ...changedPassword(password, before, found),
    ...proof,
    ...claim,
  };
  const transfer = await transfers.update(id, patch, parts?.link);
  context.overview.forget();
  return { outs: await stateAfter(context, inputs, transfer, kept) };
}

/** What was declared before and no longer is, is taken back; what was never declared stays as people made it. */
function changedFields(inputs: TransferInputs, before: TransferState): TransferPatch {
  const { to, message, maxDownloads } = UNDECLARED;
  return {
    ...(inputs.to === undefined && before.to === undefined ? {} : { to: inputs.to ?? to }),
    ...(inputs.message === undefined && before.message === undefined ? {} : { message: inputs.message ?? message }),
    ...(inputs.maxDownloads === undefined && before.maxDownloads === undefined
      ? {}
      : { maxDownloads: inputs.maxDownloads ?? maxDownloads }),
  };
}

/** Days count from when it was made, and a moment that is the same already isn't written: it may have passed. */
function changedEnd(inputs: TransferInputs, before: TransferState, { createdAt, expiresAt }: Transfer): TransferPatch {
  const isCounted = inputs.expiresAfterDays !== before.expiresAfterDays || before.expiresAt === undefined;
  const counted = isCounted ? endAfter(inputs, new Date(createdAt)) : before.expiresAt;
  const end = inputs.expiresAt ?? counted;
  return end === undefined || Date.parse(end) === Date.parse(expiresAt) ? {} : { expiresAt: end };
}

/** Written only where it is another one: a lock ends by that alone. */
function changedPassword(wanted: Secret | undefined, before: TransferState, found: Transfer): TransferPatch {
  const isSame = wanted?.reveal() === before.password && found.passwordSetAt === before.passwordSetAt;
  if (isSame || (wanted === undefined && before.password === undefined)) return {};
  return { password: wanted ?? null };
}

function ended(id: string): CoffreError {
  return new CoffreError("CONFLICT", `The transfer ${id} has ended meanwhile`, {
    hint: "Run `pulumi up` again: it sends the files anew, by another link.",
    details: { id },
  });
}
