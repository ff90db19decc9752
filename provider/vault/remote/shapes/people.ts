import * as z from "zod";
import {
  type Grant,
  GRANT_ROLES,
  type GrantInput,
  type GrantPatch,
  type Membership,
  type MembershipInput,
  type MembershipPatch,
  type Principal,
  type PrincipalInput,
  type PrincipalPatch,
} from "../../port.js";
import { complete, CategoryId, Id, Instant, OwnerShape } from "./common.js";

export const Kind = z.enum(["user", "group"]);
const owner = OwnerShape.exactOptional();
const token = z.string().exactOptional();

export const PrincipalInputShape = complete<PrincipalInput>()(
  z.strictObject({
    kind: Kind,
    name: z.string(),
    displayName: z.string().exactOptional(),
    email: z.string().exactOptional(),
    expiresAt: Instant.exactOptional(),
    owner,
  }) satisfies z.ZodType<PrincipalInput>,
);

export const PrincipalPatchShape = complete<PrincipalPatch>()(
  z.strictObject({
    token,
    name: z.string().exactOptional(),
    displayName: z.string().nullable().exactOptional(),
    email: z.string().nullable().exactOptional(),
    expiresAt: Instant.nullable().exactOptional(),
    owner,
  }) satisfies z.ZodType<PrincipalPatch>,
);

export const PrincipalShape = complete<Principal>()(
  z.object({
    id: Id,
    kind: Kind,
    name: z.string(),
    displayName: z.string().exactOptional(),
    email: z.string().exactOptional(),
    expiresAt: Instant.exactOptional(),
    owned: z.boolean(),
  }) satisfies z.ZodType<Principal>,
);

export const MembershipInputShape = complete<MembershipInput>()(
  z.strictObject({
    groupId: Id,
    memberId: Id,
    owner,
  }) satisfies z.ZodType<MembershipInput>,
);

export const MembershipPatchShape = complete<MembershipPatch>()(
  z.strictObject({
    token,
    groupId: Id.exactOptional(),
    memberId: Id.exactOptional(),
    owner,
  }) satisfies z.ZodType<MembershipPatch>,
);

export const MembershipShape = complete<Membership>()(
  z.object({
    id: Id,
    groupId: Id,
    memberId: Id,
    owned: z.boolean(),
  }) satisfies z.ZodType<Membership>,
);

const Role = z.enum(GRANT_ROLES);

export const GrantInputShape = complete<GrantInput>()(
  z.strictObject({
    categoryId: CategoryId,
    principalId: Id,
    role: Role,
    expiresAt: Instant.exactOptional(),
    owner,
  }) satisfies z.ZodType<GrantInput>,
);

export const GrantPatchShape = complete<GrantPatch>()(
  z.strictObject({
    token,
    categoryId: CategoryId.exactOptional(),
    principalId: Id.exactOptional(),
    role: Role.exactOptional(),
    expiresAt: Instant.nullable().exactOptional(),
    owner,
  }) satisfies z.ZodType<GrantPatch>,
);

export const GrantShape = complete<Grant>()(
  z.object({
    id: Id,
    categoryId: CategoryId,
    principalId: Id,
    role: Role,
    expiresAt: Instant.exactOptional(),
    owned: z.boolean(),
  }) satisfies z.ZodType<Grant>,
);
