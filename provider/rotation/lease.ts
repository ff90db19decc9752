import { CoffreError, isCoffreError } from "../core/errors.js";
import type { Secret } from "../core/secret.js";
import type { Credential, Lease, LeaseGrant, RotationStep } from "../vault/port.js";
import { refuseOtherValue } from "../core/read-back.js";
import type { RotationContext } from "./context.js";
import { isDead, newHolder } from "./holder.js";
import { readValue } from "./read-value.js";

const POLL_MS = 250;
/** Between the last check and the packet's arrival a little time passes; this much is kept in hand. */
const MARGIN_MS = 5_000;

/** Steps that were decided on what was seen before the lease was taken. */
export interface FirstSteps {
  seen: Credential;
  steps: readonly RotationStep[];
}

/** One credential, held by this run: nobody else rotates it, and everything written is fenced by the lease. */
export class LeasedCredential {
  readonly #context: RotationContext;
  readonly #ttlSeconds: number;
  #lease: Lease;
  #startedMs: number;
  #released = false;
  /** As the vault had it after the last write of this run. */
  credential: Credential;
  /** True if the lease came with the steps that were decided before it. */
  readonly stepsWritten: boolean;

  private constructor(
    context: RotationContext,
    ttlSeconds: number,
    { lease, credential, stepsWritten = false }: LeaseGrant & { stepsWritten?: boolean },
    startedMs: number,
  ) {
    this.#context = context;
    this.#ttlSeconds = ttlSeconds;
    this.#lease = lease;
    this.#startedMs = startedMs;
    this.credential = credential;
    this.stepsWritten = stepsWritten;
  }

  /**
   * Takes the lease; waits while a living process holds it, takes it over from a dead one. `first`: steps to be written
   * with it, if the vault can do that and the entry is still as it was seen.
   * @throws CoffreError LOCKED once `context.leaseWaitMs` is over
   */
  static async acquire(
    context: RotationContext,
    id: string,
    ttlSeconds: number,
    first?: FirstSteps,
  ): Promise<LeasedCredential> {
    const { vault } = context;
    const holder = newHolder();
    const waitUntil = context.clock.monotonicMs() + context.leaseWaitMs;
    let takeOver: number | undefined;
    for (;;) {
      // Measured before the request: the vault's own clock starts the lease later than this.
      const startedMs = context.clock.monotonicMs();
      try {
        const request = { holder, ttlSeconds, ...(takeOver === undefined ? {} : { takeOver }) };
        const grant = await (first && vault.acquireAsSeen
          ? vault.acquireAsSeen(first.seen, request, first.steps)
          : vault.acquireLease(id, request));
        return new LeasedCredential(context, ttlSeconds, grant, startedMs);
      } catch (error) {
        if (!isCoffreError(error, "LOCKED")) throw error;
        const { holder: theirs, fencing } = error.details;
        takeOver = typeof theirs === "string" && typeof fencing === "number" && isDead(theirs) ? fencing : undefined;
        if (takeOver !== undefined) continue;
        if (startedMs > waitUntil) throw error;
        await context.clock.sleep(POLL_MS, context.signal);
      }
    }
  }

  /** Writes steps, fenced. @throws CoffreError LOCKED if another run has taken over, and what the port's `record` throws */
  async record(...steps: RotationStep[]): Promise<Credential> {
    this.credential = await this.#context.vault.record(this.#lease, steps);
    this.#released = steps.some(({ step }) => step === "release");
    return this.credential;
  }

  /**
   * {@link record}, once a fresh request has read back the staged value.
   * @throws CoffreError BAD_RESPONSE for another value; what reading throws
   */
  async recordReadBack(read: { version: number; value: Secret }, ...steps: RotationStep[]): Promise<void> {
    const { vault } = this.#context;
    if (vault.recordReadBack) {
      this.credential = await vault.recordReadBack(this.#lease, read, steps);
      return;
    }
    const { value } = await readValue(this.#context, { id: this.#lease.credentialId, version: read.version });
    refuseOtherValue(value, read.value);
    await this.record(...steps);
  }

  /**
   * Makes sure that the lease outlasts a change that takes up to `neededMs`; right before each set.
   * @throws CoffreError LOCKED if somebody else holds it by now
   */
  async ensureTime(neededMs: number): Promise<void> {
    const { clock } = this.#context;
    // Both clocks: the monotonic one may stand still while the machine sleeps, the wall clock may be set.
    const leftMs = Math.min(
      this.#ttlSeconds * 1000 - (clock.monotonicMs() - this.#startedMs),
      Date.parse(this.#lease.expiresAt) - clock.now().getTime(),
    );
    if (leftMs > neededMs + MARGIN_MS) return;
    const startedMs = clock.monotonicMs();
    const { holder, fencing, credentialId } = this.#lease;
    const grant = await this.#context.vault.acquireLease(credentialId, {
      holder,
      ttlSeconds: this.#ttlSeconds,
      takeOver: fencing,
    });
    this.#lease = grant.lease;
    this.#startedMs = startedMs;
    this.credential = grant.credential;
    if (grant.lease.fencing !== fencing + 1) {
      throw new CoffreError("LOCKED", "Another run has held the lease since this one checked it last", {
        hint: "Nothing was lost; run it again to go on from where that one ended.",
      });
    }
    if (this.#ttlSeconds * 1000 <= neededMs + MARGIN_MS) {
      throw new CoffreError("LOCKED", "The lease is shorter than the change may take");
    }
  }

  /** Gives the lease back, if a step didn't already. Never throws: it runs out by itself. */
  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    await this.#context.vault.record(this.#lease, [{ step: "release" }]).catch(() => undefined);
  }
}

/** Runs `work` under the credential's lease and gives the lease back, whatever happens. */
export async function withLease<T>(
  context: RotationContext,
  id: string,
  ttlSeconds: number,
  work: (leased: LeasedCredential) => Promise<T>,
  first?: FirstSteps,
): Promise<T> {
  const leased = await LeasedCredential.acquire(context, id, ttlSeconds, first);
  try {
    return await work(leased);
  } finally {
    await leased.release();
  }
}
