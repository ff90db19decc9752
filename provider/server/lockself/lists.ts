import * as z from "zod";
import { LockselfInteger } from "../../vault/lockself/forms.js";
import { LARGEST_PAGE } from "../../vault/lockself/messages.js";
import { parseSent } from "./bodies.js";

/**
 * How lists are written. `sample`: as the vendor's one documented sample, `items` flat and its numbers as texts.
 * `plain`: the same with numbers. `embedded`: `_embedded.items` and numbers, as the logs have it everywhere.
 */
export const LIST_STYLES = ["sample", "plain", "embedded"] as const;
export type ListStyle = (typeof LIST_STYLES)[number];

/** Entries of a page for which no `limit` is given. The vendor's own default is unknown. */
const DEFAULT_LIMIT = 50;

const PageQuery = z.object({
  page: LockselfInteger.pipe(z.int().min(1)).optional(),
  limit: LockselfInteger.pipe(z.int().min(1)).optional(),
});

/**
 * One page of a list, by `page` (from 1) and `limit` (50 unless given, 10,000 at most) of the query.
 * @throws CoffreError INVALID_INPUT for a page or a limit that is no number above 0
 */
export function pageOfList<T>(
  style: ListStyle,
  query: unknown,
  all: readonly T[],
  itemOf: (one: T) => unknown,
): Record<string, unknown> {
  const { page = 1, limit: asked = DEFAULT_LIMIT } = parseSent(PageQuery, query);
  const limit = Math.min(asked, LARGEST_PAGE);
  const items = all.slice((page - 1) * limit, page * limit).map(itemOf);
  const numbers = { page, limit, pages: Math.max(1, Math.ceil(all.length / limit)), total: all.length };
  if (style === "embedded") return { ...numbers, _embedded: { items } };
  if (style === "plain") return { ...numbers, items };
  return { ...Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, String(value)])), items };
}
