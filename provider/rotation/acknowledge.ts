import type { Credential } from "../vault/port.js";
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
  const seen = loginsOf(await context.vault.readCredential(id));
  if (seen.length > 0) {
    await withLease(context, id, LEASE_SECONDS, async (leased) => {
      // Nobody has said it of what drains since a rotation that was waited for.
      const now = loginsOf(leased.credential);
      if (now.length > 0 && now.every((login) => seen.includes(login))) await leased.record({ step: "acknowledge" });
    });
  }
  return resume(context, id);
}

function loginsOf({ journal }: Credential): string[] {
  return (journal.draining ?? []).map(({ account, version }) => `${account} ${version}`);
}
