import * as z from "zod";

/** What a stack author declares of a membership, as it reaches the handlers. */
export const GroupMembershipInputs = z.strictObject({
  groupId: z.string().min(1),
  memberId: z.string().min(1),
  adopt: z.union([z.literal(true), z.string().min(1)], { error: "must be true, or the id of a membership" }).optional(),
  ownerKey: z.string().min(1),
});
export type GroupMembershipInputs = z.infer<typeof GroupMembershipInputs>;
