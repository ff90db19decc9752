import type { FastifyInstance } from "fastify";
import type { CoffreError } from "../../core/errors.js";
import { asCoffreError, statusOf } from "../failures.js";

/** LockSelf's errors have one shape: the status again, and a text. The vendor's own is unknown; this is its framework's. */
export interface LockselfError {
  code: number;
  message: string;
}

export function errorBody(failure: CoffreError): LockselfError {
  const { problem, hint } = failure;
  return { code: lockselfStatus(failure), message: hint === undefined ? `${problem}.` : `${problem}. ${hint}` };
}

/** Statuses that LockSelf's clients are known to expect: a lease is a conflict to them. */
export function lockselfStatus(failure: CoffreError): number {
  const status = statusOf(failure);
  return status === 423 ? 409 : status;
}

/** Answers every failure of these routes in LockSelf's shape. */
export function answerFailures(app: FastifyInstance): void {
  app.setErrorHandler((error, request, reply) => {
    const failure = asCoffreError(error);
    request.failureCode = failure.code;
    return reply.status(lockselfStatus(failure)).send(errorBody(failure));
  });
}
