import { randomUUID } from "node:crypto";
import type { TargetAddress, TargetSpec } from "../target/port.js";
import type { LoginBooking, LoginOutcome, RotationStep } from "../vault/port.js";

/** An admin's set can be repeated with the same value; with the account's own login it can't, once the value has changed. */
export function canRepeat(spec: TargetSpec): boolean {
  return spec.repeatable && spec.admin.by !== "self";
}

export function bookingFor(spec: TargetSpec, { host, port }: TargetAddress, kind: LoginBooking["kind"]): LoginBooking {
  return { id: randomUUID(), account: spec.account, host: `${host}:${port}`, kind };
}

/**
 * The proof's login is booked in one write with the set, where a resume needs no probe: after a kill in between it counts
 * as one of unknown outcome, and a probe of the pending value and the login with the current one would be two more.
 */
export function bookingWithSet(spec: TargetSpec): LoginBooking | undefined {
  const [first] = spec.verifyAddresses;
  return first && canRepeat(spec) ? bookingFor(spec, first, "proof") : undefined;
}

export function settle(booking: LoginBooking | undefined, outcome: LoginOutcome): RotationStep[] {
  return booking ? [{ step: "settle-login", bookingId: booking.id, outcome }] : [];
}
