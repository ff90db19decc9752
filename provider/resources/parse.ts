import type * as z from "zod";
import { CoffreError } from "../core/errors.js";
import { issueText } from "../core/issue-text.js";
import { didYouMean } from "../core/nearest.js";
import { type CheckFailure, failure } from "./failures.js";
import { dropEmpty, isUnknownAt, type Properties } from "./values.js";

/** An input that no program gives. */
const OWNER_KEY = "ownerKey";

/**
 * What is wrong with a resource's properties by its schema; nothing is held against a value that isn't known yet. All that a
 * program gives counts, also what is no input: a misspelt `password` would else be no password.
 */
export function schemaFailures(schema: z.ZodObject, news: Properties): CheckFailure[] {
  const declared = declaredIn(news);
  const issues = schema.safeParse(declared, { error: issueText }).error?.issues ?? [];
  return issues
    .filter(({ path }) => !isUnknownAt(declared, path))
    .flatMap((issue) =>
      issue.code === "unrecognized_keys" && issue.path.length === 0
        ? issue.keys.map((key) => unknownProperty(schema, key))
        : [failure(issue.path, issue.message)],
    );
}

/** Without the engine's and the SDK's own properties, such as `__provider`. */
function declaredIn(news: Properties): Properties {
  return dropEmpty(Object.fromEntries(Object.entries(news).filter(([key]) => !key.startsWith("__"))));
}

/** Names the property, never its value: it may be a password under a wrong name. */
function unknownProperty({ shape }: z.ZodObject, key: string): CheckFailure {
  const known = Object.keys(shape).filter((name) => name !== OWNER_KEY);
  return failure([], `has no field ${JSON.stringify(key)}${didYouMean(key, known) || "; look for a typing error"}`);
}

/** Inputs of a resource once everything is known. @throws CoffreError INVALID_INPUT that names the field, never its value */
export function parseInputs<Schema extends z.ZodType>(schema: Schema, inputs: Properties): z.output<Schema> {
  const parsed = schema.safeParse(inputs, { error: issueText });
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => failure(path, message).reason);
  throw new CoffreError("INVALID_INPUT", problems.join("; "));
}
