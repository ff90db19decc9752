import { CoffreError } from "../../core/errors.js";
import { hasPassed, parseInstant } from "../../core/instant.js";
import { BOX_PAGES, checkPublicUrl } from "../../core/public-url.js";
import type { DropBox, VaultIdentity } from "../../vault/port.js";
import type { ResourceContext } from "../context.js";
import { readUnlessGone } from "../presence.js";
import { ensureRootCategory } from "../root-category.js";
import { dropEmpty, type Properties } from "../values.js";
import { formatStamp } from "../vault-stamp.js";
import type { DropBoxInputs, DropBoxState } from "./schema.js";

/** Where a declared box stands. */
export async function categoryOf(context: ResourceContext, inputs: DropBoxInputs): Promise<string | null> {
  return inputs.categoryId ?? (await ensureRootCategory(context));
}

/** Names from the root down, with `/` between them. */
export function pathOf({ path }: Pick<DropBox, "path">): string {
  return path.join("/");
}

/**
 * What the vault says of a box besides its inputs. The page's address stays where neither the program nor who answers now knows
 * one. @param state with the `publicUrl` that is declared now
 */
export function outputsOf(box: DropBox, { publicUrl, url: before }: DropBoxState): Record<string, unknown> {
  const { url = before, depositCount, status } = box;
  const page = publicUrl === undefined ? url : checkPublicUrl("publicUrl", publicUrl) + BOX_PAGES + box.id;
  return { path: pathOf(box), url: page, depositCount, status };
}

/** A box's state after the vault was written. */
export async function stateAfter(
  { vault }: ResourceContext,
  inputs: DropBoxInputs,
  box: DropBox,
  { token, before }: { token: string; before: DropBoxState | undefined },
): Promise<Record<string, unknown>> {
  const vaultStamp = formatStamp(await vault.identity());
  const url = before?.publicUrl === undefined ? before?.url : undefined; // else made of what isn't declared any more
  const outputs = outputsOf(box, { publicUrl: inputs.publicUrl, url });
  return dropEmpty({ ...inputs, ...outputs, ownerToken: token, vaultStamp });
}

/**
 * The box of a state, also one whose declared time in the list is over; `undefined` once it is deleted, or was archived
 * by somebody else. @throws CoffreError ROLLED_BACK if it may only be lost
 */
export async function readKnown(
  context: ResourceContext,
  id: string,
  { vaultStamp, path, archivesAt }: DropBoxState,
  identity: VaultIdentity,
): Promise<DropBox | undefined> {
  const { vault, rotation } = context;
  const box = await readUnlessGone(context, () => vault.boxes.readBox(id), { identity, vaultStamp, what: path ?? id });
  const isOver = archivesAt !== undefined && hasPassed(archivesAt, rotation.clock.now());
  const looked = vaultStamp === undefined;
  return box?.status !== "archived" || isOver || looked ? box : undefined;
}

/** The same, where it must be there. @throws CoffreError NOT_FOUND that says what to do */
export async function readLive(
  context: ResourceContext,
  id: string,
  state: DropBoxState,
  identity: VaultIdentity,
): Promise<DropBox> {
  const box = await readKnown(context, id, state, identity);
  if (box) return box;
  throw new CoffreError("NOT_FOUND", `${state.path ?? id} (${id}) was archived or deleted, not by this stack`, {
    hint: "Run `pulumi refresh`; the next up makes a new box, and tells its people of it.",
    details: { id },
  });
}

/** Times of what is new lie ahead. @throws CoffreError INVALID_INPUT */
export function refusePast(inputs: { expiresAt?: unknown; archivesAt?: unknown }, now: Date): void {
  for (const field of ["expiresAt", "archivesAt"] as const) {
    const text = inputs[field];
    if (typeof text !== "string") continue;
    const instant = parseInstant(field, text);
    if (!hasPassed(instant, now)) continue;
    throw new CoffreError("INVALID_INPUT", `${field} has passed already: ${instant}`, {
      hint: "Give a later time, or remove the resource.",
      details: { field },
    });
  }
}

/** Times of a box that exists may have passed: who changes them is told what comes of it. */
export function tellPast(
  context: ResourceContext,
  name: unknown,
  { olds, times }: { olds: Properties; times: Properties },
): void {
  const now = context.rotation.clock.now();
  for (const [field, does] of [
    ["expiresAt", "closes"],
    ["archivesAt", "archives"],
  ] as const) {
    const text = times[field];
    if (typeof text !== "string" || text === olds[field] || !hasPassed(parseInstant(field, text), now)) continue;
    context.notify(`${field} has passed: this ${does} the box "${String(name)}"`);
  }
}

/** A name that somebody else has. */
export function taken(there: DropBox): CoffreError {
  return new CoffreError("CONFLICT", `There is a drop-box "${pathOf(there)}" that this resource didn't make`, {
    hint:
      "If this resource was renamed or moved in the program, give it `aliases`. " +
      `To take over the box that is there, set \`adopt: "${there.id}"\`; to archive it in the same step, ` +
      '`onNameConflict: "replace"`. Otherwise choose another name.',
    details: { id: there.id },
  });
}

/** What is archived takes no deposits any more, and isn't taken over. @throws CoffreError CONFLICT */
export function refuseArchived(box: DropBox): void {
  if (box.status !== "archived") return;
  throw new CoffreError("CONFLICT", `The drop-box "${pathOf(box)}" is archived, and can't be adopted`, {
    hint: "Remove `adopt` for a new one; `coffre box list` shows those that are open.",
    details: { id: box.id },
  });
}

/** `adopt: true` where no box has the name. */
export function nothingToAdopt(name: string): CoffreError {
  return new CoffreError("NOT_FOUND", `There is no drop-box "${name}" to adopt here`, {
    hint: "Remove `adopt` for a new one; `coffre box list` shows what there is.",
  });
}
