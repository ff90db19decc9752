import { isDeepStrictEqual } from "node:util";

/**
 * A copy of `row` with the given fields of `patch`: `undefined` keeps what is there, and `null` clears, except where
 * `null` is a value of the row itself (the root as parent).
 */
export function patched<Row extends object, Patch extends object>(
  row: Row,
  patch: Patch,
  fields: readonly (keyof Row & keyof Patch & string)[],
): Row {
  const changed = new Map<string, unknown>(Object.entries(row));
  for (const field of fields) {
    const value: unknown = patch[field];
    if (value === undefined) continue;
    if (value === null && !PLACES.has(field)) changed.delete(field);
    else changed.set(field, value);
  }
  // The callers name only fields whose type in the patch is the row's, or `null` where the row's is optional.
  return Object.fromEntries(changed) as Row;
}

const PLACES: ReadonlySet<string> = new Set(["parentId", "categoryId"]);

/** The names of the fields in which two rows differ. */
export function changedFields(before: object, after: object): string[] {
  const left = new Map<string, unknown>(Object.entries(before));
  const right = new Map<string, unknown>(Object.entries(after));
  const names = new Set([...left.keys(), ...right.keys()]);
  return [...names].filter((name) => !isDeepStrictEqual(left.get(name), right.get(name)));
}
