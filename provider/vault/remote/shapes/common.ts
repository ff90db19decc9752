import * as z from "zod";
import { Secret } from "../../../core/secret.js";
import type { Owner, OwnerProof } from "../../port.js";

/** A value as it travels: text in the body, a `Secret` as soon as it is parsed. */
export const SecretText = z.string().transform((text) => new Secret(text));

export const Id = z.string().min(1).max(200);
export const Path = z.array(z.string()).max(200);
export const CategoryId = Id.nullable();
/** ISO 8601, UTC. */
export const Instant = z.string();

/** Of a stack; the vault keeps keyed digests of it. */
export const OwnerShape = z.strictObject({
  key: z.string(),
  stack: z.string(),
  token: z.string(),
}) satisfies z.ZodType<Owner>;

export const ProofShape = z.strictObject({ token: z.string().exactOptional() }) satisfies z.ZodType<OwnerProof>;
