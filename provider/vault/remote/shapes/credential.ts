import * as z from "zod";
import { FIELD_TYPES } from "../../../core/field.js";
import { WEEKDAYS } from "../../../core/window.js";
import type {
  Credential,
  CredentialInput,
  CredentialPatch,
  Field,
  FieldChange,
  Hook,
  LeavingTarget,
  Notice,
  NoticeOutcome,
  RotationPolicy,
  TargetRecord,
  VersionInfo,
} from "../../port.js";
import { STATUSES } from "../wire.js";
import { complete, CategoryId, Id, Instant, OwnerShape, SecretText } from "./common.js";
import { JournalShape } from "./journal.js";

const ManagedBy = z.enum(["coffre", "external"]);
const Type = z.enum(FIELD_TYPES);
const Version = z.int().min(0);

const TargetFacts = {
  kind: z.string(),
  account: z.string(),
  description: z.record(z.string(), z.unknown()),
  adminId: z.string().exactOptional(),
  accountMade: z.boolean(),
  pin: z.string().exactOptional(),
  logins: z
    .array(z.strictObject({ username: z.string(), account: z.string(), made: z.literal(true).exactOptional() }))
    .exactOptional(),
};
const Target = complete<TargetRecord>()(z.strictObject(TargetFacts) satisfies z.ZodType<TargetRecord>);
const Leaving = complete<LeavingTarget>()(
  z.object({ ...TargetFacts, username: z.string().exactOptional() }) satisfies z.ZodType<LeavingTarget>,
);

const Rotation = complete<RotationPolicy>()(
  z.object({
    everyDays: z.number().positive(),
    when: z.enum(["scheduled", "up"]),
    window: z
      .object({
        between: z.tuple([z.string(), z.string()]),
        timeZone: z.string(),
        days: z.array(z.enum(WEEKDAYS)).exactOptional(),
      })
      .exactOptional(),
  }) satisfies z.ZodType<RotationPolicy>,
);

const HookShape = z.union([
  z.strictObject({ url: z.string(), secretRef: z.string() }),
  z.strictObject({ command: z.array(z.string()) }),
]) satisfies z.ZodType<Hook>;

const NoticeShape = complete<Notice>()(
  z.object({
    id: z.string(),
    hook: z.string(),
    version: Version,
    at: Instant,
    tries: z.int(),
    triedAt: Instant.exactOptional(),
    problem: z.string().exactOptional(),
  }) satisfies z.ZodType<Notice>,
);

const NoticeOutcomeShape = z.union([
  z.strictObject({ id: z.string(), outcome: z.enum(["delivered", "forgotten"]) }),
  z.strictObject({ id: z.string(), outcome: z.literal("failed"), tries: z.int().min(0), problem: z.string() }),
]) satisfies z.ZodType<NoticeOutcome>;

const FieldChangeShape = z.discriminatedUnion("change", [
  z.strictObject({
    change: z.literal("put"),
    name: z.string(),
    type: Type,
    value: SecretText,
    cause: z.string(),
    expected: Version.exactOptional(),
  }),
  z.strictObject({ change: z.literal("declare"), name: z.string(), type: Type }),
  z.strictObject({ change: z.literal("remove"), name: z.string(), expected: Version.exactOptional() }),
]) satisfies z.ZodType<FieldChange>;

export const CredentialInputShape = complete<CredentialInput>()(
  z.strictObject({
    name: z.string(),
    categoryId: CategoryId,
    username: z.string().exactOptional(),
    url: z.string().exactOptional(),
    description: z.string().exactOptional(),
    tags: z.array(z.string()).exactOptional(),
    valueManagedBy: ManagedBy.exactOptional(),
    rotation: Rotation.exactOptional(),
    targets: z.array(Target).exactOptional(),
    notify: z.array(HookShape).exactOptional(),
    owner: OwnerShape.exactOptional(),
    initial: z.strictObject({ value: SecretText, causes: z.array(z.string()) }).exactOptional(),
    fields: z.array(FieldChangeShape).exactOptional(),
  }) satisfies z.ZodType<CredentialInput>,
);

export const CredentialPatchShape = complete<CredentialPatch>()(
  z.strictObject({
    token: z.string().exactOptional(),
    name: z.string().exactOptional(),
    categoryId: CategoryId.exactOptional(),
    username: z.string().nullable().exactOptional(),
    url: z.string().nullable().exactOptional(),
    description: z.string().nullable().exactOptional(),
    tags: z.array(z.string()).exactOptional(),
    valueManagedBy: ManagedBy.exactOptional(),
    rotation: Rotation.nullable().exactOptional(),
    targets: z.array(Target).exactOptional(),
    notify: z.array(HookShape).exactOptional(),
    notices: z.array(NoticeOutcomeShape).exactOptional(),
    ended: z.array(z.string()).exactOptional(),
    owner: OwnerShape.exactOptional(),
    fields: z.array(FieldChangeShape).exactOptional(),
    expected: z
      .strictObject({
        username: z.string().nullable().exactOptional(),
        url: z.string().nullable().exactOptional(),
        description: z.string().nullable().exactOptional(),
        tags: z.array(z.string()).exactOptional(),
      })
      .exactOptional(),
  }) satisfies z.ZodType<CredentialPatch>,
);

const FieldShape = complete<Field>()(
  z.object({
    name: z.string(),
    type: Type,
    text: z.string().exactOptional(),
    versions: z.array(
      z.object({
        number: Version,
        state: z.enum(["current", "previous"]),
        type: Type,
        cause: z.string(),
        createdAt: Instant,
      }),
    ),
    createdAt: Instant,
    removedAt: Instant.exactOptional(),
  }) satisfies z.ZodType<Field>,
);

const VersionShape = complete<VersionInfo>()(
  z.object({
    number: Version,
    state: z.enum(["pending", "current", "previous", "discarded"]),
    causes: z.array(z.string()),
    username: z.string().exactOptional(),
    createdAt: Instant,
    promotedAt: Instant.exactOptional(),
    verified: z.boolean(),
    discardReason: z.string().exactOptional(),
    valueRemovedAt: Instant.exactOptional(),
  }) satisfies z.ZodType<VersionInfo>,
);

export const Status = z.enum(STATUSES);

/** A credential without what only a question to the vault answers. */
export const CredentialShape = complete<Omit<Credential, "hasToken">>()(
  z.object({
    id: Id,
    name: z.string(),
    categoryId: CategoryId,
    path: z.array(z.string()),
    username: z.string().exactOptional(),
    url: z.string().exactOptional(),
    description: z.string().exactOptional(),
    tags: z.array(z.string()),
    valueManagedBy: ManagedBy,
    rotation: Rotation.exactOptional(),
    targets: z.array(Target),
    leaving: z.array(Leaving),
    notify: z.array(HookShape),
    notices: z.array(NoticeShape),
    fields: z.array(FieldShape),
    removedFields: z.array(FieldShape),
    owned: z.boolean(),
    versions: z.array(VersionShape),
    journal: JournalShape,
    status: Status,
    createdAt: Instant,
    archivedAt: Instant.exactOptional(),
    supersededBy: z.string().exactOptional(),
    resolution: z.string().exactOptional(),
    resolvedAt: Instant.exactOptional(),
  }) satisfies z.ZodType<Omit<Credential, "hasToken">>,
);
export type CredentialShape = z.infer<typeof CredentialShape>;
