import { CoffreError } from "../../core/errors.js";
import { Secret } from "../../core/secret.js";
import type { Transfer, VaultIdentity } from "../../vault/port.js";
import type { ResourceContext } from "../context.js";
import { shownExpiry } from "../people/kind.js";
import { readUnlessGone } from "../presence.js";
import { dropEmpty } from "../values.js";
import { formatStamp } from "../vault-stamp.js";
import type { TransferInputs, TransferState } from "./schema.js";

/** What stands between the server's address and a link. */
const PAGES = "/transfers/";

/** Fields of a transfer that a program may leave to people, with what each goes back to when it is declared no more. */
export const UNDECLARED = { to: [], message: null, maxDownloads: null };
const OPTIONAL = Object.keys(UNDECLARED) as (keyof typeof UNDECLARED)[];

/**
 * The page's address. @param link what the vault told whoever made the transfer
 * @param key opens what is encrypted end to end; it stands behind the `#`, which no browser sends
 */
export function urlOf(
  { pagesOrigin }: ResourceContext,
  { publicUrl }: TransferInputs,
  { link, key }: { link: Secret; key: Secret | undefined },
): string {
  const fragment = key === undefined ? "" : `#${key.reveal()}`;
  return `${(publicUrl ?? pagesOrigin ?? "").replace(/\/$/, "")}${PAGES}${link.reveal()}${fragment}`;
}

/** What an address of {@link urlOf} was made of. */
export function partsOf(url: string | undefined): { link: Secret; key: Secret | undefined } | undefined {
  const [link, key] = url?.split(PAGES)[1]?.split("#") ?? [];
  return link === undefined
    ? undefined
    : { link: new Secret(link), key: key === undefined ? undefined : new Secret(key) };
}

/** The transfer in the words of inputs and outputs. What no program declared is left out, unless it is only looked at; what is gone is `undefined`. */
export function shown(transfer: Transfer, state: TransferState): Record<string, unknown> {
  const looked = state.vaultStamp === undefined;
  const optional = OPTIONAL.filter((field) => looked || state[field] !== undefined);
  return {
    ...Object.fromEntries(optional.map((field) => [field, transfer[field]])),
    expiresAt: shownExpiry(state.expiresAt, transfer.expiresAt),
    ...(looked ? lookedAt(transfer) : {}),
  };
}

function lookedAt({ from, categoryId, files }: Transfer): Record<string, unknown> {
  return { from, categoryId, files: files.map(({ name, size, sha256 }) => ({ name, size, sha256 })) };
}

/** What the vault says of a transfer as it goes. */
export function outputsOf({ status, downloadCount }: Transfer): Record<string, unknown> {
  return { status, downloadCount };
}

/** What a state keeps besides the inputs. */
export interface Kept {
  url: string | undefined;
  password: Secret | undefined;
  token: string;
}

/** A transfer's state after the vault was written. */
export async function stateAfter(
  { vault }: ResourceContext,
  inputs: TransferInputs,
  transfer: Transfer,
  { url, password, token }: Kept,
): Promise<Record<string, unknown>> {
  return dropEmpty({
    ...inputs,
    ...outputsOf(transfer),
    url,
    expiresAt: shownExpiry(inputs.expiresAt, transfer.expiresAt),
    password: password?.reveal(),
    passwordSetAt: transfer.passwordSetAt,
    ownerToken: token,
    vaultStamp: formatStamp(await vault.identity()),
  });
}

/** The transfer of a state, also one that has ended. @throws CoffreError NOT_FOUND that says what to do, ROLLED_BACK */
export async function readSent(
  context: ResourceContext,
  id: string,
  state: TransferState,
  identity: VaultIdentity,
): Promise<Transfer> {
  const transfer = await findSent(context, id, state, identity);
  if (transfer) return transfer;
  throw new CoffreError("NOT_FOUND", `There is no transfer ${id} in the vault any more`, {
    hint: "Run `pulumi refresh`; the next up sends the files anew, by another link.",
    details: { id },
  });
}

/** The same; `undefined` if the vault doesn't know it. @throws CoffreError ROLLED_BACK if it may only be lost */
export async function findSent(
  context: ResourceContext,
  id: string,
  { vaultStamp }: TransferState,
  identity: VaultIdentity,
): Promise<Transfer | undefined> {
  const read = () => context.vault.boxes.transfers.read(id);
  return readUnlessGone(context, read, { identity, vaultStamp, what: `the transfer ${id}` });
}
