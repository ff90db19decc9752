import { isDeepStrictEqual } from "node:util";
import { CoffreError } from "../../core/errors.js";
import { hasPassed, parseInstant } from "../../core/instant.js";
import type { Transfer } from "../../vault/port.js";
import type { ResourceContext } from "../context.js";
import type { DiffResult } from "../people/handlers-of.js";
import { knownText } from "../people/kind.js";
import { dropEmpty, hasUnknown, type Properties } from "../values.js";
import { isOutdated, vaultOf } from "../vault-stamp.js";
import { sameFiles } from "./files.js";
import { declaredIn, parseState, pickInputs, type TransferState } from "./schema.js";
import { readSent, shown } from "./state.js";

/** What was sent stays what it was: another transfer, with another link, takes its place. */
const REPLACES: ReadonlySet<string> = new Set(["files", "from", "categoryId", "endToEnd"]);
/** What is said of the resource, and not of what it sends. */
const ASIDE: ReadonlySet<string> = new Set(["publicUrl", "ownerKey"]);

/** What the state and the program alone say. */
export function diffTransferOffline(olds: Properties, news: Properties): DiffResult {
  const changed = changedInputs(olds, news);
  const replaces = changed.filter((name) => REPLACES.has(name));
  return { changes: changed.length > 0, ...(replaces.length > 0 ? { replaces } : {}) };
}

/**
 * Does an `up` have something to do? Also where somebody changed what is declared of a live transfer; not for downloads, and not
 * because it has ended. One that has ended isn't opened again: what is declared otherwise is sent anew.
 * @throws CoffreError WRONG_VAULT, ROLLED_BACK, NOT_FOUND, INVALID_INPUT
 */
export async function diffTransfer(
  context: ResourceContext,
  id: string,
  olds: Properties,
  news: Properties,
): Promise<DiffResult> {
  const state = parseState(olds);
  const { identity, stamp } = await vaultOf(context.overview, state);
  const transfer = (await context.overview.transfers()).get(id) ?? (await readSent(context, id, state, identity));
  const changed = changedInputs(olds, news);
  const outdated = stamp !== undefined && isOutdated(stamp, identity);
  const isOver = transfer.status === "archived";
  const replaces = changed.filter((name) => (isOver ? !ASIDE.has(name) : REPLACES.has(name)));
  if (replaces.length > 0) {
    refuseOver(news, context.rotation.clock.now());
    return { changes: true, replaces };
  }
  return { changes: changed.length > 0 || outdated || (!isOver && hasDrifted(transfer, state)) };
}

/** The inputs that differ; of files what is sent counts, and not where it lies. */
export function changedInputs(olds: Properties, news: Properties): string[] {
  const [before, after] = [declaredIn(olds), pickInputs(news)];
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names.filter((name) => {
    if (name === "files") return !sameFiles(before[name], after[name]);
    return hasUnknown(after[name]) || !isDeepStrictEqual(before[name], after[name]);
  });
}

/** True for what only another transfer could have. */
export function isSentAnew(changed: readonly string[]): boolean {
  return changed.some((name) => !ASIDE.has(name));
}

function hasDrifted(transfer: Transfer, state: TransferState): boolean {
  const isPasswordForeign = state.password !== undefined && state.passwordSetAt !== transfer.passwordSetAt;
  return isPasswordForeign || !isDeepStrictEqual(dropEmpty({ ...state, ...shown(transfer, state) }), dropEmpty(state));
}

/** What is declared to be over can't be sent anew. @throws CoffreError INVALID_INPUT */
function refuseOver(news: Properties, now: Date): void {
  const expiresAt = knownText(news, "expiresAt");
  if (expiresAt === undefined || !hasPassed(parseInstant("expiresAt", expiresAt), now)) return;
  throw new CoffreError("INVALID_INPUT", "The time of this transfer is over, and its declaration was changed", {
    hint: "To send it anew, give a later expiresAt. Otherwise take the change back, or remove the resource.",
    details: { field: "expiresAt" },
  });
}
