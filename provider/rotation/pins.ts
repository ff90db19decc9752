import type { TargetSession, TargetSpec } from "../target/port.js";
import { addressOf } from "./admins.js";
import type { RotationContext } from "./context.js";
import type { LeasedCredential } from "./lease.js";
import { type Target, targetsOf } from "./targets.js";

/**
 * Keeps what a target showed of itself at its first use, so that it is held to that from then on: before anything is set,
 * and as an event that a person can compare with the machine.
 * @returns the spec with it
 */
export async function keepPin(leased: LeasedCredential, spec: TargetSpec, session: TargetSession): Promise<TargetSpec> {
  const { pin } = session;
  const record = leased.credential.targets.find(({ account }) => account === spec.account);
  if (spec.learnsPin !== true || record?.pin !== undefined || pin === undefined) return spec;
  await leased.record({ step: "pinned", account: spec.account, pin });
  return { ...spec, pin };
}

/** Holds targets that have learned nothing yet to what other live credentials have learned of the same machine. */
export async function withKnownPins(context: RotationContext, targets: Target[]): Promise<Target[]> {
  if (!targets.some(({ spec }) => isOpen(spec))) return targets;
  const known: { path: string; spec: TargetSpec }[] = [];
  for await (const other of context.vault.listCredentials()) {
    if (!other.targets.some(({ pin }) => pin !== undefined)) continue;
    const learned = targetsOf(context, other).filter(({ spec }) => spec.pin !== undefined);
    known.push(...learned.map(({ spec }) => ({ path: other.path.join("/"), spec })));
  }
  return targets.map((target) => {
    const found = isOpen(target.spec) && known.find(({ spec }) => isSameMachine(spec, target.spec));
    if (!found || found.spec.pin === undefined) return target;
    return { ...target, spec: { ...target.spec, pin: found.spec.pin, pinFrom: found.path } };
  });
}

/** True for a target that is to be held to what it shows first, and has shown nothing yet. */
export function isOpen({ learnsPin, pin }: TargetSpec): boolean {
  return learnsPin === true && pin === undefined;
}

function isSameMachine(one: TargetSpec, other: TargetSpec): boolean {
  return one.kind === other.kind && addressOf(one) === addressOf(other) && one.identity === other.identity;
}
