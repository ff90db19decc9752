import * as z from "zod";
import { LockselfBoolean, LockselfDate, LockselfInteger } from "./forms.js";

/** Characters that `description` and `opt1` to `opt3` may have: from the vendor's CSV import, the only source. */
export const LONGEST_NOTE = 200;

/** So many entries a page are asked for, and answered at most. */
export const LARGEST_PAGE = 10_000;

const Note = z.string().max(LONGEST_NOTE);

/** What `credentials.create` takes; `credentials.update` takes any of it, and leaves what isn't named as it is. */
export const CredentialBody = z.object({
  categoryId: LockselfInteger,
  name: z.string().min(1),
  password: z.string().min(1),
  username: z.string().optional(),
  domain: z.string().optional(),
  description: Note.optional(),
  opt1: Note.optional(),
  opt2: Note.optional(),
  opt3: Note.optional(),
  /** One text, with commas between; an array is taken too. */
  tags: z.union([z.string(), z.array(z.string()).transform((tags) => tags.join(","))]).optional(),
  isAlert: LockselfBoolean.optional(),
  totp: z.string().optional(),
});
export type CredentialBody = z.infer<typeof CredentialBody>;

/** One entry of `credentials.list`. Password, username, description, tags and options are never in it. */
export const CredentialItem = z.object({
  id: LockselfInteger,
  name: z.string(),
  domain: z.string().nullish(),
  userId: LockselfInteger.nullish(),
  categoryId: LockselfInteger.nullish(),
  creationDate: LockselfDate.optional(),
  modificationDate: LockselfDate.optional(),
  isOwner: LockselfBoolean.nullish(),
  view: LockselfInteger.nullish(),
});
export type CredentialItem = z.infer<typeof CredentialItem>;

const Text = z
  .string()
  .nullish()
  .transform((text) => text ?? "");

/** What `credentials.decrypt` answers, in clear. */
export const CredentialValue = z.object({
  id: LockselfInteger,
  name: z.string(),
  username: Text,
  password: z.string(),
  domain: Text,
  description: Text,
  opt1: Text,
  opt2: Text,
  opt3: Text,
  tags: z.union([Text, z.array(z.string()).transform((tags) => tags.join(","))]),
  totp: Text,
});
export type CredentialValue = z.infer<typeof CredentialValue>;

/** What `categories.create` takes; `categories.update` takes any of it. */
export const CategoryBody = z.object({
  name: z.string().min(1),
  /** `null`: a shared space, which stands below nothing. */
  parentId: LockselfInteger.nullable().optional(),
  expirationDate: LockselfDate.optional(),
  passwordPolicyId: LockselfInteger.nullable().optional(),
  allowPasswordCreation: LockselfBoolean.optional(),
});
export type CategoryBody = z.infer<typeof CategoryBody>;

/** One entry of `categories.list`, and what the other routes of a category answer. */
export const CategoryItem = z.object({
  id: LockselfInteger,
  name: z.string(),
  parentId: LockselfInteger.nullish().transform((id) => id ?? null),
  organizationId: LockselfInteger.nullish(),
});
export type CategoryItem = z.infer<typeof CategoryItem>;

/** What a create answers: the id, if the release at the other end says it. */
export const Created = z.object({ id: LockselfInteger.optional() });

/** One page of a list: `items` flat, or below `_embedded`; the numbers may be texts, or missing. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  const numbers = {
    page: LockselfInteger.nullish(),
    limit: LockselfInteger.nullish(),
    pages: LockselfInteger.nullish(),
    total: LockselfInteger.nullish(),
  };
  return z
    .object({ ...numbers, items: z.array(item).optional(), _embedded: z.object({ items: z.array(item) }).optional() })
    .transform(({ items, _embedded, page, pages, total }, context) => {
      const found = items ?? _embedded?.items;
      if (found) return { items: found, page: page ?? undefined, pages: pages ?? undefined, total: total ?? undefined };
      context.addIssue({ code: "custom", message: "has no items" });
      return z.NEVER;
    });
}

/** An error's body. Its text may quote what was sent, so it is shown to nobody. */
export const ErrorBody = z.object({ code: LockselfInteger, message: z.string() });
