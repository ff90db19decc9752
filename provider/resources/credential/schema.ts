import * as z from "zod";
import { isTimeZone, TIME_OF_DAY, WEEKDAYS } from "../../core/window.js";
import { type Properties, dropEmpty } from "../values.js";
import { PasswordSource, SecretFields, TextFields } from "./source.js";

/** A target as a program declares it; its own fields are its driver's to parse. */
const DeclaredTarget = z.looseObject({ kind: z.string().min(1) });

const TimeOfDay = z.string().regex(TIME_OF_DAY, { error: 'must be a time of day, "00:00" to "23:59"' });

/** When due rotations may begin; one that never opens is refused. */
const Window = z
  .strictObject({
    between: z.tuple([TimeOfDay, TimeOfDay]),
    timeZone: z.string().refine(isTimeZone, { error: 'must be an IANA time zone, for example "Europe/Paris"' }),
    days: z.array(z.enum(WEEKDAYS)).min(1, { error: "must name a day; left out, it means every day" }).optional(),
  })
  .refine(({ between: [start, end] }) => start !== end, {
    path: ["between"],
    error: "must be two different times: a window that ends as it begins never opens",
  });

/** Of one kind or the other, which `parseHooks` tells in plainer words than a union would. */
const Hook = z.strictObject({
  url: z.string().optional(),
  secretRef: z.string().optional(),
  command: z.array(z.string()).optional(),
});

/** What a stack author declares, as it reaches the handlers: every value known, absent ones left out. */
export const CredentialInputs = z.strictObject({
  name: z.string(),
  categoryId: z.string().min(1).optional(),
  username: z.string().min(1).optional(),
  url: z.string().min(1).optional(),
  description: z.string().min(1).optional(),
  tags: z.array(z.string().min(1)).optional(),
  targets: z.array(DeclaredTarget).optional(),
  rotation: z
    .strictObject({
      everyDays: z.int().min(1).max(3650),
      when: z.enum(["scheduled", "up"]).optional(),
      window: Window.optional(),
    })
    .optional(),
  rotateWhenChanged: z.record(z.string(), z.string()).optional(),
  notify: z.array(Hook).optional(),
  adopt: z.union([z.literal(true), z.string().min(1)], { error: "must be true, or the id of an entry" }).optional(),
  onDelete: z.enum(["archive", "delete"]).optional(),
  source: PasswordSource.optional(),
  /** `external` is an earlier word for the source `typed`. */
  valueManagedBy: z.enum(["coffre", "external"]).optional(),
  fields: TextFields.optional(),
  secretFields: SecretFields.optional(),
  ownerKey: z.string().min(1),
});
export type CredentialInputs = z.infer<typeof CredentialInputs>;

/** What the provider adds to the inputs in a credential's state. */
export const CredentialOutputs = z.object({
  ref: z.string().optional(),
  currentVersion: z.number().optional(),
  status: z.enum(["done", "unfinished", "awaiting-value"]).optional(),
  ownerToken: z.string().optional(),
  vaultStamp: z.string().optional(),
});
export type CredentialOutputs = z.infer<typeof CredentialOutputs>;

/** A credential's state as the engine keeps it: the inputs that were reached, and the outputs. */
export type CredentialState = Partial<CredentialInputs> & CredentialOutputs;

/**
 * `done`: the current version works everywhere. `unfinished`: the next `up` goes on, or a person must decide.
 * `awaiting-value`: nobody has given a value yet.
 */
export type CredentialProgress = NonNullable<CredentialOutputs["status"]>;

const INPUT_KEYS = Object.keys(CredentialInputs.shape);

/** The inputs among a resource's properties. */
export function pickInputs(properties: Properties): Record<string, unknown> {
  return dropEmpty(Object.fromEntries(INPUT_KEYS.map((key) => [key, properties[key]])));
}

/** Reads a state, also one of an earlier release, or of another front, that lacks an output. */
export function parseState(properties: Properties): CredentialState {
  const outputs = CredentialOutputs.safeParse(dropEmpty(properties));
  // The inputs in a state passed `check` when they were written.
  return { ...(pickInputs(properties) as Partial<CredentialInputs>), ...(outputs.data ?? {}) };
}
