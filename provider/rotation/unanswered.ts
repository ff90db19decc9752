import { isCoffreError } from "../core/errors.js";
import type { Proof } from "../target/port.js";
import type { LoginOutcome } from "../vault/port.js";

/** True for the failure of a login that was sent and not answered: the target may count it as a refused one. */
export function isUnanswered(error: unknown): boolean {
  return isCoffreError(error) && error.details["unanswered"] === true;
}

/** What a proof that was booked has come to. */
export function outcomeOf(proof: Proof): LoginOutcome {
  switch (proof.proof) {
    case "works":
      return "succeeded";
    case "refused":
    case "unanswered":
      return proof.proof;
    case "not-verifiable":
      return proof.unanswered === true ? "unanswered" : "not-made";
    case "unreachable":
      return "not-made";
  }
}

/** What a login that was booked and failed has come to. */
export function outcomeOfFailure(error: unknown): LoginOutcome {
  if (isCoffreError(error, "LOGIN_REFUSED")) return "refused";
  if (isUnanswered(error)) return "unanswered";
  // The right password for a target that wants more beside it: to what counts failures it was no failure.
  return isCoffreError(error) && error.details["accepted"] === true ? "succeeded" : "not-made";
}
