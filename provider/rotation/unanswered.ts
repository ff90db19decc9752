import { isCoffreError } from "../core/errors.js";
import type { Proof } from "../target/port.js";
import type { LoginOutcome } from "../vault/port.js";

/** True for the failure of a login that was sent and not answered: the target may count it as a refused one. */
export function isUnanswered(error: unknown): boolean {
  return isCoffreError(error) && error.details["unanswered"] === true;
}

/** What a login that was booked has come to. */
export function outcomeOf({ proof }: Proof): LoginOutcome {
  if (proof === "works") return "succeeded";
  return proof === "refused" || proof === "unanswered" ? proof : "not-made";
}
