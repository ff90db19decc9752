import type * as z from "zod";

/** What a value is expected to be, or is, for people who don't write schemas. */
const KINDS: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  tuple: "a list",
  object: "an object",
  record: "an object",
  undefined: "nothing",
  null: "nothing",
};

/**
 * Our own sentence for what a schema finds wrong, to be given to `safeParse` as `error`: what is expected and what kind
 * of thing is there, never the value, which may be a secret. A schema's own `error` wins over it.
 */
export function issueText(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return issue.input === undefined
        ? `is missing: it must be ${kindName(issue.expected)}`
        : `must be ${kindName(issue.expected)}, not ${kindOf(issue.input)}`;
    case "too_small":
      return limit(issue.origin, Number(issue.minimum), "more");
    case "too_big":
      return limit(issue.origin, Number(issue.maximum), "less");
    case "unrecognized_keys":
      return `has no field ${issue.keys.map((key) => JSON.stringify(key)).join(", ")}; look for a typing error`;
    case "invalid_value":
      return `must be ${issue.values.map((value) => JSON.stringify(value)).join(" or ")}`;
    case "invalid_union":
      return issue.input === undefined ? "is missing" : "has none of the forms that it may have";
    case "invalid_key":
      return "has a key that isn't one of those allowed";
    case "invalid_element":
    case "invalid_format":
    case "not_multiple_of":
    case "custom":
      return "isn't in the form that is expected";
  }
}

function limit(origin: string, count: number, more: "more" | "less"): string {
  if ((origin === "string" || origin === "array") && more === "more" && count === 1) return "must not be empty";
  const things = { string: " characters", array: " items", set: " items" }[origin];
  const bound = `${String(count)}${things ?? ""} or ${things === undefined || more === "more" ? more : "fewer"}`;
  return things === undefined ? `must be ${bound}` : `must have ${bound}`;
}

function kindName(kind: string): string {
  return KINDS[kind] ?? kind;
}

function kindOf(value: unknown): string {
  if (value === null) return "nothing";
  if (typeof value === "number" && !Number.isFinite(value)) return String(value); // NaN, Infinity
  if (typeof value === "number" && !Number.isInteger(value)) return "a fraction";
  return kindName(Array.isArray(value) ? "array" : typeof value);
}
