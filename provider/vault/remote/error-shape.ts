import * as z from "zod";
import { CoffreError, ERROR_CODES, type ErrorCode } from "../../core/errors.js";

/** An error as it travels: in the place of an answer, or of one of many answers. Never a value in it. */
export const ErrorShape = z.object({
  code: z.string().meta({ description: "Stable: CONFLICT, NOT_FOUND, …" }),
  problem: z.string().meta({ description: "One sentence without a full stop" }),
  hint: z.string().nullable().meta({ description: "What to do next" }),
  details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
});
export type ErrorShape = z.infer<typeof ErrorShape>;

/** What every request that fails is answered with. */
export const ErrorAnswer = z.object({ error: ErrorShape });

export function errorShape({ code, problem, hint, details }: CoffreError): ErrorShape {
  return { code, problem, hint: hint ?? null, details };
}

/** The error that {@link errorShape} was given; one of a newer server, with a code that isn't known here, is a BAD_RESPONSE. */
export function errorOf({ code, problem, hint, details }: ErrorShape): CoffreError {
  const options = { details, ...(hint === null ? {} : { hint }) };
  if (isKnown(code)) return new CoffreError(code, problem, options);
  return new CoffreError("BAD_RESPONSE", `${problem} (${code})`, options);
}

function isKnown(code: string): code is ErrorCode {
  return code in ERROR_CODES;
}
