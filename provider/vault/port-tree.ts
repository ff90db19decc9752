import type { Category, CategoryInput, CategoryPatch, OwnerProof } from "./port.js";
import type { Grant, GrantInput, GrantPatch } from "./port-people.js";

/** A category by its id, the root (`null`), or the one that an earlier change of the same call made, by that one's index. */
export type Place = string | null | { made: number };

/** News of a category that somebody hasn't confirmed yet: booked in the write that made the category. */
export interface CategoryNotice {
  /** `msg_…`; the same in each try. */
  id: string;
  /** Of whom: `hookName` of core. */
  hook: string;
  /** When the category was made, ISO 8601, UTC. */
  at: string;
}

/** A category among many: its path and the policies above it follow from the others. */
export interface TreeCategory extends Omit<Category, "path" | "policies"> {
  /** Which of its resource's entries it is: `Owner.part`. */
  part?: string;
  /** What nobody has confirmed yet; missing if there is nothing. */
  notices?: CategoryNotice[];
  /** If the question has `held`; missing if there is nothing. */
  held?: Held;
  /** How many categories stand directly in it that whoever asks may not see; missing if none. Of a vault behind a server. */
  hidden?: number;
  /** True if whoever asks sees it by its mark only, and may change nothing of it but that. Of a vault behind a server. */
  closed?: true;
}

/** What stands directly in a category, other categories aside, whoever made it. */
export interface Held {
  /** Live ones. */
  credentials: number;
  /** Drop-boxes and transfers that aren't archived. */
  boxes: number;
}

/** Categories with the grants on them. */
export interface VaultTree {
  categories: TreeCategory[];
  grants: Grant[];
}

/**
 * `ownerKey`: what carries the mark of this key, the categories and the grants, wherever they are. `ownerToken`: what carries
 * this token, under whichever mark; it costs a look at everything. `below`: a category (`null` for the root) with all that is
 * below it, and whose-ever grants are there; with `held` also how much else stands in each.
 */
export type TreeQuery = { ownerKey: string } | { ownerToken: string } | { below: string | null; held?: true };

/** A category to be made, somewhere below what an earlier change made, perhaps. */
export type PlacedCategoryInput = Omit<CategoryInput, "parentId"> & { parentId: Place };
export type PlacedCategoryPatch = Omit<CategoryPatch, "parentId"> & { parentId?: Place };
export type PlacedGrantInput = Omit<GrantInput, "categoryId"> & { categoryId: Place };

/** One change of many. The rules are those of the method of its name. */
export type TreeChange =
  /** `adopt`: a live sibling of the name is brought to this instead of a CONFLICT, and then books no notices. */
  | { change: "create-category"; input: PlacedCategoryInput; adopt?: boolean; notices?: readonly CategoryNotice[] }
  | { change: "update-category"; id: string; patch: PlacedCategoryPatch }
  | { change: "delete-category"; id: string; proof: OwnerProof }
  /** `adopt`: the grant that the principal has there is brought to this instead of a CONFLICT. */
  | { change: "create-grant"; input: PlacedGrantInput; adopt?: boolean }
  | { change: "update-grant"; id: string; patch: Pick<GrantPatch, "token" | "role" | "expiresAt" | "owner"> }
  | { change: "delete-grant"; id: string; proof: OwnerProof }
  /** Forgets notices of a category; those that it hasn't are a success. */
  | { change: "settle-notices"; id: string; delivered: readonly string[] };
