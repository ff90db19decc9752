import * as z from "zod";

/** What a stack author declares of a user, as it reaches the handlers. */
export const UserInputs = z.strictObject({
  name: z.string(),
  displayName: z.string().min(1).optional(),
  email: z.email({ error: "is no email address" }).optional(),
  expiresAt: z.string().optional(),
  adopt: z.union([z.literal(true), z.string().min(1)], { error: "must be true, or the id of a user" }).optional(),
  ownerKey: z.string().min(1),
});
export type UserInputs = z.infer<typeof UserInputs>;
