import * as z from "zod";

/** What a stack author declares of a group, as it reaches the handlers. */
export const GroupInputs = z.strictObject({
  name: z.string(),
  displayName: z.string().min(1).optional(),
  adopt: z.union([z.literal(true), z.string().min(1)], { error: "must be true, or the id of a group" }).optional(),
  ownerKey: z.string().min(1),
});
export type GroupInputs = z.infer<typeof GroupInputs>;
