import * as z from "zod";
import { GRANT_ROLES } from "../../vault/port.js";

/** What a stack author declares of a grant, as it reaches the handlers. */
export const GrantInputs = z.strictObject({
  categoryId: z.string().min(1).optional(),
  principalId: z.string().min(1),
  role: z.enum(GRANT_ROLES, { error: `must be one of ${GRANT_ROLES.join(", ")}` }),
  expiresAt: z.string().optional(),
  adopt: z.union([z.literal(true), z.string().min(1)], { error: "must be true, or the id of a grant" }).optional(),
  ownerKey: z.string().min(1),
});
export type GrantInputs = z.infer<typeof GrantInputs>;
