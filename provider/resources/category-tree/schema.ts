import { createHash } from "node:crypto";
import * as z from "zod";
import { PasswordPolicy } from "../../core/policy.js";
import { GRANT_ROLES } from "../../vault/port.js";
import { dropEmpty, type Properties } from "../values.js";
import { HOLDS_ITSELF } from "./holds-itself.js";

const TreeGrant = z.strictObject({
  principalId: z.string().min(1),
  role: z.enum(GRANT_ROLES, { error: `must be one of ${GRANT_ROLES.join(", ")}` }),
  expiresAt: z.string().optional(),
});
export type TreeGrant = z.infer<typeof TreeGrant>;

/** What every category of a template may have. */
const content = {
  description: z.string().optional(),
  passwordPolicy: PasswordPolicy.optional(),
  inheritGrants: z.boolean({ error: "must be true or false" }).optional(),
  readOnly: z.boolean({ error: "must be true or false" }).optional(),
  expiresAt: z.string().optional(),
  grants: z.array(TreeGrant).optional(),
};

/** A category in a template, with those in it. */
export interface TreeNode extends z.infer<z.ZodObject<typeof content>> {
  name: string;
  key?: string | undefined;
  nodes?: TreeNode[] | undefined;
}
const TreeNode: z.ZodType<TreeNode> = z.lazy(() =>
  z.strictObject({ ...content, name: z.string(), key: z.string().optional(), nodes: z.array(TreeNode).optional() }),
);

/** The categories of a copy: its own top, which has each copy's name, and those below. */
export const TreeTemplate = z.strictObject(
  { ...content, nodes: z.array(TreeNode).optional() },
  {
    error: ({ input }) =>
      input === HOLDS_ITSELF
        ? "holds itself: a node can't be among the nodes below it. Write out how deep it is"
        : undefined,
  },
);
export type TreeTemplate = z.infer<typeof TreeTemplate>;

const Data = z.record(z.string(), z.json(), { error: "must be an object of texts, numbers, lists and objects" });

const TreeCopy = z.strictObject({ name: z.string(), key: z.string().optional(), data: Data.optional() });

/** Of one kind or the other, which `parseHooks` tells in plainer words than a union would. */
const Hook = z.strictObject({
  url: z.string().optional(),
  secretRef: z.string().optional(),
  command: z.array(z.string()).optional(),
});

/** What a stack author declares, as it reaches the handlers: every value known, absent ones left out. */
export const CategoryTreeInputs = z.strictObject({
  name: z.string().optional(),
  data: Data.optional(),
  names: z.array(z.union([z.string(), TreeCopy], { error: "must be a name, or { name, key, data }" })).optional(),
  parentId: z.string().min(1).optional(),
  template: TreeTemplate.optional(),
  templateId: z.string().min(1).optional(),
  notify: z.array(Hook).optional(),
  adopt: z.literal(true, { error: "must be true: it is for all that has the name of a copy's category" }).optional(),
  onDelete: z.enum(["delete", "keep"]).optional(),
  ownerKey: z.string().min(1),
});
export type CategoryTreeInputs = z.infer<typeof CategoryTreeInputs>;

/** What the provider adds to the inputs in a tree's state: nothing that grows with its copies. */
export const CategoryTreeOutputs = z.object({
  /** Of the category in which the copies stand: names with `/` between them, empty for the root. */
  parentPath: z.string().optional(),
  /** Of `template`, which stands in the state once, among the inputs: the engine writes all of a state after each step. */
  templateDigest: z.string().optional(),
  ownerToken: z.string().optional(),
  vaultStamp: z.string().optional(),
});

/** A tree's state as the engine keeps it. */
export type CategoryTreeState = Partial<CategoryTreeInputs> & z.infer<typeof CategoryTreeOutputs>;

const INPUT_KEYS = Object.keys(CategoryTreeInputs.shape);

/** The inputs among a resource's properties. */
export function pickInputs(properties: Properties): Record<string, unknown> {
  return dropEmpty(Object.fromEntries(INPUT_KEYS.map((key) => [key, properties[key]])));
}

/**
 * A template without what it says by saying nothing: it stands in the state of each resource, all of which the engine writes
 * anew after each step. What isn't known yet stays.
 */
export function shortened(template: unknown): unknown {
  if (Array.isArray(template)) return template.map(shortened);
  if (typeof template !== "object" || template === null) return template;
  const { inheritGrants, readOnly, grants, nodes, key, ...said }: Properties = template as Properties;
  return {
    ...said,
    ...(inheritGrants === undefined || inheritGrants === true ? {} : { inheritGrants }),
    ...(readOnly === undefined || readOnly === false ? {} : { readOnly }),
    ...(grants === undefined || isEmpty(grants) ? {} : { grants }),
    ...(nodes === undefined || isEmpty(nodes) ? {} : { nodes: shortened(nodes) }),
    ...(key === undefined || key === said["name"] ? {} : { key }),
  };
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

/** The same for templates that say the same: an output in the place of one. */
export function digestOf(template: unknown): string {
  return createHash("sha256")
    .update(JSON.stringify(sorted(shortened(template))))
    .digest("base64url")
    .slice(0, 22);
}

/** A program may write an object's fields in another order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]): [string, unknown] => [key, sorted(inner)]);
  return Object.fromEntries(entries.toSorted(([left], [right]) => (left < right ? -1 : 1)));
}

/** Reads a state, also one of another front, that lacks an output. */
export function parseState(properties: Properties): CategoryTreeState {
  const outputs = CategoryTreeOutputs.safeParse(dropEmpty(properties));
  // The inputs in a state passed `check` when they were written.
  return { ...(pickInputs(properties) as Partial<CategoryTreeInputs>), ...(outputs.data ?? {}) };
}
