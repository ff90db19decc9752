import * as z from "zod";
import { describeFieldNameProblem, LARGEST_BYTES } from "../../core/field.js";

/** What a change of reads the value again. */
const Revision = z.string({ error: "is missing: any text, and a change of it reads the value again" }).min(1).max(200);
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** A file or a variable that the plugin reads, once for each revision. */
const FileSource = z.strictObject({ file: z.string().min(1), revision: Revision });
const EnvSource = z.strictObject({
  env: z.string().regex(VARIABLE, { error: "isn't the name of a variable" }),
  revision: Revision,
});

/** The newest file of this name that was deposited in the drop-box of this id. */
const DepositSource = z.strictObject({ dropBox: z.string().min(1), file: z.string().min(1) });
export type DepositSource = z.infer<typeof DepositSource>;

const READ_FORMS = "{ file, revision }, { env, revision } or { dropBox, file }";

/** Where the plugin reads a value. */
export const ReadSource = z.union([FileSource, EnvSource, DepositSource], {
  error: `must be "typed", ${READ_FORMS}`,
});
export type ReadSource = z.infer<typeof ReadSource>;

/** Where a field's value comes from: people type it, or the plugin reads it. */
export const FieldSource = z.union([z.literal("typed"), ReadSource], { error: `must be "typed", ${READ_FORMS}` });
export type FieldSource = z.infer<typeof FieldSource>;

/** Where a password comes from. */
export const PasswordSource = z.union([z.literal("generated"), z.literal("typed"), ReadSource], {
  error: `must be "generated", "typed", ${READ_FORMS}`,
});
export type PasswordSource = z.infer<typeof PasswordSource>;

/** A field with a value that the program doesn't know. */
export const SecretField = z.strictObject({
  type: z.enum(["secret", "totp", "file"], { error: "must be secret, totp or file" }).optional(),
  source: FieldSource,
});
export type SecretField = z.infer<typeof SecretField>;

/** Names of fields, by the rules of the vault. */
function checkNames(fields: Readonly<Record<string, unknown>>, context: z.RefinementCtx): void {
  for (const name of Object.keys(fields)) {
    const problem = describeFieldNameProblem(name);
    if (problem !== undefined) context.addIssue({ code: "custom", path: [name], message: `its name ${problem}` });
  }
}

const Text = z
  .string()
  .min(1, { error: "is empty: leave it out" })
  .refine((text) => Buffer.byteLength(text) <= LARGEST_BYTES.text, {
    error: `is larger than ${LARGEST_BYTES.text} bytes`,
  })
  .refine((text) => !text.includes("\0") && text.isWellFormed(), { error: "isn't text" });

export const TextFields = z.record(z.string(), Text).superRefine(checkNames);
export const SecretFields = z.record(z.string(), SecretField).superRefine(checkNames);

/** The type of a declared field; `secret` unless it says otherwise. */
export function typeOf({ type }: SecretField): "secret" | "totp" | "file" {
  return type ?? "secret";
}

/** True for what was deposited in a drop-box: the one source that changes by itself. */
export function isDeposit(source: FieldSource | "generated" | undefined): source is DepositSource {
  return typeof source === "object" && "dropBox" in source;
}

/** `file ca.pem`, `variable MAIL_TOKEN`: for messages. */
export function sourceText(source: ReadSource): string {
  if ("dropBox" in source) return `file ${source.file} of the drop-box ${source.dropBox}`;
  return "file" in source ? `file ${source.file}` : `variable ${source.env}`;
}
