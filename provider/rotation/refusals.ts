import { CoffreError } from "../core/errors.js";
import type { Proof, SetResult, TargetSpec } from "../target/port.js";
import type { RotationStep } from "../vault/port.js";
import type { Application } from "./apply.js";
import { needsAttention } from "./attention.js";

/** What a proof that failed leaves to a person. */
export function attentionFor(application: Application, proof: Proof): RotationStep[] {
  if (proof.proof !== "refused" && proof.proof !== "not-verifiable") return [];
  const { spec, version } = application;
  const attention =
    proof.proof === "refused"
      ? {
          reason: "set-but-refused",
          message: `${spec.account} took version ${version} and then refused a login with it`,
        }
      : {
          reason: "not-verifiable",
          message: `${spec.account} took version ${version}, but can't prove it: ${proof.reason}`,
        };
  return [{ step: "attention", attention: { ...attention, version, account: spec.account } }];
}

/** Neither the pending nor the current value logs in: somebody else changed it, and no admin can set it. */
export async function noWayIn({ leased, spec, version }: Application): Promise<CoffreError> {
  const message = `${spec.account} takes neither version ${version} nor the current one, and no admin is named`;
  const attention = { reason: "no-way-in", message, version, account: spec.account };
  await leased.record({ step: "attention", attention });
  return needsAttention(leased.credential, message);
}

/** The target said no. */
export async function refusedSet(
  application: Application,
  result: SetResult & { reason: string },
): Promise<CoffreError> {
  const { spec, leased, version } = application;
  if (result.result === "value-refused") {
    const message = `${spec.account} refuses version ${version}, which may be in force elsewhere: ${result.reason}`;
    const attention = { reason: "value-refused", message, version, account: spec.account };
    await leased.record({ step: "attention", attention });
    return needsAttention(leased.credential, message);
  }
  return new CoffreError("TARGET_NOT_READY", `${spec.account} refused the change: ${result.reason}`, {
    hint: "Nothing was changed there. Mend the reason and run again; the same version goes on.",
  });
}

/** The target said no to the value that was in force there once. */
export function refusedAgain(spec: TargetSpec, reason: string): CoffreError {
  return new CoffreError("TARGET_NOT_READY", `${spec.account} refused to have its password set again: ${reason}`, {
    hint: "Nothing was changed there. Mend the reason and run again, or draw a new password with `coffre rotate`.",
  });
}

/** Nobody knows whether the target took it. */
export function inDoubt(spec: TargetSpec, version: number, reason: string): CoffreError {
  return new CoffreError("UNREACHABLE", `It is not known whether ${spec.account} took version ${version}: ${reason}`, {
    hint: "The version is in the vault as pending. Run again to finish; nothing is drawn anew.",
  });
}
