import * as z from "zod";
import { CoffreError } from "../../core/errors.js";

type Issue = z.core.$ZodIssue;

/** All that is wrong with a description, each thing with its field, as one error; `details.field` is the first. */
export function invalidDescription(schema: z.ZodObject, issues: readonly Issue[]): CoffreError {
  const problems = issues.map((issue) => describe(schema, issue));
  const first = problems[0];
  return new CoffreError(
    "INVALID_INPUT",
    `The PostgreSQL target isn't valid: ${problems.map((p) => p.text).join("; ")}.`,
    {
      hint: first?.hint ?? "Correct the field; docs/targets/postgres.md describes each one.",
      details: { field: first?.field ?? "" },
    },
  );
}

function describe(schema: z.ZodObject, issue: Issue): { field: string; text: string; hint?: string } {
  const path = issue.path.map(String);
  if (issue.code !== "unrecognized_keys") {
    const field = path.join(".");
    return { field, text: `"${field}" ${withoutPrefix(issue.message)}` };
  }
  const key = issue.keys[0] ?? "";
  const field = [...path, key].join(".");
  const known = Object.keys(shapeAt(schema, path));
  if (/pass(word|wd)?$|secret/i.test(key)) {
    const hint =
      "Passwords have no place in a target: name a reference in adminRef, or passwordEnv or passwordFile in admin.";
    return { field, text: `it has no field "${field}"`, hint };
  }
  const hint = `Did you mean "${[...path, nearest(key, known)].join(".")}"? The fields there are ${known.join(", ")}.`;
  return { field, text: `it has no field "${field}"`, hint };
}

/** Zod's own sentences begin with a verdict that the error already gives. */
const withoutPrefix = (message: string) =>
  message.replace(/^(Invalid|Too) \w+: /, (start) => (start.startsWith("Too") ? start.toLowerCase() : ""));

function shapeAt(schema: z.ZodObject, path: readonly string[]): Record<string, z.core.$ZodType> {
  const [key, ...rest] = path;
  if (key === undefined) return schema.shape;
  let field: unknown = schema.shape[key];
  while (field instanceof z.ZodOptional) field = field.unwrap();
  return field instanceof z.ZodObject ? shapeAt(field, rest) : {};
}

/** The known word with the fewest changed letters. */
function nearest(word: string, known: readonly string[]): string {
  const distances = known.map((other) => ({ other, distance: editDistance(word.toLowerCase(), other.toLowerCase()) }));
  return distances.reduce((best, next) => (next.distance < best.distance ? next : best), {
    other: "",
    distance: Infinity,
  }).other;
}

/** Levenshtein's distance, one row at a time. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...from].entries()) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j++) {
      const changed = (row[j] ?? 0) + (letter === to[j] ? 0 : 1);
      next.push(Math.min(changed, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
