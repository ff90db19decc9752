import type { FastifyError } from "fastify";
import { CoffreError, type ErrorCode, isCoffreError } from "../core/errors.js";

/** HTTP's word for each code that an answer may carry; any other is the server's own trouble. */
const STATUS: Partial<Record<ErrorCode, number>> = {
  NOT_FOUND: 404,
  FORBIDDEN: 403,
  CONFLICT: 409,
  POLICY: 422,
  INVALID_INPUT: 400,
  NOT_SUPPORTED: 400,
  WRONG_VAULT: 409,
  ROLLED_BACK: 409,
  LOCKED: 423,
  BUDGET_SPENT: 409,
  NEEDS_ATTENTION: 409,
  DISK_FULL: 507,
  INTERRUPTED: 503,
  UNREACHABLE: 503,
};

/** A failure with a status of its own, where the code's is too coarse. */
export class HttpFailure extends CoffreError {
  readonly status: number;

  constructor(status: number, code: ErrorCode, problem: string, hint: string) {
    super(code, problem, { hint });
    this.status = status;
  }
}

export function statusOf(error: CoffreError): number {
  return error instanceof HttpFailure ? error.status : (STATUS[error.code] ?? 500);
}

/** The token is missing, wrong, expired or revoked. One text for all: it tells a stranger nothing. */
export function notAuthenticated(): HttpFailure {
  return new HttpFailure(
    401,
    "FORBIDDEN",
    "The token is missing, wrong, expired or revoked",
    "Give a good one (COFFRE_TOKEN_FILE, COFFRE_TOKEN): `coffre token create` makes one, on the server.",
  );
}

/** @param what the right that is missing, as the end of a sentence */
export function forbidden(name: string, what: string): CoffreError {
  return new CoffreError("FORBIDDEN", `${name} may not ${what}`, {
    hint: "A manager of the category, or an administrator, can give the right by a grant.",
  });
}

/** Fastify's own refusals, by its codes. */
const REFUSALS: Readonly<Record<string, readonly [number, string, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: [
    413,
    "The request is larger than this server takes",
    "Ask for less at once, or raise --largest-request.",
  ],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [
    415,
    "The request's body is of a type that isn't taken here",
    "Send application/json.",
  ],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [
    400,
    "The request's body isn't as long as its header says",
    "Was it cut on its way?",
  ],
};

/** What fastify refuses before a route sees it, and what no route foresaw, as an error of ours. Its own texts are shown to nobody. */
export function asCoffreError(error: unknown): CoffreError {
  if (isCoffreError(error)) return error;
  const { statusCode, code } = error as Partial<FastifyError>;
  const refused = (status: number, problem: string, hint: string) =>
    new HttpFailure(status, "INVALID_INPUT", problem, hint);
  const known = REFUSALS[code ?? ""];
  if (known) return refused(...known);
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return refused(statusCode, "The request can't be understood", "`/v1/openapi.json` describes every request.");
  }
  return new HttpFailure(500, "UNREACHABLE", "The server failed at this request", "Its own log says why.");
}
