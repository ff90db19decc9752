import { CoffreError, ERROR_CODES, type ErrorCode } from "../../core/errors.js";
import { isFlag, isNumber, isRecord, isText } from "../../core/guards.js";

/** An error as it travels: in the place of an answer, or of one of many answers. Never a value in it. */
export interface WireError {
  /** Stable: CONFLICT, NOT_FOUND, … */
  code: string;
  /** One sentence without a full stop. */
  problem: string;
  /** What to do next. */
  hint: string | null;
  details: Record<string, string | number | boolean>;
}

/** The form in which an error travels. */
export function errorShape({ code, problem, hint, details }: CoffreError): WireError {
  return { code, problem, hint: hint ?? null, details };
}

/** The error that {@link errorShape} was given; one of a newer server, with a code that isn't known here, is a BAD_RESPONSE. */
export function errorOf({ code, problem, hint, details }: WireError): CoffreError {
  const options = { details, ...(hint === null ? {} : { hint }) };
  if (isKnown(code)) return new CoffreError(code, problem, options);
  return new CoffreError("BAD_RESPONSE", `${problem} (${code})`, options);
}

/** The error of an answer that has one in its place: `{ error: … }`. */
export function readWireError(answer: unknown): WireError | undefined {
  if (!isRecord(answer) || !isRecord(answer["error"])) return undefined;
  const { code, problem, hint, details } = answer["error"];
  if (!isText(code) || !isText(problem) || (hint !== null && !isText(hint)) || !isDetails(details)) return undefined;
  return { code, problem, hint, details };
}

function isDetails(value: unknown): value is WireError["details"] {
  return isRecord(value) && Object.values(value).every((one) => isText(one) || isNumber(one) || isFlag(one));
}

function isKnown(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code);
}
