import { CoffreError } from "../core/errors.js";

/** The error for a step that doesn't fit the journal. */
export function notAllowed(step: string, reason: string): CoffreError {
  return new CoffreError("CONFLICT", `The journal does not allow ${step}: ${reason}`);
}

/** The error of everything about drop-boxes, files and mail in a vault whose `capabilities.dropBoxes` is false. */
export function noDropBoxes(): CoffreError {
  return new CoffreError("NOT_SUPPORTED", "This vault keeps no drop-boxes", {
    hint: "A vault in a file, or behind `coffre serve`, does.",
  });
}
