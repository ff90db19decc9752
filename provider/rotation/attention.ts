import { CoffreError } from "../core/errors.js";
import type { TargetSpec } from "../target/port.js";
import { type Credential, DRIFTED } from "../vault/port.js";

/** The error that says that a person has to decide. */
export function needsAttention(credential: Credential, message: string): CoffreError {
  return new CoffreError("NEEDS_ATTENTION", `${credential.path.join("/")} needs attention: ${message}`, {
    hint: "`coffre attention` lists what and why; both values are in `coffre history`; `coffre resolve` goes on.",
    details: { id: credential.id },
  });
}

/** True if a target is known to have another password than the vault, and an admin can set it again. */
export function isDrifted({ journal }: Credential): boolean {
  return journal.attention?.reason === DRIFTED;
}

/** @throws CoffreError NEEDS_ATTENTION while a person has to decide about the credential */
export function refuseIfAttention(credential: Credential): void {
  const { attention } = credential.journal;
  if (attention && !isDrifted(credential)) throw needsAttention(credential, attention.message);
}

/** The error after a set that nothing has proven yet. */
export function unproven(spec: TargetSpec, version: number, reason: string): CoffreError {
  return new CoffreError("UNREACHABLE", `Version ${version} could not be proven on ${spec.account}: ${reason}`, {
    hint: "The version is in the vault as pending. Run again to finish; nothing is drawn anew.",
  });
}
