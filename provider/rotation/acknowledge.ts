import type { RotationContext } from "./context.js";
import { withLease } from "./lease.js";
import { type RotationOutcome, resume } from "./rotate.js";

const LEASE_SECONDS = 30;

/**
 * Nobody uses the login of the version before any more: its time is over, and it ends at once. The acknowledgement is kept
 * first, so that whoever comes next ends the login if this run can't.
 * @throws CoffreError LOCKED while somebody rotates it; what {@link resume} throws
 */
export async function acknowledge(context: RotationContext, id: string): Promise<RotationOutcome> {
  const { journal } = await context.vault.readCredential(id);
  if (journal.draining) {
    await withLease(context, id, LEASE_SECONDS, async (leased) => {
      if (leased.credential.journal.draining) await leased.record({ step: "acknowledge" });
    });
  }
  return resume(context, id);
}
