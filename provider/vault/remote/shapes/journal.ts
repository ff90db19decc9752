import * as z from "zod";
import type {
  Attention,
  Draining,
  Journal,
  Lease,
  LeaseRequest,
  LoginBooking,
  LoginOutcome,
  Resolution,
  RotationStep,
  TargetProgress,
} from "../../port.js";
import { complete, Id, Instant, SecretText } from "./common.js";

const Version = z.int().min(0);
/** A day: no rotation takes so long, and a lease that nobody releases blocks as long as it lasts. */
const LONGEST_LEASE_SECONDS = 86_400;

const DrainingShape = complete<Draining>()(
  z.object({
    account: z.string(),
    username: z.string(),
    version: Version,
    until: Instant,
    started: z.literal(true).exactOptional(),
  }) satisfies z.ZodType<Draining>,
);

export const LeaseShape = complete<Lease>()(
  z.object({
    credentialId: Id,
    holder: z.string(),
    fencing: Version,
    expiresAt: Instant,
  }) satisfies z.ZodType<Lease>,
);

export const LeaseRequestShape = complete<LeaseRequest>()(
  z.strictObject({
    holder: z.string().min(1).max(500),
    ttlSeconds: z.number().positive().max(LONGEST_LEASE_SECONDS),
    takeOver: Version.exactOptional(),
  }) satisfies z.ZodType<LeaseRequest>,
);

const Progress = complete<TargetProgress>()(
  z.object({
    account: z.string(),
    setStarted: z.boolean(),
    setTries: z.int(),
    setConfirmed: z.boolean(),
    pendingRefused: z.literal(true).exactOptional(),
    initialRefused: z.literal(true).exactOptional(),
    verified: z.boolean(),
  }) satisfies z.ZodType<TargetProgress>,
);

const AttentionFacts = z.object({
  reason: z.string(),
  message: z.string(),
  version: Version.exactOptional(),
  account: z.string().exactOptional(),
});
const AttentionShape: z.ZodType<Attention> = AttentionFacts.extend({
  since: Instant,
  get earlier() {
    return AttentionShape.exactOptional();
  },
});

export const JournalShape = complete<Journal>()(
  z.object({
    fencing: Version,
    lease: LeaseShape.exactOptional(),
    quietUntil: Instant.exactOptional(),
    draws: z.int(),
    pending: z
      .object({ version: Version, targets: z.array(Progress), left: z.array(Progress).exactOptional() })
      .exactOptional(),
    draining: z.array(DrainingShape).exactOptional(),
    attention: AttentionShape.exactOptional(),
  }) satisfies z.ZodType<Journal>,
);

export const BookingShape = complete<LoginBooking>()(
  z.strictObject({
    id: z.string().min(1).max(200),
    account: z.string(),
    host: z.string(),
    kind: z.enum(["proof", "probe"]),
    sparing: z.literal(true).exactOptional(),
  }) satisfies z.ZodType<LoginBooking>,
);

export const OutcomeShape = z.enum([
  "succeeded",
  "refused",
  "unanswered",
  "not-made",
]) satisfies z.ZodType<LoginOutcome>;

const Account = z.string();
const Causes = z.array(z.string());
const Accounts = z.array(Account);

export const StepShape = z.discriminatedUnion("step", [
  z.strictObject({
    step: z.literal("stage"),
    value: SecretText,
    causes: Causes,
    accounts: Accounts,
    username: z.string().exactOptional(),
  }),
  z.strictObject({ step: z.literal("set-started"), version: Version, account: Account }),
  z.strictObject({ step: z.literal("set-confirmed"), version: Version, account: Account }),
  z.strictObject({ step: z.literal("pending-refused"), version: Version, account: Account }),
  z.strictObject({ step: z.literal("account-made"), account: Account }),
  z.strictObject({ step: z.literal("pinned"), account: Account, pin: z.string() }),
  z.strictObject({ step: z.literal("initial-refused"), version: Version, account: Account }),
  z.strictObject({ step: z.literal("verified"), version: Version, account: Account }),
  z.strictObject({
    step: z.literal("promote"),
    version: Version,
    verified: z.boolean(),
    drain: z
      .array(z.strictObject({ account: Account, username: z.string(), version: Version, seconds: z.number().min(0) }))
      .exactOptional(),
  }),
  z.strictObject({
    step: z.literal("retarget"),
    version: Version,
    accounts: Accounts,
    causes: Causes,
    username: z.string().exactOptional(),
  }),
  z.strictObject({ step: z.literal("proven"), version: Version }),
  z.strictObject({ step: z.literal("discard"), version: Version, reason: z.string() }),
  z.strictObject({ step: z.literal("attention"), attention: AttentionFacts }),
  z.strictObject({ step: z.literal("clear-attention") }),
  z.strictObject({ step: z.literal("book-login"), booking: BookingShape }),
  z.strictObject({ step: z.literal("settle-login"), bookingId: z.string(), outcome: OutcomeShape }),
  z.strictObject({ step: z.literal("acknowledge") }),
  z.strictObject({ step: z.literal("drain-started"), account: Account }),
  z.strictObject({ step: z.literal("drained"), account: Account }),
  z.strictObject({ step: z.literal("release") }),
]) satisfies z.ZodType<RotationStep>;

export const ResolutionShape = z.discriminatedUnion("decision", [
  z.strictObject({ decision: z.literal("retry") }),
  z.strictObject({ decision: z.literal("accept"), version: Version, verified: z.boolean() }),
  z.strictObject({ decision: z.literal("accept-rollback") }),
]) satisfies z.ZodType<Resolution>;
