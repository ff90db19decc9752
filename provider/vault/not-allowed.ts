import { CoffreError } from "../core/errors.js";

/** The error for a step that doesn't fit the journal. */
export function notAllowed(step: string, reason: string): CoffreError {
  return new CoffreError("CONFLICT", `The journal does not allow ${step}: ${reason}`);
}
