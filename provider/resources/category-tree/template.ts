import { CoffreError } from "../../core/errors.js";
import { hasPassed, parseInstant } from "../../core/instant.js";
import { checkPolicy, mergePolicies, type PasswordPolicy } from "../../core/policy.js";
import type { TreeCategory, VaultTree } from "../../vault/port.js";
import { UNKNOWN } from "../values.js";
import { checked, refuseDoubles } from "./copies.js";
import type { TreeGrant, TreeTemplate } from "./schema.js";

/** More than this is no template but a list that somebody forgot to end, or a tree that grows by its own copies. */
const MOST_NODES = 1_000;
const DEEPEST = 50;

/** One category of a template; the first is the top, and each comes after the one that it stands in. */
export interface TemplateNode {
  /** Keys from below the top down, with `/` between them: what it is known by in every copy. Empty for the top. */
  part: string;
  /** Names from below the top down, with `/` between them, for people. */
  path: string;
  /** Empty for the top, which has the copy's. */
  name: string;
  /** Index of the node in which it stands; -1 for the top. */
  parent: number;
  description?: string;
  policy?: PasswordPolicy;
  inheritGrants: boolean;
  readOnly: boolean;
  /** ISO 8601, UTC. */
  expiresAt?: string;
  /** Those in force. */
  grants: TreeGrant[];
}

type LiteralNode = TreeTemplate & { name?: string; key?: string | undefined };

/**
 * A template that a program writes out, as a list. Grants whose time has passed are in no copy.
 * @throws CoffreError INVALID_INPUT for names, two of one name, two grants for one principal, a time, or too much; POLICY
 */
export function nodesOfLiteral(template: TreeTemplate, now: Date): TemplateNode[] {
  const nodes: TemplateNode[] = [];
  const visit = (node: LiteralNode, parent: number, depth: number): void => {
    const above = nodes[parent];
    const where = above ? `template, ${above.path || "its top"}` : "template";
    const name = above ? checked(node.name ?? "", `${where}: a node's name`) : "";
    const key = above ? (node.key === undefined ? name : checked(node.key, `${where}: a node's key`)) : "";
    const { description, passwordPolicy: policy, inheritGrants = true, readOnly = false, expiresAt } = node;
    const { grants = [], nodes: children = [] } = node;
    const path = joined(above?.path, name);
    refuseTooMuch(nodes.length, depth);
    const index =
      nodes.push({
        part: joined(above?.part, key),
        path,
        name,
        parent,
        inheritGrants,
        readOnly,
        grants: grantsInForce(grants, `template, ${path || "its top"}`, now),
        ...(expiresAt === undefined ? {} : { expiresAt: knownInstant(expiresAt) }),
        ...(description === undefined ? {} : { description }),
        ...(policy === undefined ? {} : { policy }),
      }) - 1;
    const here = `the nodes in ${path || "the template's top"}`;
    refuseDoubles(
      children.map((child) => child.name.normalize("NFC")),
      "name",
      here,
    );
    refuseDoubles(
      children.map((child) => (child.key ?? child.name).normalize("NFC")),
      "key",
      here,
    );
    for (const child of children) visit(child, index, depth + 1);
  };
  visit(template, -1, 0);
  return nodes;
}

/**
 * A category that exists, with all below it and the grants on them, as a template: no credential, no value.
 * @param tree what `readTree` answers for it. @throws CoffreError INVALID_INPUT if it is too much
 */
export function nodesOfCategory(topId: string, tree: VaultTree, now: Date): TemplateNode[] {
  const children = Map.groupBy(tree.categories, ({ parentId }) => parentId);
  const grantsOn = Map.groupBy(tree.grants, ({ categoryId }) => categoryId);
  const top = tree.categories.find(({ id }) => id === topId);
  const nodes: TemplateNode[] = [];
  const visit = ({ id, name, ...row }: TreeCategory, parent: number, depth: number): void => {
    const above = nodes[parent];
    const shown = above ? name : "";
    const path = joined(above?.path, shown);
    refuseTooMuch(nodes.length, depth);
    const own = (grantsOn.get(id) ?? []).filter(({ expiresAt }) => !hasPassed(expiresAt, now));
    const index =
      nodes.push({
        part: path,
        path,
        name: shown,
        parent,
        inheritGrants: row.inheritGrants,
        readOnly: row.readOnly === true,
        grants: own.map(({ principalId, role, expiresAt }) => ({
          principalId,
          role,
          ...(expiresAt === undefined ? {} : { expiresAt }),
        })),
        ...(row.expiresAt === undefined ? {} : { expiresAt: row.expiresAt }),
        ...(row.description === undefined ? {} : { description: row.description }),
        ...(row.policy === undefined ? {} : { policy: row.policy }),
      }) - 1;
    const below = (children.get(id) ?? []).toSorted((left, right) => (left.name < right.name ? -1 : 1));
    for (const child of below) visit(child, index, depth + 1);
  };
  if (top) visit(top, -1, 0);
  return nodes;
}

/** Rules that no password meets, here or with those above the copies. @throws CoffreError POLICY that names both */
export function refuseImpossible(
  nodes: readonly TemplateNode[],
  copyName: string,
  above: Parameters<typeof mergePolicies>[0] = [],
): void {
  const chains: Parameters<typeof mergePolicies>[0][] = [];
  for (const { policy, parent, name } of nodes) {
    const inherited = chains[parent] ?? above;
    const chain = policy === undefined ? inherited : [...inherited, { policy, from: name || copyName }];
    if (policy !== undefined) checkPolicy(mergePolicies(chain));
    chains.push(chain);
  }
}

/** Grants whose time hasn't passed, times in UTC. @throws CoffreError INVALID_INPUT */
function grantsInForce(grants: readonly TreeGrant[], where: string, now: Date): TreeGrant[] {
  refuseDoubles(
    grants.map(({ principalId }) => principalId),
    "principal",
    `the grants of ${where}`,
  );
  return grants.flatMap((grant) => {
    const { expiresAt } = grant;
    if (expiresAt === undefined || expiresAt === UNKNOWN) return [grant];
    const instant = knownInstant(expiresAt);
    return hasPassed(instant, now) ? [] : [{ ...grant, expiresAt: instant }];
  });
}

/** A time as the vault keeps it; one that isn't known yet as it is. @throws CoffreError INVALID_INPUT */
function knownInstant(text: string): string {
  return text === UNKNOWN ? text : parseInstant("expiresAt", text);
}

function refuseTooMuch(count: number, depth: number): void {
  if (count < MOST_NODES && depth <= DEEPEST) return;
  const much = count >= MOST_NODES ? `more than ${MOST_NODES} categories` : `categories more than ${DEEPEST} deep`;
  throw new CoffreError("INVALID_INPUT", `The template has ${much}`, {
    hint: "A template that contains what is copied from it grows with every `up`; else split it into several.",
  });
}

function joined(above: string | undefined, name: string): string {
  return above === undefined || above === "" ? name : `${above}/${name}`;
}
