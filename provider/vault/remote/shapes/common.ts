import * as z from "zod";
import { Secret } from "../../../core/secret.js";
import type { Owner, OwnerProof } from "../../port.js";

/** A value as it travels: text in the body, a `Secret` as soon as it is parsed. */
export const SecretText = z.string().transform((text) => new Secret(text));

/**
 * The shape as it is, refused by the compiler if it lacks a key that the port's type has, also an optional one: what a shape
 * doesn't name would be lost on its way without a word.
 */
export function complete<Port>() {
  return <Shape extends z.ZodType>(
    shape: Exclude<keyof Port, keyof z.output<Shape>> extends never ? Shape : never,
  ): Shape => shape;
}

export const Id = z.string().min(1).max(200);
export const Path = z.array(z.string()).max(200);
export const CategoryId = Id.nullable();
/** ISO 8601, UTC. */
export const Instant = z.string();

/** Of a stack; the vault keeps keyed digests of it. */
export const OwnerShape = complete<Owner>()(
  z.strictObject({
    key: z.string(),
    stack: z.string(),
    token: z.string(),
    part: z.string().exactOptional(),
  }) satisfies z.ZodType<Owner>,
);

export const ProofShape = complete<OwnerProof>()(
  z.strictObject({ token: z.string().exactOptional() }) satisfies z.ZodType<OwnerProof>,
);
