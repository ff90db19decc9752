import * as z from "zod";
import type {
  CategoryNotice,
  Held,
  PlacedCategoryInput,
  PlacedCategoryPatch,
  PlacedGrantInput,
  TreeCategory,
  TreeChange,
  TreeQuery,
  VaultTree,
} from "../../port.js";
import { CategoryInputShape, CategoryPatchShape, CategoryShape } from "./category.js";
import { CategoryId, complete, Id, Instant, ProofShape } from "./common.js";
import { GrantInputShape, GrantPatchShape, GrantShape } from "./people.js";

const PlaceShape = z.union([CategoryId, z.strictObject({ made: z.int().min(0) })]);

const NoticeShape = complete<CategoryNotice>()(
  z.strictObject({ id: Id, hook: z.string(), at: Instant }) satisfies z.ZodType<CategoryNotice>,
);

const HeldShape = complete<Held>()(
  z.object({ credentials: z.int().min(0), boxes: z.int().min(0) }) satisfies z.ZodType<Held>,
);

const PlacedCategoryShape = complete<PlacedCategoryInput>()(
  CategoryInputShape.extend({ parentId: PlaceShape }) satisfies z.ZodType<PlacedCategoryInput>,
);

const PlacedPatchShape = complete<PlacedCategoryPatch>()(
  CategoryPatchShape.extend({ parentId: PlaceShape.exactOptional() }) satisfies z.ZodType<PlacedCategoryPatch>,
);

const PlacedGrantShape = complete<PlacedGrantInput>()(
  GrantInputShape.extend({ categoryId: PlaceShape }) satisfies z.ZodType<PlacedGrantInput>,
);

const adopt = z.boolean().exactOptional();

export const TreeQueryShape = z.union([
  z.strictObject({ ownerKey: z.string() }),
  z.strictObject({ ownerToken: z.string().min(1) }),
  z.strictObject({ below: CategoryId, held: z.literal(true).exactOptional() }),
]) satisfies z.ZodType<TreeQuery>;

export const TreeChangeShape = z.discriminatedUnion("change", [
  z.strictObject({
    change: z.literal("create-category"),
    input: PlacedCategoryShape,
    adopt,
    notices: z.array(NoticeShape).readonly().exactOptional(),
  }),
  z.strictObject({ change: z.literal("update-category"), id: Id, patch: PlacedPatchShape }),
  z.strictObject({ change: z.literal("delete-category"), id: Id, proof: ProofShape }),
  z.strictObject({ change: z.literal("create-grant"), input: PlacedGrantShape, adopt }),
  z.strictObject({
    change: z.literal("update-grant"),
    id: Id,
    patch: GrantPatchShape.omit({ categoryId: true, principalId: true }),
  }),
  z.strictObject({ change: z.literal("delete-grant"), id: Id, proof: ProofShape }),
  z.strictObject({ change: z.literal("settle-notices"), id: Id, delivered: z.array(Id).readonly() }),
]) satisfies z.ZodType<TreeChange>;

const TreeCategoryShape = complete<TreeCategory>()(
  CategoryShape.omit({ path: true, policies: true }).extend({
    part: z.string().exactOptional(),
    notices: z.array(NoticeShape).exactOptional(),
    held: HeldShape.exactOptional(),
    hidden: z.int().min(1).exactOptional(),
    closed: z.literal(true).exactOptional(),
  }) satisfies z.ZodType<TreeCategory>,
);

export const TreeShape = complete<VaultTree>()(
  z.object({
    categories: z.array(TreeCategoryShape),
    grants: z.array(GrantShape),
  }) satisfies z.ZodType<VaultTree>,
);
