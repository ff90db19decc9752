import type { PasswordPolicy } from "../../core/policy.js";
import type { Grant, PlacedCategoryPatch, TreeCategory } from "../../vault/port.js";
import type { TreeGrant } from "./schema.js";

/** However many copies change in however many ways: so much of it is written out, the rest is counted. */
const MOST_LINES = 20;
const MOST_NAMES = 20;
const MOST_WORDS = 12;

/** What becomes of a category, each change a few words. */
export function categoryWords(row: TreeCategory, patch: PlacedCategoryPatch): string[] {
  const { name, parentId, description, policy, inheritGrants, readOnly, expiresAt } = patch;
  return [
    ...(name === undefined ? [] : [`renamed from ${row.name}`]),
    ...(parentId === undefined ? [] : ["moved to its place"]),
    ...(description === undefined ? [] : [description === null ? "no description" : "another description"]),
    ...(policy === undefined ? [] : policyWords(row.policy ?? {}, policy ?? {})),
    ...(inheritGrants === undefined ? [] : [`inheritGrants ${row.inheritGrants} => ${inheritGrants}`]),
    ...(readOnly === undefined ? [] : [`readOnly ${row.readOnly ?? false} => ${readOnly}`]),
    ...(expiresAt === undefined ? [] : [`expiresAt ${row.expiresAt ?? "(none)"} => ${expiresAt ?? "(none)"}`]),
  ];
}

function policyWords(before: PasswordPolicy, after: PasswordPolicy): string[] {
  const [left, right] = [
    new Map<string, unknown>(Object.entries(before)),
    new Map<string, unknown>(Object.entries(after)),
  ];
  const rules = [...new Set([...left.keys(), ...right.keys()])];
  return rules.flatMap((rule) => {
    const [from, to] = [ruleText(left.get(rule)), ruleText(right.get(rule))];
    return from === to ? [] : [`${rule} ${from} => ${to}`];
  });
}

function ruleText(value: unknown): string {
  return value === undefined ? "(none)" : JSON.stringify(value);
}

/** What becomes of a grant; nothing if it stays as it is. */
export function grantWords(before: Grant | undefined, after: TreeGrant, who: string): string | undefined {
  if (!before) return `${who} gets ${after.role}${untilText(after)}`;
  const same = before.role === after.role && before.expiresAt === after.expiresAt;
  return same ? undefined : `${who} ${before.role}${untilText(before)} => ${after.role}${untilText(after)}`;
}

function untilText({ expiresAt }: { expiresAt?: string | undefined }): string {
  return expiresAt === undefined ? "" : ` until ${expiresAt}`;
}

/** What becomes of one copy. */
export interface CopyWords {
  name: string;
  words: readonly string[];
}

/**
 * What becomes of each copy, for a preview: copies that change in the same way share a line, which names the first of them
 * and counts the others.
 */
export function changeLines(all: readonly CopyWords[]): string[] {
  const alike = Map.groupBy(
    all.filter(({ words }) => words.length > 0),
    ({ words }) => wordsText(words),
  );
  const lines = [...alike].map(([text, copies]) => `${namesText(copies.map(({ name }) => name))}: ${text}`);
  if (lines.length <= MOST_LINES) return lines;
  const rest = [...alike.values()].slice(MOST_LINES).flat().length;
  return [...lines.slice(0, MOST_LINES), `${rest} more change in other ways`];
}

/** `Aurora, Borealis and 998 more`. */
export function namesText(names: readonly string[]): string {
  const shown = names.slice(0, MOST_NAMES).join(", ");
  return names.length <= MOST_NAMES ? shown : `${shown} and ${names.length - MOST_NAMES} more (${names.length} in all)`;
}

function wordsText(words: readonly string[]): string {
  const shown = words.slice(0, MOST_WORDS).join("; ");
  return words.length <= MOST_WORDS ? shown : `${shown}; and ${words.length - MOST_WORDS} more changes`;
}
