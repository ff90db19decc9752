/** What Pulumi sends in place of a value that a preview doesn't know yet, at any depth (`pulumi.runtime.unknownValue`). */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** The properties of a resource as the engine sends them: JSON with {@link UNKNOWN} in it. */
export type Properties = Readonly<Record<string, unknown>>;

/** True if the value, or anything in it, isn't known yet. */
export function hasUnknown(value: unknown): boolean {
  if (value === UNKNOWN) return true;
  if (Array.isArray(value)) return value.some(hasUnknown);
  return isRecord(value) && Object.values(value).some(hasUnknown);
}

/** True if the value at this path, or one on the way to it, isn't known yet. */
export function isUnknownAt(value: unknown, path: readonly PropertyKey[]): boolean {
  if (value === UNKNOWN) return true;
  const [key, ...rest] = path;
  if (key === undefined || typeof value !== "object" || value === null) return false;
  // Arrays and objects are both read by their keys here.
  return isUnknownAt((value as Record<PropertyKey, unknown>)[key], rest);
}

/** A copy without keys that hold nothing: the engine refuses `undefined`, and sends `null` for what a program left out. */
export function dropEmpty(properties: Properties): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(properties)
      .filter(([, value]) => value !== undefined && value !== null)
      .map(([key, value]) => [key, dropEmptyInside(value)]),
  );
}

function dropEmptyInside(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((item) => item !== undefined && item !== null).map(dropEmptyInside);
  return isRecord(value) ? dropEmpty(value) : value;
}

function isRecord(value: unknown): value is Properties {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
