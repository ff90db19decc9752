import type * as z from "zod";
import { CoffreError } from "../core/errors.js";
import { issueText } from "../core/issue-text.js";
import { type CheckFailure, failure } from "./failures.js";
import { isUnknownAt, type Properties } from "./values.js";

/** What is wrong with inputs by their schema; nothing is held against a value that isn't known yet. */
export function schemaFailures(schema: z.ZodType, inputs: Properties): CheckFailure[] {
  const issues = schema.safeParse(inputs, { error: issueText }).error?.issues ?? [];
  return issues.filter(({ path }) => !isUnknownAt(inputs, path)).map(({ path, message }) => failure(path, message));
}

/** Inputs of a resource once everything is known. @throws CoffreError INVALID_INPUT that names the field, never its value */
export function parseInputs<Schema extends z.ZodType>(schema: Schema, inputs: Properties): z.output<Schema> {
  const parsed = schema.safeParse(inputs, { error: issueText });
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => failure(path, message).reason);
  throw new CoffreError("INVALID_INPUT", problems.join("; "));
}
