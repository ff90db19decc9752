import * as z from "zod";
import { CoffreError } from "../../core/errors.js";
import { nearest } from "../../core/nearest.js";

type Issue = z.core.$ZodIssue;

/** Where a password can be named without giving it. */
const NO_PASSWORDS =
  "Passwords have no place in a target: name a reference in adminRef, or passwordEnv or passwordFile in admin.";

/** A kind of target in the words of its errors. */
export interface Described {
  /** `PostgreSQL` */
  name: string;
  /** `docs/targets/postgres.md` */
  page: string;
}

/**
 * All that is wrong with a description, each thing with its field, as one error; `details.field` is the first. The issues'
 * messages are sentences of our own (`issueText`).
 */
export function invalidDescription(
  schema: z.ZodObject,
  issues: readonly Issue[],
  { name, page }: Described,
): CoffreError {
  const unknownFirst = issues.toSorted((a, b) => Number(isUnknownKey(b)) - Number(isUnknownKey(a)));
  const problems = unknownFirst.map((issue) => describe(schema, issue));
  const hint = problems.find((problem) => problem.hint !== undefined)?.hint;
  return new CoffreError(
    "INVALID_INPUT",
    `The ${name} target isn't valid: ${problems.map(({ text }) => text).join("; ")}`,
    {
      hint: hint ?? `Correct the field; ${page} describes each one.`,
      details: { field: problems[0]?.field ?? "" },
    },
  );
}

// A misspelled field also leaves the right one missing, so it is the more telling of the two.
const isUnknownKey = (issue: Issue) => issue.code === "unrecognized_keys";

function describe(schema: z.ZodObject, issue: Issue): { field: string; text: string; hint?: string } {
  const path = issue.path.map(String);
  if (issue.code !== "unrecognized_keys") {
    const field = path.join(".");
    return { field, text: `"${field}" ${issue.message}` };
  }
  const key = issue.keys[0] ?? "";
  const field = [...path, key].join(".");
  if (/pass(word|wd)?$|secret/i.test(key)) {
    return { field, text: `it has no field "${field}"`, hint: NO_PASSWORDS };
  }
  const known = Object.keys(shapeAt(schema, path));
  const suggestion = [...path, nearest(key, known).word].join(".");
  return {
    field,
    text: `it has no field "${field}" (did you mean "${suggestion}"?)`,
    hint: `The fields there are ${known.join(", ")}.`,
  };
}

function shapeAt(schema: z.ZodObject, path: readonly string[]): Record<string, z.core.$ZodType> {
  const [key, ...rest] = path;
  if (key === undefined) return schema.shape;
  let field: unknown = schema.shape[key];
  while (field instanceof z.ZodOptional) field = field.unwrap();
  return field instanceof z.ZodObject ? shapeAt(field, rest) : {};
}
