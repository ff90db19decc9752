import * as z from "zod";
import { dropEmpty, type Properties } from "../values.js";

const text = z.string();
const texts = z.array(text);
const yesOrNo = z.boolean({ error: "must be true or false" });

/** What a stack author declares of a drop-box, as it reaches the handlers. What a field may hold is said by the vault's own rules. */
export const DropBoxInputs = z.strictObject({
  name: text,
  categoryId: text.min(1).optional(),
  recipients: texts,
  managers: texts.optional(),
  description: text.optional(),
  expiresAt: text.optional(),
  archivesAt: text.optional(),
  partitioned: yesOrNo.optional(),
  depositNotice: yesOrNo.optional(),
  downloadNotice: yesOrNo.optional(),
  enabled: yesOrNo.optional(),
  maxFileBytes: z.number().optional(),
  maxBytes: z.number().optional(),
  fileTypes: texts.min(1, { error: "must name a type; left out, it means any" }).optional(),
  keepDays: z.number().optional(),
  phones: texts.optional(),
  publicUrl: text.optional(),
  onNameConflict: z.enum(["fail", "replace"]).optional(),
  adopt: z.union([z.literal(true), text.min(1)], { error: "must be true, or the id of a drop-box" }).optional(),
  onDelete: z.enum(["delete", "archive", "keep"]).optional(),
  ownerKey: text.min(1),
});
export type DropBoxInputs = z.infer<typeof DropBoxInputs>;

/** What the provider adds to the inputs in a drop-box's state. */
const DropBoxOutputs = z.object({
  path: text.optional(),
  url: text.optional(),
  depositCount: z.number().optional(),
  status: text.optional(),
  ownerToken: text.optional(),
  vaultStamp: text.optional(),
});

/** A drop-box's state as the engine keeps it. */
export type DropBoxState = Partial<DropBoxInputs> & z.infer<typeof DropBoxOutputs>;

const INPUT_KEYS = Object.keys(DropBoxInputs.shape);

/** The inputs among a resource's properties. */
export function pickInputs(properties: Properties): Record<string, unknown> {
  return dropEmpty(Object.fromEntries(INPUT_KEYS.map((key) => [key, properties[key]])));
}

/** Reads a state, also one of another front that lacks an output. */
export function parseState(properties: Properties): DropBoxState {
  const outputs = DropBoxOutputs.safeParse(dropEmpty(properties));
  // The inputs in a state passed `check` when they were written.
  return { ...(pickInputs(properties) as Partial<DropBoxInputs>), ...(outputs.data ?? {}) };
}
