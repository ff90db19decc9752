import { type BoxFacts, checkBoxFacts, plainAddresses } from "../../core/drop-box.js";
import { CoffreError } from "../../core/errors.js";
import { refuseUnknownTypes } from "../../core/file-types.js";
import { checkName } from "../../core/name.js";
import { checkPublicUrl } from "../../core/public-url.js";
import type { DropBox } from "../../vault/port.js";
import type { ResourceContext } from "../context.js";
import { type CheckResult, failureOf } from "../failures.js";
import { schemaFailures } from "../parse.js";
import { declarePair, knownText } from "../people/kind.js";
import { findRootCategory } from "../root-category.js";
import { hasUnknown, type Properties, UNKNOWN } from "../values.js";
import { nothingToAdopt, pathOf, refuseArchived, refusePast, taken, tellPast } from "./place.js";
import { DropBoxInputs, pickInputs } from "./schema.js";

/** What can be said of a declaration by itself; what isn't known yet is nobody's fault. */
export function checkBoxOffline(news: Properties): CheckResult {
  const inputs = pickInputs(news);
  const failures = schemaFailures(DropBoxInputs, news);
  if (failures.length > 0) return { inputs, failures };
  for (const work of [tidyName, tidyAddresses, refuseFacts, refusePublicUrl]) {
    try {
      work(inputs);
    } catch (error) {
      failures.push(failureOf(error));
    }
  }
  return { inputs, failures };
}

/** Finds in a preview what would be refused later; changes nothing. `olds` are empty for a resource to be created. */
export async function checkBox(context: ResourceContext, olds: Properties, news: Properties): Promise<CheckResult> {
  const { inputs, failures } = checkBoxOffline(news);
  if (failures.length > 0) return { inputs, failures };
  try {
    await context.overview.identity(); // no vault, no key, the wrong one: said before anything is planned
    if (!context.vault.capabilities.dropBoxes) throw noDropBoxes();
    const isNew = typeof olds["ownerKey"] !== "string" && inputs["adopt"] === undefined;
    const { data: fileTypes } = DropBoxInputs.shape.fileTypes.safeParse(inputs["fileTypes"]);
    if (fileTypes && !hasUnknown(fileTypes)) await refuseUnknownTypes(fileTypes);
    const times = knownTimes(inputs);
    if (isNew) refusePast(times, context.rotation.clock.now());
    else tellPast(context, inputs["name"], { olds, times });
    if (!hasUnknown(inputs)) await checkKnown(context, olds, DropBoxInputs.parse(inputs));
  } catch (error) {
    failures.push(failureOf(error));
  }
  return { inputs, failures };
}

async function checkKnown(context: ResourceContext, olds: Properties, inputs: DropBoxInputs): Promise<void> {
  const { name, ownerKey } = inputs;
  const categoryId = inputs.categoryId ?? (await findRootCategory(context));
  if (categoryId === undefined) return; // the branch of coffre:rootCategory is made by the first create
  declarePair(context, "drop-box", { ownerKey }, [categoryId ?? "root", name]);
  const exists = typeof olds["ownerKey"] === "string";
  if (exists && olds["name"] === name && olds["categoryId"] === inputs.categoryId) return;
  if (categoryId !== null) await context.vault.readCategory(categoryId); // NOT_FOUND, said now
  const adopt = exists ? undefined : inputs.adopt;
  if (typeof adopt === "string") return refuseArchived(await context.vault.boxes.readBox(adopt));
  const there = await findByName(context, categoryId, name);
  if (!there) {
    if (adopt === true) throw nothingToAdopt(name);
    return;
  }
  if (adopt === true || (await context.vault.boxes.findOwnedBox(ownerKey)) === there.id) return;
  if (exists || inputs.onNameConflict !== "replace") throw taken(there);
  const deposits = there.depositCount === 1 ? "1 deposit stays" : `${there.depositCount} deposits stay`;
  context.notify(`archives the box "${pathOf(there)}" (${there.id}) that has the name; its ${deposits} readable`);
}

async function findByName(
  { overview }: ResourceContext,
  categoryId: string | null,
  name: string,
): Promise<DropBox | undefined> {
  return [...(await overview.boxes()).values()].find((box) => box.categoryId === categoryId && box.name === name);
}

function tidyName(inputs: Record<string, unknown>): void {
  const name = knownText(inputs, "name");
  if (name !== undefined) inputs["name"] = checkName("drop-box", name);
}

/** As the vault keeps them, so that a state says what the vault says. */
function tidyAddresses(inputs: Record<string, unknown>): void {
  for (const field of ["recipients", "managers"] as const) {
    const given = DropBoxInputs.shape[field].safeParse(inputs[field]).data;
    if (given === undefined) continue;
    const known = given.filter((address) => address !== UNKNOWN);
    const plain = plainAddresses(field, known);
    if (known.length === given.length) inputs[field] = plain;
  }
}

function refuseFacts(inputs: Properties): void {
  const known = Object.entries(inputs).filter(([, value]) => !hasUnknown(value));
  // Each has the type that its schema gave it, and the rest is looked at by nobody.
  checkBoxFacts(Object.fromEntries(known) as BoxFacts);
}

function refusePublicUrl(inputs: Properties): void {
  const publicUrl = knownText(inputs, "publicUrl");
  if (publicUrl !== undefined) checkPublicUrl("publicUrl", publicUrl);
}

function knownTimes(inputs: Properties): { expiresAt: unknown; archivesAt: unknown } {
  return { expiresAt: knownText(inputs, "expiresAt"), archivesAt: knownText(inputs, "archivesAt") };
}

function noDropBoxes(): CoffreError {
  return new CoffreError("NOT_SUPPORTED", "This vault keeps no drop-boxes", {
    hint: "A vault in a file, or behind `coffre serve`, does: choose it by the resource's `provider`.",
  });
}
