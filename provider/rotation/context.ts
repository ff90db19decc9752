import type { Clock } from "../core/clock.js";
import { CoffreError } from "../core/errors.js";
import type { TargetDriver } from "../target/port.js";
import type { Credential, Vault } from "../vault/port.js";
import { AdminPool } from "./admins.js";
import type { FailedTry } from "./notify/send.js";
import { Slots, Turns } from "./turns.js";

/** What every function of a rotation needs. One a process and vault: it owns the shared admin connections. */
export interface RotationContext {
  readonly vault: Vault;
  readonly drivers: ReadonlyMap<string, TargetDriver>;
  readonly clock: Clock;
  /** Where `passwordEnv` is looked up. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly admins: AdminPool;
  /** Logins that may be refused, one at a time on each `host:port`. */
  readonly logins: Turns;
  /** Targets that are set and proven at one time: as many as there are rotations, unless the caller says less. */
  readonly changes: Slots;
  /** Connections that an admin may have to one server at one time. Default 1. */
  readonly adminConnections: number;
  /** Names of hooks that failed in this run, with the reason: they are left alone until the next. */
  readonly deafHooks: Map<string, string>;
  /** Runs a program that is a hook: see {@link RunHook}. */
  readonly runHook: RunHook;
  /** Milliseconds that a hook may take to answer one try. Default 10,000. */
  readonly hookTimeoutMs: number;
  /** Milliseconds to wait for a lease that a living process holds. Default 120,000. */
  readonly leaseWaitMs: number;
  /** Once aborted nothing new is started; what is under way is finished. */
  readonly signal: AbortSignal | undefined;
  /** Asked before an account is changed. @throws CoffreError ROLLED_BACK if the vault is older than what was seen of it */
  refuseOlder(credential: Credential): Promise<void>;
}

/**
 * Runs a program that this machine allows, with a line on its standard input.
 * @returns why it didn't take it, `mayPass` if another try may succeed; nothing if it did
 */
export type RunHook = (run: {
  argv: readonly string[];
  input: string;
  limitMs: number;
  signal?: AbortSignal | undefined;
}) => Promise<FailedTry | undefined>;

export interface RotationContextOptions {
  vault: Vault;
  drivers: readonly TargetDriver[];
  clock: Clock;
  /** Default `process.env`. */
  environment?: Readonly<Record<string, string | undefined>>;
  /** Default: no program may run. */
  runHook?: RunHook;
  /** Default 10,000. */
  hookTimeoutMs?: number;
  /** Default 120,000. */
  leaseWaitMs?: number;
  signal?: AbortSignal;
  /** Default: nothing was seen of the vault. */
  witness?: { refuseOlder(credential: Credential): Promise<void> };
}

export function createRotationContext(options: RotationContextOptions): RotationContext {
  return {
    vault: options.vault,
    drivers: new Map(options.drivers.map((driver) => [driver.kind, driver])),
    clock: options.clock,
    environment: options.environment ?? process.env,
    admins: new AdminPool(),
    logins: new Turns(),
    changes: new Slots(Infinity),
    adminConnections: 1,
    deafHooks: new Map(),
    runHook: options.runHook ?? (async () => ({ problem: "no programs are allowed here", mayPass: false })),
    hookTimeoutMs: options.hookTimeoutMs ?? 10_000,
    leaseWaitMs: options.leaseWaitMs ?? 120_000,
    signal: options.signal,
    refuseOlder: async (credential) => options.witness?.refuseOlder(credential),
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
