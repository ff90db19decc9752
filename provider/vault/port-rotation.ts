import type { Secret } from "../core/secret.js";
import type { Credential } from "./port-credentials.js";

/** Candidates in one rotation: a target that refuses three drawn values refuses something else (`protocol.md` 3). */
export const MAX_DRAWS = 3;

export interface Journal {
  /** The last fencing number that was given out. */
  fencing: number;
  lease?: Lease;
  /** After a take-over with a set started: nothing *new* is staged before this time, since the dead holder's packet may still land. */
  quietUntil?: string;
  /** Candidates drawn since the last promotion or decision of a person, discarded ones included; three at most. */
  draws: number;
  pending?: PendingRotation;
  /** Logins of the version before, which still work for those who haven't got the current one yet. Missing if there are none. */
  draining?: Draining[];
  attention?: Attention;
}

/** A login whose turn is over: it works until somebody ends it, which nobody does before its time. */
export interface Draining {
  account: string;
  username: string;
  /** The version that works there. */
  version: number;
  /** When it may be ended, ISO 8601, UTC. */
  until: string;
  /** It may be ended already. */
  started?: true;
}

export interface PendingRotation {
  version: number;
  targets: TargetProgress[];
  /** Accounts that were targets when a set with this version was started, and aren't any more. */
  left?: TargetProgress[];
}

export interface TargetProgress {
  account: string;
  /** A set with this version may have reached the target. */
  setStarted: boolean;
  /** How often a set was started with this version. */
  setTries: number;
  /** The target said yes. */
  setConfirmed: boolean;
  /** Since the last set was started, a login with this version was refused: the set hadn't happened by then. */
  pendingRefused?: true;
  /** The account's first password was proven to be refused since. */
  initialRefused?: true;
  verified: boolean;
}

/**
 * The word of {@link Attention.reason} for a target that has another password than the vault, and an admin who can set it
 * again: the only one that keeps no rotation from going on, since that mends it as well.
 */
export const DRIFTED = "drifted";

export interface Attention {
  /** Stable word: `set-but-refused`, `no-way-in`, `admin-refused`, `budget-spent`, `initial-still-works`, `rolled-back`, `draws-exhausted`, `drifted`. */
  reason: string;
  /** One sentence for a person, without a value. */
  message: string;
  /** ISO 8601, UTC. */
  since: string;
  /** The version it is about. */
  version?: number;
  account?: string;
  /** Of `rolled-back`: what had to be decided before the restore. It stands again once the rollback is accepted. */
  earlier?: Attention;
}

export interface Lease {
  credentialId: string;
  /** Who: machine, process, start time; see `rotation/holder.ts`. */
  holder: string;
  fencing: number;
  /** ISO 8601, UTC. */
  expiresAt: string;
}

export interface LeaseRequest {
  holder: string;
  ttlSeconds: number;
  /** The fencing number of a lease whose holder is known to be dead. */
  takeOver?: number;
}

export interface LeaseGrant {
  lease: Lease;
  /** As it is after the lease and its steps were written. */
  credential: Credential;
}

/** One entry of the journal. Each is one event in the log. */
export type RotationStep =
  /** `username`: the login that it is for, where logins take turns. */
  | { step: "stage"; value: Secret; causes: string[]; accounts: string[]; username?: string }
  | { step: "set-started"; version: number; account: string }
  | { step: "set-confirmed"; version: number; account: string }
  /** After a set in doubt, the account refused a login with this version. */
  | { step: "pending-refused"; version: number; account: string }
  | { step: "account-made"; account: string }
  /** The target is held to this from now on. */
  | { step: "pinned"; account: string; pin: string }
  /** After the set, the password that the account had before Coffre (`initialRef`) was refused. */
  | { step: "initial-refused"; version: number; account: string }
  | { step: "verified"; version: number; account: string }
  /** `drain`: logins of the version before, which go on working for so many seconds. */
  | {
      step: "promote";
      version: number;
      verified: boolean;
      drain?: (Omit<Draining, "until" | "started"> & { seconds: number })[];
    }
  /** Nobody needs what drains any more: it may be ended now. */
  | { step: "acknowledge" }
  /** From now on the login may be ended. Only once its time has come. */
  | { step: "drain-started"; account: string }
  | { step: "drained"; account: string }
  /** The targets were declared anew while a version was pending: those that are gone are let go, new ones are not started. */
  | { step: "retarget"; version: number; accounts: string[]; causes: string[]; username?: string }
  /** A login outside a rotation proved this version: an adopted entry's first verify. */
  | { step: "proven"; version: number }
  /** Only before a set is in doubt: the target refused this *value*, definitely, at the first set. */
  | { step: "discard"; version: number; reason: string }
  | { step: "attention"; attention: Omit<Attention, "since"> }
  | { step: "clear-attention" }
  | { step: "book-login"; booking: LoginBooking }
  | { step: "settle-login"; bookingId: string; outcome: LoginOutcome }
  | { step: "release" };

/** One login that is about to be tried: counted before, taken back when it succeeds. */
export interface LoginBooking {
  id: string;
  /** The account that is logged in to. */
  account: string;
  /** `host:port`, whose refused logins are counted over all accounts. */
  host: string;
  /**
   * `proof`: with a value that is known to be the right one: after a set that the target confirmed, or an admin's.
   * Proofs whose outcome is unknown (a kill) count as one together. `probe`: with a value that may be wrong.
   */
  kind: "proof" | "probe";
  /** A question that nobody needs answered at once, such as a check for drift: leaves one login of each budget to a mend. */
  sparing?: true;
}

/**
 * `not-made`: no password was sent (not reachable, not verifiable), so nothing was used up. `unanswered`: it was sent, and no
 * answer came, so that the account may count one more refused login: each counts, whatever its kind.
 */
export type LoginOutcome = "succeeded" | "refused" | "unanswered" | "not-made";

export type Resolution =
  /** Attention is cleared; the next run goes on with the pending version. */
  | { decision: "retry" }
  /** The version, tried by a person or by `coffre verify`, is what works: it becomes current. */
  | { decision: "accept"; version: number; verified: boolean }
  /** The vault, though older than the state, is what holds. */
  | { decision: "accept-rollback" };
