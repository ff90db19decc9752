import * as z from "zod";
import { PasswordPolicy } from "../../core/policy.js";
import { type Properties, dropEmpty } from "../values.js";

/** What a stack author declares, as it reaches the handlers: every value known, absent ones left out. */
export const CategoryInputs = z.strictObject({
  name: z.string(),
  parentId: z.string().min(1).optional(),
  description: z.string().optional(),
  passwordPolicy: PasswordPolicy.optional(),
  inheritGrants: z.boolean({ error: "must be true or false" }).optional(),
  readOnly: z.boolean({ error: "must be true or false" }).optional(),
  expiresAt: z.string().optional(),
  adopt: z.union([z.literal(true), z.string().min(1)], { error: "must be true, or the id of a category" }).optional(),
  onDelete: z.enum(["delete", "keep"]).optional(),
  ownerKey: z.string().min(1),
});
export type CategoryInputs = z.infer<typeof CategoryInputs>;

/** What the provider adds to the inputs in a category's state. */
export const CategoryOutputs = z.object({
  path: z.string().optional(),
  ownerToken: z.string().optional(),
  vaultStamp: z.string().optional(),
});

/** A category's state as the engine keeps it. */
export type CategoryState = Partial<CategoryInputs> & z.infer<typeof CategoryOutputs>;

const INPUT_KEYS = Object.keys(CategoryInputs.shape);

/** The inputs among a resource's properties. */
export function pickInputs(properties: Properties): Record<string, unknown> {
  return dropEmpty(Object.fromEntries(INPUT_KEYS.map((key) => [key, properties[key]])));
}

/** Reads a state, also one of an earlier release, or of another front, that lacks an output. */
export function parseState(properties: Properties): CategoryState {
  const outputs = CategoryOutputs.safeParse(dropEmpty(properties));
  // The inputs in a state passed `check` when they were written.
  return { ...(pickInputs(properties) as Partial<CategoryInputs>), ...(outputs.data ?? {}) };
}
