import type { FastifyInstance } from "fastify";
import type * as z from "zod";
import { CoffreError } from "../../core/errors.js";
import { issueText } from "../../core/issue-text.js";
import { LockselfInteger } from "../../vault/lockself/forms.js";
import { parseStrictJson } from "../strict-json.js";

/** Takes JSON and forms, as LockSelf's help pages and its public clients send them; no other type of body. */
export function takeBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  const read = (parse: (text: string) => unknown) => async (_request: unknown, bytes: Buffer) =>
    // Clients name a type also where they send nothing.
    bytes.length === 0 ? undefined : parse(textOf(bytes));
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, read(parseStrictJson));
  app.addContentTypeParser("application/x-www-form-urlencoded", { parseAs: "buffer" }, read(parseForm));
}

function textOf(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new CoffreError("INVALID_INPUT", "The request's body isn't UTF-8 text", { hint: "Nothing was changed." });
  }
}

/** A field that is named several times is a list, which only a schema that knows it as one takes. */
function parseForm(text: string): Record<string, unknown> {
  const fields = Map.groupBy(new URLSearchParams(text), ([name]) => name);
  return Object.fromEntries(
    [...fields].map(([name, pairs]) => {
      const values = pairs.map(([, value]) => value);
      return [name, values.length === 1 ? values[0] : values];
    }),
  );
}

/**
 * What was sent, by its schema. The error names the first field that is wrong and what is wrong with it, never what it holds.
 * @throws CoffreError INVALID_INPUT
 */
export function parseSent<T>(schema: z.ZodType<T>, sent: unknown): T {
  const parsed = schema.safeParse(sent ?? {}, { error: issueText });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue?.path.join(".") ?? "";
  throw new CoffreError("INVALID_INPUT", `${field === "" ? "The request" : field} ${issue?.message ?? "is wrong"}`, {
    hint: "Nothing was changed.",
    ...(field === "" ? {} : { details: { field } }),
  });
}

/** An integer id in a path; `undefined` for what is none, which nothing has. */
export function parseNumber(text: string | undefined): number | undefined {
  const parsed = LockselfInteger.safeParse(text);
  return parsed.success ? parsed.data : undefined;
}
