import { CoffreError, isCoffreError } from "../../core/errors.js";
import { hookName } from "../../core/hook.js";
import { parseHooks } from "../../rotation/notify/prepare.js";
import type { Category, TreeCategory, Vault, VaultTree } from "../../vault/port.js";
import type { ResourceContext } from "../context.js";
import { copiesOf } from "./copies.js";
import { planTree, type TreePlan, type Wanted } from "./plan.js";
import { type Made, readMade } from "./made.js";
import type { CategoryTreeInputs, CategoryTreeState } from "./schema.js";
import { nodesOfCategory, nodesOfLiteral, refuseImpossible, type TemplateNode } from "./template.js";
import { namesText } from "./words.js";

/** Above this the tree is better split into several. */
const MOST_CATEGORIES = 100_000;

/** What is to be, what is there, and what has to be done. */
export interface Look {
  wanted: Wanted;
  made: Made;
  plan: TreePlan;
  /** Names with `/` between them; empty for the root. */
  parentPath: string;
}

export interface LookQuestion {
  /** The category in which the copies stand: `undefined` while the branch of `coffre:rootCategory` isn't made yet. */
  parentId: string | null | undefined;
  /** What an `up` before this one left. */
  state?: CategoryTreeState;
  token: string;
  /** What the resource made, where that was read a moment ago. */
  made?: Made;
}

/**
 * Asks the vault for the template, the place and what the resource made, and plans. Changes nothing.
 * @throws CoffreError NOT_FOUND for a parent, template or principal; INVALID_INPUT for a cycle; CONFLICT for categories that
 * trade names; FORBIDDEN for what whoever asks may not see, or change; POLICY, NOT_SUPPORTED, READ_ONLY
 */
export async function lookAtTree(
  context: ResourceContext,
  inputs: CategoryTreeInputs,
  { parentId, state, token, made: known }: LookQuestion,
): Promise<Look> {
  const { vault, stack } = context;
  const { ownerKey, adopt, notify = [] } = inputs;
  const copies = copiesOf(inputs);
  const parent = typeof parentId === "string" ? await vault.readCategory(parentId) : undefined;
  const made = known ?? (await readMade(vault, ownerKey, state));
  const nodes = await readNodes(context, inputs, made, parent);
  refuseUnsupported(vault, nodes);
  refuseTooMany(copies.length * nodes.length);
  refuseImpossible(nodes, copies[0]?.name ?? "", parent?.policies ?? []);
  const names = await principalNames(vault, nodes, made);
  const wanted: Wanted = {
    parentId: parentId ?? null,
    copies,
    nodes,
    adopt: adopt === true,
    hooks: parseHooks(notify).map(hookName),
    now: context.rotation.clock.now().toISOString(),
    owner: { key: ownerKey, stack, token },
    nameOf: (id) => names.get(id) ?? id,
  };
  const path = parentId === undefined ? context.rootCategory : (parent?.path ?? []);
  const plan = planTree(wanted, made);
  refuseClosed(plan, made);
  return { wanted, made, plan, parentPath: path.join("/") };
}

/** The template as a list, read if it is a category. */
async function readNodes(
  { vault, rotation }: ResourceContext,
  { template, templateId, names, name }: CategoryTreeInputs,
  made: VaultTree,
  parent: Category | undefined,
): Promise<TemplateNode[]> {
  const now = rotation.clock.now();
  if (template !== undefined) return nodesOfLiteral(template, now);
  const id = templateId ?? "";
  const tree = await readTemplate(vault, id);
  const top = tree.categories.find((row) => row.id === id);
  refuseUnseen(id, tree);
  refuseCycle(tree, { top, made, parent, names: copiesOf({ name, names }).map((copy) => copy.name) });
  return nodesOfCategory(id, tree, now);
}

/** @throws CoffreError NOT_FOUND for one that was deleted */
async function readTemplate(vault: Vault, id: string): Promise<VaultTree> {
  try {
    return await vault.readTree({ below: id });
  } catch (error) {
    if (!isCoffreError(error, "NOT_FOUND")) throw error;
    throw new CoffreError("NOT_FOUND", `The template ${id} isn't there`, {
      hint: "Its copies stay as they are. Name another category by `templateId`, or write out what it was as `template`.",
      cause: error,
    });
  }
}

/** A copy of half a template would take the other half away from those that are there. @throws CoffreError FORBIDDEN */
function refuseUnseen(id: string, { categories }: VaultTree): void {
  const top = categories.find((row) => row.id === id);
  const partly = categories.find(({ hidden }) => hidden !== undefined);
  if (top && !partly) return;
  const what = partly ? `Something in ${partly.name} (${partly.id}), in the template` : `The template ${id}`;
  throw new CoffreError("FORBIDDEN", `${what}, is out of sight for whoever runs this`, {
    hint: "Give them a role on it: each category with `inheritGrants: false` needs a grant of its own.",
  });
}

/** What would be refused in the end, said before anything is changed. @throws CoffreError FORBIDDEN */
function refuseClosed({ copies }: TreePlan, { earlier }: Made): void {
  const toChange = copies.flatMap(({ copy, closed: paths }) =>
    paths.map((path) => (path === "" ? copy.name : `${copy.name}/${path}`)),
  );
  // Another mark is a change of it, too.
  const toMark = earlier.categories.filter((row) => row.closed === true).map(({ name, id }) => `${name} (${id})`);
  const closed = [...new Set([...toChange, ...toMark])];
  if (closed.length === 0) return;
  throw new CoffreError("FORBIDDEN", `Whoever runs this may not manage ${namesText(closed)}, which would change`, {
    hint:
      "Nothing was changed. Where grants aren't inherited, let the template give them the role manager, and bring that in " +
      "once by a token that may: an administrator's, or a manager's of those categories.",
  });
}

interface CycleFacts {
  top: TreeCategory | undefined;
  made: VaultTree;
  parent: Category | undefined;
  names: readonly string[];
}

/** A template that holds its own copies would grow with every `up`. @throws CoffreError INVALID_INPUT */
function refuseCycle({ categories }: VaultTree, { top, made, parent, names }: CycleFacts): void {
  const ids = new Set(categories.map(({ id }) => id));
  const what = `The template ${top?.name ?? ""} (${top?.id ?? ""})`;
  const hint = "Let the copies stand elsewhere, or choose another template.";
  if (parent && ids.has(parent.id)) {
    throw new CoffreError(
      "INVALID_INPUT",
      `${what} would hold its own copies, which are to stand in ${parent.path.join("/")}`,
      {
        hint,
      },
    );
  }
  const own = made.categories.find(({ id }) => ids.has(id));
  if (own)
    throw new CoffreError("INVALID_INPUT", `${what} is, or holds, a copy of itself: ${own.name} (${own.id})`, { hint });
  if (top && top.parentId === (parent?.id ?? null) && names.includes(top.name)) {
    throw new CoffreError("INVALID_INPUT", `${what} is at the place of one of its own copies`, { hint });
  }
}

function refuseUnsupported({ capabilities }: Vault, nodes: readonly TemplateNode[]): void {
  if (capabilities.readOnly === true) {
    throw new CoffreError("READ_ONLY", "This vault is only read: no categories can be made in it");
  }
  if (capabilities.grants !== "none") return;
  const unsupported = (["grants", "readOnly", "expiresAt"] as const).find((name) =>
    nodes.some((node) => (name === "grants" ? node.grants.length > 0 : node[name])),
  );
  if (unsupported === undefined) return;
  throw new CoffreError("NOT_SUPPORTED", `This vault has no grants, and the template has ${unsupported}`, {
    hint: `Leave \`${unsupported}\` out of the template.`,
  });
}

function refuseTooMany(count: number): void {
  if (count <= MOST_CATEGORIES) return;
  throw new CoffreError("INVALID_INPUT", `The tree would have ${count} categories, more than ${MOST_CATEGORIES}`, {
    hint: "Split it into several resources.",
  });
}

/** Who is named by grants, wanted or there. @throws CoffreError NOT_FOUND for one that the template names */
async function principalNames(vault: Vault, nodes: readonly TemplateNode[], made: Made): Promise<Map<string, string>> {
  const wanted = new Set(nodes.flatMap(({ grants }) => grants.map(({ principalId }) => principalId)));
  const all = new Set([...wanted, ...made.grants.map(({ principalId }) => principalId)]);
  const named = await Promise.all(
    [...all].map(async (id): Promise<[string, string]> => {
      try {
        return [id, (await vault.people.readPrincipal(id)).name];
      } catch (error) {
        if (wanted.has(id) || !isCoffreError(error, "NOT_FOUND")) throw error;
        return [id, id]; // its grants go with it in a moment
      }
    }),
  );
  return new Map(named);
}
