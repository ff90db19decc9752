import { CoffreError } from "../core/errors.js";
import { checkFieldValue } from "../core/field.js";
import { checkPassword } from "../core/policy.js";
import type { Secret } from "../core/secret.js";
import type { Credential, RotationStep, Vault } from "../vault/port.js";
import type { RotationContext } from "./context.js";
import { policyFor } from "./draw.js";
import { withLease } from "./lease.js";
import { deliverNotices } from "./notify/deliver.js";

const LEASE_SECONDS = 30;

/** A password that somebody brings for a credential without a target. */
export interface Giving {
  value: Secret;
  /** Why its version exists. */
  cause: string;
  /** The number of the current version that the giver has seen, 0 for none. Default: any. */
  expected?: number;
}

/**
 * Brings a value that somebody gave into force: staged and promoted in one write, under the lease. What waited for a
 * person is settled by it.
 * @throws CoffreError INVALID_INPUT for a credential with targets, which Coffre sets; CONFLICT while a version is pending,
 * or if the current one isn't the expected; what taking the lease throws
 */
export async function giveValue(context: RotationContext, id: string, giving: Giving): Promise<Credential> {
  const given = await withLease(context, id, LEASE_SECONDS, (leased) => {
    const { credential } = leased;
    refuseGiving(credential);
    const current = credential.versions.find(({ state }) => state === "current")?.number ?? 0;
    if (giving.expected !== undefined && giving.expected !== current) throw overtaken(credential, current);
    const numbers = credential.versions.map(({ number }) => number);
    // Who brings the value has decided: that is what an admin's entry waits for whose login was refused.
    const decided: RotationStep[] = credential.journal.attention ? [{ step: "clear-attention" }] : [];
    return leased.record(
      ...decided,
      { step: "stage", value: giving.value, causes: [giving.cause], accounts: [] },
      { step: "promote", version: Math.max(0, ...numbers) + 1, verified: false },
      { step: "release" },
    );
  });
  return deliverNotices(context, given);
}

/** @throws CoffreError as {@link giveValue}, before anybody is asked for a value */
export function refuseGiving({ path, targets, journal }: Credential): void {
  const name = path.join("/");
  if (targets.length > 0) {
    throw new CoffreError("INVALID_INPUT", `${name} has a target, so its value is drawn, set and proven by Coffre`, {
      hint: "`coffre rotate` does it.",
    });
  }
  if (!journal.pending) return;
  throw new CoffreError(
    "CONFLICT",
    `Version ${journal.pending.version} of ${name} is pending: a rotation is unfinished`,
    {
      hint: "Finish it with `coffre resume` first.",
      details: { version: journal.pending.version },
    },
  );
}

/**
 * Checks a password that somebody brings: its size, and the policies of its category.
 * @param what for messages, for example `The value`
 * @throws CoffreError INVALID_INPUT; POLICY that names every broken rule, and nothing of the value
 */
export async function checkGiven(vault: Vault, categoryId: string | null, what: string, value: Secret): Promise<void> {
  checkFieldValue(what, "secret", value);
  const broken = checkPassword(await policyFor(vault, categoryId), value);
  if (broken.length === 0) return;
  const rules = broken.map(({ message }) => message).join("; ");
  throw new CoffreError("POLICY", `${what} breaks the policy of its category: ${rules}`, {
    hint: "Nothing was changed.",
  });
}

function overtaken({ path, id }: Credential, current: number): CoffreError {
  const now = current === 0 ? "it has none" : `version ${current} is current`;
  return new CoffreError("CONFLICT", `Somebody changed the value of ${path.join("/")} (${id}) meanwhile: ${now}`, {
    hint: "Nothing was changed. Look at `coffre history`, then say again what you want.",
    details: { credentialId: id, version: current },
  });
}
