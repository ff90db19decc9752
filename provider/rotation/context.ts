import type { Clock } from "../core/clock.js";
import { CoffreError } from "../core/errors.js";
import type { TargetDriver } from "../target/port.js";
import type { Vault } from "../vault/port.js";
import { AdminPool } from "./admins.js";

/** What every function of a rotation needs. One a process and vault: it owns the shared admin connections. */
export interface RotationContext {
  readonly vault: Vault;
  readonly drivers: ReadonlyMap<string, TargetDriver>;
  readonly clock: Clock;
  /** Where `passwordEnv` is looked up. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly admins: AdminPool;
  /** Milliseconds to wait for a lease that a living process holds. Default 120,000. */
  readonly leaseWaitMs: number;
  /** Once aborted nothing new is started; what is under way is finished. */
  readonly signal: AbortSignal | undefined;
}

export interface RotationContextOptions {
  vault: Vault;
  drivers: readonly TargetDriver[];
  clock: Clock;
  /** Default `process.env`. */
  environment?: Readonly<Record<string, string | undefined>>;
  /** Default 120,000. */
  leaseWaitMs?: number;
  signal?: AbortSignal;
}

export function createRotationContext(options: RotationContextOptions): RotationContext {
  return {
    vault: options.vault,
    drivers: new Map(options.drivers.map((driver) => [driver.kind, driver])),
    clock: options.clock,
    environment: options.environment ?? process.env,
    admins: new AdminPool(),
    leaseWaitMs: options.leaseWaitMs ?? 120_000,
    signal: options.signal,
  };
}

/** Closes the admins' connections; the vault stays open, it belongs to the caller. */
export async function closeRotationContext(context: RotationContext): Promise<void> {
  await context.admins.close();
}

/** @throws CoffreError NOT_SUPPORTED for a kind without a driver */
export function driverFor(drivers: ReadonlyMap<string, TargetDriver>, kind: string): TargetDriver {
  const driver = drivers.get(kind);
  if (!driver) {
    throw new CoffreError("NOT_SUPPORTED", `There is no target of kind ${JSON.stringify(kind)}`, {
      hint: `Known kinds: ${[...drivers.keys()].join(", ")}.`,
    });
  }
  return driver;
}

/** @throws CoffreError INTERRUPTED once the run was told to stop */
export function refuseIfStopped(context: RotationContext): void {
  if (context.signal?.aborted !== true) return;
  throw new CoffreError("INTERRUPTED", "The run was interrupted before this change began", {
    hint: "Nothing was lost; run it again to go on.",
  });
}
