import * as z from "zod";
import { FIELD_TYPES } from "../../../core/field.js";
import type {
  EventFilter,
  FoundValue,
  ValueAnswer,
  ValueQuery,
  ValueRequest,
  VaultEvent,
  VaultIdentity,
} from "../../port.js";
import { ErrorShape } from "../error-shape.js";
import { complete, Id, Instant, Path, SecretText } from "./common.js";
import { Status } from "./credential.js";

export const IdentityShape = complete<VaultIdentity>()(
  z.object({
    id: Id,
    name: z.string(),
    restoreCounter: z.number(),
    head: z.number(),
    headProof: z.string(),
  }) satisfies z.ZodType<VaultIdentity>,
);

export const ValueRequestShape = complete<ValueRequest>()(
  z.strictObject({
    id: Id.exactOptional(),
    path: Path.exactOptional(),
    field: z.string().exactOptional(),
    version: z.union([z.enum(["current", "previous", "pending"]), z.int().min(1)]).exactOptional(),
  }) satisfies z.ZodType<ValueRequest>,
);

const Answer = complete<ValueAnswer>()(
  z.object({
    id: Id,
    path: z.array(z.string()),
    username: z.string().exactOptional(),
    field: z.string(),
    type: z.enum(FIELD_TYPES),
    version: z.number(),
    status: Status,
    value: SecretText,
  }) satisfies z.ZodType<ValueAnswer>,
);

/** One answer of many: one that can't be given is an error in its place. */
export const ValueAnswerShape = z.union([z.object({ answer: Answer }), z.object({ error: ErrorShape })]);

export const ValueQueryShape = complete<ValueQuery>()(
  z.strictObject({
    key: z.string().regex(/^[\w-]{43}$/),
    digests: z.string().regex(/^[\w-]*$/),
  }) satisfies z.ZodType<ValueQuery>,
);

export const FoundValueShape = complete<FoundValue>()(
  z.object({
    digest: z.string(),
    credentialId: Id,
    path: z.array(z.string()),
    field: z.string(),
    version: z.number(),
    state: z.enum(["pending", "current", "previous", "discarded"]),
    archived: z.literal(true).exactOptional(),
  }) satisfies z.ZodType<FoundValue>,
);

export const EventFilterShape = complete<EventFilter>()(
  z.strictObject({
    after: z.number().min(0).exactOptional(),
    credentialId: Id.exactOptional(),
    limit: z.int().min(0).exactOptional(),
  }) satisfies z.ZodType<EventFilter>,
);

export const EventShape = complete<VaultEvent>()(
  z.object({
    seq: z.number(),
    at: Instant,
    actor: z.string(),
    action: z.string(),
    ids: z.array(z.string()),
    version: z.number().exactOptional(),
    detail: z.string().exactOptional(),
  }) satisfies z.ZodType<VaultEvent>,
);
