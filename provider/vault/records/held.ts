import type { Held } from "../port.js";

/** @see ReadRows.held @param of what stands in one of them */
export function heldBy(categoryIds: readonly string[], of: (categoryId: string) => Held): Map<string, Held> {
  const all = categoryIds.map((id): [string, Held] => [id, of(id)]);
  return new Map(all.filter(([, { credentials, boxes }]) => credentials + boxes > 0));
}
