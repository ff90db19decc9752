import { isDeepStrictEqual } from "node:util";
import { CoffreError } from "../../core/errors.js";
import type { Secret } from "../../core/secret.js";
import type { Credential, Lease, LeaseGrant, LeaseRequest, RotationStep } from "../port.js";
import { refuseOtherValue } from "../../core/read-back.js";
import type { VaultContext } from "./context.js";
import { viewCredential } from "./credential-view.js";
import type { Keyed } from "./owner.js";
import { readMany } from "./reading.js";
import { acquireLease, record } from "./rotations.js";
import type { WriteRows } from "./rows.js";
import { Tree } from "./tree.js";

// What a rotation writes down in two steps that may share one durable write.

/** The rules of `Vault.acquireAsSeen`. */
export function acquireAsSeen(
  tx: WriteRows,
  context: VaultContext,
  keyed: Keyed,
  { seen, request, steps }: { seen: Credential; request: LeaseRequest; steps: readonly RotationStep[] },
): LeaseGrant & { stepsWritten: boolean } {
  const row = tx.glimpse(seen.id);
  const stepsWritten = row !== undefined && isSame(viewCredential(new Tree(tx), keyed, row), seen);
  return { ...acquireLease(tx, context, keyed, seen.id, request, stepsWritten ? steps : []), stepsWritten };
}

/** Plain data but for one function, which goes by the owner. */
function isSame(now: Credential, seen: Credential): boolean {
  return isDeepStrictEqual({ ...now, hasToken: undefined }, { ...seen, hasToken: undefined });
}

/** The rules of `Vault.recordReadBack`. */
export function recordReadBack(
  tx: WriteRows,
  context: VaultContext,
  keyed: Keyed,
  { lease, read, steps }: { lease: Lease; read: { version: number; value: Secret }; steps: readonly RotationStep[] },
): Credential {
  const [answer] = readMany(tx, context, [{ id: lease.credentialId, version: read.version }]);
  if (answer === undefined) throw new CoffreError("BAD_RESPONSE", "The vault answered no value");
  if (answer instanceof Error) throw answer;
  refuseOtherValue(answer.value, read.value);
  return record(tx, context, keyed, lease, steps);
}
