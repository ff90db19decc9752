import { CoffreError } from "../core/errors.js";
import type { Credential } from "../vault/port.js";
import type { RotationContext } from "./context.js";
import { withLease } from "./lease.js";
import { type RotationOutcome, resume } from "./rotate.js";

const LEASE_SECONDS = 30;

/**
 * Nobody uses the login of the version before any more: its time is over, and it ends at once. The acknowledgement is kept
 * first, so that whoever comes next ends the login if this run can't.
 * @param ifVersion the version that its consumers have: who says so late must not end the login of that very version
 * @throws CoffreError CONFLICT, with nothing changed, if another version than `ifVersion` is current; LOCKED while somebody rotates it; what {@link resume} throws
 */
export async function acknowledge(
  context: RotationContext,
  id: string,
  { ifVersion }: { ifVersion?: number } = {},
): Promise<RotationOutcome> {
  const before = await context.vault.readCredential(id);
  refuseOtherVersion(before, ifVersion);
  const seen = loginsOf(before);
  if (seen.length > 0) {
    await withLease(context, id, LEASE_SECONDS, async (leased) => {
      refuseOtherVersion(leased.credential, ifVersion);
      // Nobody has said it of what drains since a rotation that was waited for.
      const now = loginsOf(leased.credential);
      if (now.length > 0 && now.every((login) => seen.includes(login))) await leased.record({ step: "acknowledge" });
    });
  }
  return resume(context, id);
}

function refuseOtherVersion({ name, versions }: Credential, expected: number | undefined): void {
  const current = versions.find(({ state }) => state === "current")?.number;
  if (expected === undefined || expected === current) return;
  throw new CoffreError("CONFLICT", `The current version of ${name} is ${String(current ?? "none")}, not ${expected}`, {
    hint: "Nothing was changed. Acknowledge the current version once every consumer has it.",
    details: { field: "version", version: current ?? 0 },
  });
}

function loginsOf({ journal }: Credential): string[] {
  return (journal.draining ?? []).map(({ account, version }) => `${account} ${version}`);
}
