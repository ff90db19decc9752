import { CoffreError, type ErrorCode } from "../../core/errors.js";
import { formatAddress } from "../common/address.js";
import type { TargetLogin, TargetSpec } from "../port.js";
import type { Answer, Operation } from "./answers.js";
import type { ProgramEnd } from "./run-program.js";

/** Whom a call was for, and who logged in for it. */
export interface Occasion {
  spec: TargetSpec;
  operation: Operation;
  login: TargetLogin | undefined;
  /** The page of this kind of target. */
  page: string;
}

const CODES: Partial<Record<Answer, ErrorCode>> = {
  refused: "TARGET_NOT_READY",
  unreachable: "UNREACHABLE",
  "login-refused": "LOGIN_REFUSED",
  "not-verifiable": "NOT_VERIFIABLE",
  "no-account": "NOT_FOUND",
  forbidden: "FORBIDDEN",
};

const HINTS: Partial<Record<Answer, string>> = {
  unreachable: "Check host, port and firewall; for a device that is still starting, declare waitFor.timeoutSeconds.",
  "login-refused": "Another password works there: bring the one that logs in up to date.",
  "not-verifiable": 'Let the device ask for passwords; verify: "none" does without a proof.',
  "no-account": "Create the account, or declare account.create.",
  forbidden: "Log in as somebody who may change accounts there.",
};

/** The one place where the end of a program that has not done it becomes a {@link CoffreError}. */
export function toCoffreError(end: ProgramEnd, { spec, operation, login, page }: Occasion): CoffreError {
  const where = formatAddress(spec.address);
  const details = { host: spec.address.host, port: spec.address.port, username: spec.username, operation };
  // A login whose answer isn't known may count as a refused one.
  const unanswered = login !== undefined && login.password.reveal() !== "" ? { unanswered: true } : {};
  switch (end.end) {
    case "answered": {
      const code = CODES[end.answer] ?? "BAD_RESPONSE";
      return new CoffreError(code, `${spec.username} at ${where}, ${operation}: ${end.why}`, {
        hint: HINTS[end.answer] ?? "Correct what the program names, then run again.",
        details,
      });
    }
    case "not-started":
      return new CoffreError("CONFIGURATION", `${spec.username} at ${where}, ${operation}: ${end.why}`, {
        hint: `${page} says what may run here, and how it is found.`,
        details,
      });
    case "no-answer":
      return new CoffreError("UNREACHABLE", `${spec.username} at ${where}, ${operation}: ${end.why}`, {
        hint: `Run it by hand with what it is given; ${page} says what that is.`,
        details: { ...details, ...unanswered },
      });
    case "aborted":
      return new CoffreError("INTERRUPTED", `The call to ${where} was interrupted`, {
        details: { ...details, ...unanswered },
      });
  }
}
