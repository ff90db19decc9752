// For the few answers that short commands wait for: zod, which checks all that isn't looked at here, takes longer to load
// than they take to come.

/** An object, not a list. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A text of any length. */
export function isText(value: unknown): value is string {
  return typeof value === "string";
}

/** A finite number. */
export function isNumber(value: unknown): value is number {
  return Number.isFinite(value);
}

/** True or false. */
export function isFlag(value: unknown): value is boolean {
  return typeof value === "boolean";
}

/** A list whose items all are what `isItem` says. */
export function isListOf<T>(value: unknown, isItem: (item: unknown) => item is T): value is T[] {
  return Array.isArray(value) && value.every(isItem);
}

/** One of these words. */
export function isOneOf<const Word extends string>(value: unknown, words: readonly Word[]): value is Word {
  return (words as readonly unknown[]).includes(value);
}
