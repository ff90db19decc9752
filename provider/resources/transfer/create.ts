import { Secret } from "../../core/secret.js";
import { DAY_MS, DEFAULT_TRANSFER_DAYS, newTransferPassword } from "../../core/transfer.js";
import { newSeal, sendFiles } from "../../vault/send-files.js";
import type { ResourceContext } from "../context.js";
import { newOwnerToken } from "../owner.js";
import { parseInputs } from "../parse.js";
import { ensureRootCategory } from "../root-category.js";
import type { Properties } from "../values.js";
import { filesToSend } from "./files.js";
import { pickInputs, TransferInputs } from "./schema.js";
import { stateAfter, urlOf } from "./state.js";

/**
 * Sends the files. Nobody learns a link twice: what an interrupted create of the same resource left is ended first, and its mail
 * that still waits is let go.
 */
export async function createTransfer(
  context: ResourceContext,
  news: Properties,
): Promise<{ id: string; outs: Record<string, unknown> }> {
  const inputs = parseInputs(TransferInputs, pickInputs(news));
  const files = filesToSend(inputs);
  const { vault, stack, rotation } = context;
  await endEarlier(context, inputs.ownerKey);
  const { from, to, message, maxDownloads, ownerKey } = inputs;
  const password = passwordFor(inputs);
  const seal = inputs.endToEnd === true ? await newSeal() : undefined;
  const token = newOwnerToken();
  const { transfer, link } = await sendFiles(vault, {
    files,
    input: {
      categoryId: inputs.categoryId ?? (await ensureRootCategory(context)),
      from,
      expiresAt: inputs.expiresAt ?? endAfter(inputs, rotation.clock.now()),
      ...(to === undefined ? {} : { to }),
      ...(message === undefined ? {} : { message }),
      ...(maxDownloads === undefined ? {} : { maxDownloads }),
      ...(password === undefined ? {} : { password }),
      ...(seal === undefined ? {} : { encryptedFor: seal.recipient }),
      owner: { key: ownerKey, stack, token },
    },
    signal: rotation.signal,
  });
  context.overview.forget();
  const url = urlOf(context, inputs, { link, key: seal?.key });
  const outs = await stateAfter(context, inputs, transfer, { url, password, token });
  return { id: transfer.id, outs };
}

/** The end of a transfer that was made at a time. */
export function endAfter({ expiresAfterDays = DEFAULT_TRANSFER_DAYS }: TransferInputs, made: Date): string {
  return new Date(made.getTime() + expiresAfterDays * DAY_MS).toISOString();
}

/** The password that a declaration wants. @param drawn the one that was drawn for it before */
export function passwordFor({ password, generatePassword }: TransferInputs, drawn?: string): Secret | undefined {
  if (password !== undefined) return new Secret(password);
  if (generatePassword !== true) return undefined;
  return drawn === undefined ? newTransferPassword() : new Secret(drawn);
}

async function endEarlier(context: ResourceContext, ownerKey: string): Promise<void> {
  const { transfers } = context.vault.boxes;
  const earlier = await transfers.findOwned(ownerKey);
  if (earlier === undefined) return;
  await transfers.archive(earlier, {});
  context.notify(`ended the transfer ${earlier}, which an interrupted run left and whose link nobody has kept`);
}
