import { isDeepStrictEqual } from "node:util";
import { type ExchangeEntry, type ExchangeValue, pathText } from "./entry.js";

/**
 * Where two entries differ: texts, and every version of every field. Nothing of a value is in the answer.
 * @param versions `all`: each earlier one must be there too; `current`: only what is in force
 * @returns names of texts and fields, each once, with what is wrong
 */
export function compareEntries(
  left: ExchangeEntry,
  right: ExchangeEntry,
  versions: "all" | "current" = "all",
): string[] {
  const found: string[] = [];
  if (pathText(left.path) !== pathText(right.path)) found.push("place");
  for (const text of ["username", "url", "description"] as const)
    if ((left[text] ?? "") !== (right[text] ?? "")) found.push(text);
  if (!isDeepStrictEqual([...left.tags].sort(), [...right.tags].sort())) found.push("tags");
  const names = new Set([...left.values, ...right.values].map(({ field }) => field));
  for (const name of names) {
    const [one, other] = [valueOf(left, name), valueOf(right, name)];
    if (versions === "all" ? !isSame(one, other) : !isSameNow(one, other)) found.push(name);
  }
  return found;
}

function valueOf({ values }: ExchangeEntry, name: string): ExchangeValue | undefined {
  return values.find(({ field }) => field === name);
}

function isSame(left: ExchangeValue | undefined, right: ExchangeValue | undefined): boolean {
  if (!left || !right) return left === right;
  return left.isCurrent === right.isCurrent && isDeepStrictEqual(left.versions.map(shape), right.versions.map(shape));
}

function isSameNow(left: ExchangeValue | undefined, right: ExchangeValue | undefined): boolean {
  const now = (value: ExchangeValue | undefined) => (value?.isCurrent === true ? value.versions.at(-1) : undefined);
  const [one, other] = [now(left), now(right)];
  return one === undefined || other === undefined ? one === other : isDeepStrictEqual(shape(one), shape(other));
}

function shape({ type, value }: ExchangeValue["versions"][number]): [string, string] {
  return [type, value.reveal()];
}
