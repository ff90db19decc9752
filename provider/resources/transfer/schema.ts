import * as z from "zod";
import { LONGEST_TRANSFER_DAYS } from "../../core/transfer.js";
import { dropEmpty, type Properties } from "../values.js";

const text = z.string();
const texts = z.array(text);

/** A file that is declared; `check` adds what it is. */
export const DeclaredFile = z.strictObject({
  /** Relative to the folder of Pulumi.yaml. */
  path: z
    .string({ error: "must be a path or a file asset: what a text or remote asset holds would stand in the state" })
    .min(1, { error: "must not be empty" }),
  name: text.min(1).optional(),
  /** Bytes. */
  size: z.number().optional(),
  /** Hex. */
  sha256: text.optional(),
});
export type DeclaredFile = z.infer<typeof DeclaredFile>;

/** What a stack author declares of a transfer, as it reaches the handlers. What a field may hold is said by the vault's own rules. */
export const TransferInputs = z.strictObject({
  files: z.array(DeclaredFile).min(1, { error: "names no file" }),
  from: text,
  to: texts.optional(),
  message: text.optional(),
  expiresAt: text.optional(),
  expiresAfterDays: z
    .int({ error: "isn't a whole number" })
    .min(1, { error: "is less than 1" })
    .max(LONGEST_TRANSFER_DAYS, { error: `is more than ${LONGEST_TRANSFER_DAYS}` })
    .optional(),
  maxDownloads: z.number().optional(),
  password: text.optional(),
  generatePassword: z.boolean({ error: "must be true or false" }).optional(),
  endToEnd: z.boolean({ error: "must be true or false" }).optional(),
  categoryId: text.min(1).optional(),
  publicUrl: text.optional(),
  ownerKey: text.min(1),
});
export type TransferInputs = z.infer<typeof TransferInputs>;

/** What the provider adds to the inputs in a transfer's state. The address and the password are secrets of Pulumi's there. */
const TransferOutputs = z.object({
  url: text.optional(),
  status: text.optional(),
  downloadCount: z.number().optional(),
  /** Since when the vault has the password of this state. */
  passwordSetAt: text.optional(),
  ownerToken: text.optional(),
  vaultStamp: text.optional(),
});

/** A transfer's state as the engine keeps it: `password` and `expiresAt` also where they were made and not declared. */
export type TransferState = Partial<TransferInputs> & z.infer<typeof TransferOutputs>;

const INPUT_KEYS = Object.keys(TransferInputs.shape);

/** The inputs among a resource's properties. */
export function pickInputs(properties: Properties): Record<string, unknown> {
  return dropEmpty(Object.fromEntries(INPUT_KEYS.map((key) => [key, properties[key]])));
}

/** The inputs that a state was made of, without what was drawn or counted for it. */
export function declaredIn(state: Properties): Record<string, unknown> {
  const inputs = pickInputs(state);
  if (inputs["generatePassword"] === true) delete inputs["password"];
  if (inputs["expiresAfterDays"] !== undefined) delete inputs["expiresAt"];
  return inputs;
}

/** Reads a state, also one of another front that lacks an output. */
export function parseState(properties: Properties): TransferState {
  const outputs = TransferOutputs.safeParse(dropEmpty(properties));
  // The inputs in a state passed `check` when they were written.
  return { ...(pickInputs(properties) as Partial<TransferInputs>), ...(outputs.data ?? {}) };
}
