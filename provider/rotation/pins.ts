import type { TargetSession, TargetSpec } from "../target/port.js";
import type { LeasedCredential } from "./lease.js";

/**
 * Keeps what a target showed of itself at its first use, so that it is held to that from then on: before anything is set,
 * and as an event that a person can compare with the machine.
 * @returns the spec with it
 */
export async function keepPin(leased: LeasedCredential, spec: TargetSpec, session: TargetSession): Promise<TargetSpec> {
  const { pin } = session;
  if (spec.learnsPin !== true || spec.pin !== undefined || pin === undefined) return spec;
  await leased.record({ step: "pinned", account: spec.account, pin });
  return { ...spec, pin };
}
