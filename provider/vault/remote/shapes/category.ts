import * as z from "zod";
import { PasswordPolicy } from "../../../core/policy.js";
import type { Category, CategoryInput, CategoryPatch } from "../../port.js";
import { complete, CategoryId, Id, Instant, OwnerShape } from "./common.js";

export const CategoryInputShape = complete<CategoryInput>()(
  z.strictObject({
    name: z.string(),
    parentId: CategoryId,
    description: z.string().exactOptional(),
    policy: PasswordPolicy.exactOptional(),
    inheritGrants: z.boolean().exactOptional(),
    readOnly: z.boolean().exactOptional(),
    expiresAt: Instant.exactOptional(),
    owner: OwnerShape.exactOptional(),
  }) satisfies z.ZodType<CategoryInput>,
);

export const CategoryPatchShape = complete<CategoryPatch>()(
  z.strictObject({
    token: z.string().exactOptional(),
    name: z.string().exactOptional(),
    parentId: CategoryId.exactOptional(),
    description: z.string().nullable().exactOptional(),
    policy: PasswordPolicy.nullable().exactOptional(),
    inheritGrants: z.boolean().exactOptional(),
    readOnly: z.boolean().exactOptional(),
    expiresAt: Instant.nullable().exactOptional(),
    owner: OwnerShape.exactOptional(),
  }) satisfies z.ZodType<CategoryPatch>,
);

export const CategoryShape = complete<Category>()(
  z.object({
    id: Id,
    name: z.string(),
    parentId: CategoryId,
    path: z.array(z.string()),
    description: z.string().exactOptional(),
    policy: PasswordPolicy.exactOptional(),
    policies: z.array(z.object({ policy: PasswordPolicy, from: z.string() })),
    inheritGrants: z.boolean(),
    readOnly: z.literal(true).exactOptional(),
    expiresAt: Instant.exactOptional(),
    owned: z.boolean(),
  }) satisfies z.ZodType<Category>,
);
