import { CoffreError } from "../../core/errors.js";
import { parseHooks, prepareHooks } from "../../rotation/notify/prepare.js";
import type { ResourceContext } from "../context.js";
import { type CheckResult, failureOf } from "../failures.js";
import { parseInputs, schemaFailures } from "../parse.js";
import { declarePair } from "../people/kind.js";
import { findRootCategory } from "../root-category.js";
import { hasUnknown, type Properties } from "../values.js";
import { refuseConflicts } from "./conflicts.js";
import { copiesOf } from "./copies.js";
import { lookAtTree } from "./look.js";
import { CategoryTreeInputs, pickInputs, shortened, TreeTemplate } from "./schema.js";
import { reviewLook } from "./surplus.js";
import { nodesOfLiteral, refuseImpossible } from "./template.js";
import { changeLines } from "./words.js";

/** What can be said of a declaration by itself; what isn't known yet is nobody's fault. */
export function checkTreeOffline(
  context: Pick<ResourceContext, "rotation"> | undefined,
  news: Properties,
): CheckResult {
  const inputs = pickInputs(news);
  const failures = schemaFailures(CategoryTreeInputs, news);
  if (failures.length > 0) return { inputs, failures };
  const now = context?.rotation.clock.now() ?? new Date();
  for (const work of [refuseShape, refuseCopies, refuseTemplate, refuseHooks]) {
    try {
      work(inputs, now);
    } catch (error) {
      failures.push(failureOf(error));
    }
  }
  const { template } = inputs;
  return { inputs: template === undefined ? inputs : { ...inputs, template: shortened(template) }, failures };
}

/** Finds in a preview what would be refused later, and says how much a new tree makes; changes nothing. */
export async function checkTree(context: ResourceContext, olds: Properties, news: Properties): Promise<CheckResult> {
  const { inputs, failures } = checkTreeOffline(context, news);
  if (failures.length > 0) return { inputs, failures };
  try {
    await context.overview.identity(); // no vault, no key, the wrong one: said before anything is planned
    if (!hasUnknown(inputs)) await checkKnown(context, olds, parseInputs(CategoryTreeInputs, inputs));
  } catch (error) {
    failures.push(failureOf(error));
  }
  return { inputs, failures };
}

async function checkKnown(context: ResourceContext, olds: Properties, inputs: CategoryTreeInputs): Promise<void> {
  const { parentId = await findRootCategory(context), ownerKey } = inputs;
  for (const { name } of copiesOf(inputs)) {
    declarePair(context, "copy", { ownerKey }, [parentId ?? "root", name]);
  }
  if (inputs.notify !== undefined) await prepareHooks(context.vault, inputs.notify);
  if (typeof olds["ownerKey"] === "string") return; // the diff looks at it
  const look = await lookAtTree(context, inputs, { parentId, token: "" });
  await refuseConflicts(context, look, (await reviewLook(context, inputs, look)).removals);
  for (const line of changeLines(look.plan.copies.map(({ copy, words }) => ({ name: copy.name, words })))) {
    context.notify(line);
  }
}

function refuseShape({ template, templateId }: Properties): void {
  if ((template === undefined) !== (templateId === undefined)) return;
  throw new CoffreError(
    "INVALID_INPUT",
    template === undefined ? "There is no template" : "template and templateId are both given",
    { hint: "Give `template`, written out, or `templateId`, a category that is copied with all below it." },
  );
}

function refuseCopies({ name, names, data }: Properties): void {
  const known = CategoryTreeInputs.pick({ name: true, names: true, data: true }).safeParse({ name, names, data });
  if (known.success) copiesOf(known.data);
}

function refuseTemplate({ template }: Properties, now: Date): void {
  const known = TreeTemplate.safeParse(template);
  if (known.success) refuseImpossible(nodesOfLiteral(known.data, now), "at the template's top");
}

function refuseHooks({ notify }: Properties): void {
  if (notify !== undefined && !hasUnknown(notify)) parseHooks(CategoryTreeInputs.shape.notify.parse(notify) ?? []);
}
