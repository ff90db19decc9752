import type { Secret } from "../core/secret.js";

/**
 * What changes a password on a kind of system, and proves it. A driver keeps no state between calls, knows no vault and
 * resolves no reference: the rotation hands it logins. It maps its own failures to {@link CoffreError} codes once:
 * `UNREACHABLE` (nothing was asked of the target; with `details.unanswered`: a login was, and no answer came, so that it may
 * count as a refused one), `TLS_NOT_TRUSTED`, `HOST_KEY_NOT_TRUSTED`, `LOGIN_REFUSED`, `FORBIDDEN` (logged in, no right),
 * `NOT_VERIFIABLE`, `TARGET_NOT_READY` (with `details.accepted`: the password was right, and more is wanted), `NOT_FOUND` (no such account, and it isn't to be created), `INVALID_INPUT`.
 */
export interface TargetDriver {
  /** `postgres`, `linux`, …: the first part of an account. */
  readonly kind: string;
  /**
   * Parses what a stack declares, with defaults filled in; secrets have no place in it.
   * @throws CoffreError INVALID_INPUT that names the field
   */
  parse(description: Record<string, unknown>, username: string | undefined): TargetSpec;
  /**
   * Opens a session at the spec's address that can look and set. It serves every spec with the same
   * {@link TargetSpec.sessionKey}: one admin connection for all accounts of a server. @throws as above
   */
  connect(spec: TargetSpec, login: TargetLogin, signal?: AbortSignal): Promise<TargetSession>;
  /**
   * Tries the password on a connection of its own, at one address. Never throws for what the target answers.
   * `password` is sent only in a form from which it can't be read.
   */
  verify(spec: TargetSpec, password: Secret, address: TargetAddress, signal?: AbortSignal): Promise<Proof>;
}

export interface TargetAddress {
  host: string;
  port: number;
}

/** How long the login before goes on working after a rotation, in seconds, unless a target says otherwise. */
export const DRAIN_SECONDS = 3_600;

/** An account, and its user name as the target spells it. */
export interface TargetAccount {
  username: string;
  account: string;
}

/** A parsed description. `description` is what the vault keeps and what {@link TargetDriver.parse} accepts again. */
export interface TargetSpec {
  kind: string;
  /** `postgres://orders_app@db.example.com:5432`: lower-case host, explicit port, user percent-encoded. */
  account: string;
  /** The account's user name, as the target spells it. */
  username: string;
  address: TargetAddress;
  /** Where to verify: the address that is set, then `verifyHosts`. Empty for `verify: "none"`. */
  verifyAddresses: TargetAddress[];
  /**
   * Of a target whose rotations overlap: the logins that take turns, each version being for one of them, and how long the
   * one before goes on working. `account` is then the role that they act as.
   */
  overlap?: { logins: TargetAccount[]; drainSeconds: number };
  /**
   * Of a spec that speaks of one of those logins alone: the role that it acts as, and whether that role may still log in
   * itself, since a version from before rotations overlapped works there.
   */
  actsAs?: { username: string; mayLogIn: boolean };
  /** Characters that a password on this target may have. */
  acceptedCharacters: string;
  /** How to log in for look and set. `self`: with the account's own current password. */
  admin:
    | { by: "reference"; ref: string }
    /** `withoutPassword`: the driver logs in by other means, such as a key; a password may still be named beside it. */
    | { by: "connection"; username: string; passwordEnv?: string; passwordFile?: string; withoutPassword?: true }
    | { by: "self"; initialRef?: string };
  /** Seconds to wait for a machine that doesn't accept connections yet. 0: no wait. */
  waitForSeconds: number;
  /** Equal for specs that can share one admin connection: address, TLS, database and admin, never a secret. */
  sessionKey: string;
  /** True if an admin can set the same value again without harm, so that a set in doubt is simply repeated. */
  repeatable: boolean;
  /** Changes when the thing behind the address was made anew (`vm.id`). */
  identity?: string;
  onDelete: "keep" | "disable" | "drop" | "default";
  /** True if the target is to be held to what it shows first (`trustOnFirstUse`): see {@link TargetSession.pin}. */
  learnsPin?: boolean;
  /** What it showed at its first use, from the vault's record; what `parse` returns has none. */
  pin?: string;
  /** Path of the credential that has learned {@link pin}, where that is another one with an account of the same machine. */
  pinFrom?: string;
  /** Upper bounds of one call, milliseconds: the sum over a rotation's calls is what a lease must outlast. */
  limits: { connectMs: number; setMs: number; verifyMs: number };
  description: Record<string, unknown>;
}

export interface TargetLogin {
  username: string;
  /** Empty where the description says how else to log in. */
  password: Secret;
  /** True when it is the account itself, not an admin. */
  self: boolean;
}

/** One logged-in connection, shared: calls that overlap wait for each other inside. `close` may be called twice. */
export interface TargetSession {
  /**
   * Asks, without the password, whether the set can succeed and be proven; changes nothing.
   * @returns whether the account exists. @throws TARGET_NOT_READY with the reason (expired role, NOLOGIN, standby, …),
   * NOT_FOUND if the account is missing and isn't to be created, FORBIDDEN if this login may not change it,
   * NOT_VERIFIABLE if no proof would be possible
   */
  look(spec: TargetSpec): Promise<Look>;
  /**
   * What a set will need and can be worked out without the target, such as a verifier: begun here, while the caller still
   * waits for something else, and used by {@link TargetSession.set}. Sends nothing, throws nothing.
   */
  prepareSet?(spec: TargetSpec, password: Secret): void;
  /** Sets, creating the account first if the description says so and it is missing. Limits itself on the server to `limits.setMs`. */
  set(spec: TargetSpec, password: Secret): Promise<SetResult>;
  /** What becomes of the account when its credential is deleted. A missing account is a success. */
  remove(spec: TargetSpec, how: "disable" | "drop"): Promise<void>;
  /**
   * Ends a login whose turn is over: it may not log in any more, and has no password. Sessions that it has stay. A missing
   * one is a success. Only where specs have {@link TargetSpec.overlap}. @throws UNREACHABLE if it isn't known whether it did
   */
  endLogin?(spec: TargetSpec): Promise<void>;
  /** What the target showed of itself, for example its host key, where a spec is to learn it: to be recorded before a set. */
  readonly pin?: string | undefined;
  /** Calls that wait for others on this connection. Absent where none waits for another. */
  readonly waiting?: number;
  /** False once the connection is broken; a pool opens a new one. */
  readonly usable: boolean;
  close(): Promise<void>;
}

export interface Look {
  accountExists: boolean;
  /** Facts worth an event or a warning, without secrets. */
  notes: string[];
}

/**
 * `set`: the target said yes. `value-refused`: it definitely refused this value (too short, seen before): another may be
 * drawn. `refused`: it definitely refused for another reason, nothing changed. `in-doubt`: it may have happened.
 */
export type SetResult =
  | { result: "set"; accountMade: boolean }
  | { result: "value-refused"; reason: string }
  | { result: "refused"; reason: string }
  | { result: "in-doubt"; reason: string };

/**
 * `works`: a completed proof, even if the session was then refused. `refused`: the password is wrong.
 * `unreachable`: no answer, no password was sent. `unanswered`: it was sent, and the connection ended or the time was over
 * before an answer: the target may count a refused login. `not-verifiable`: the target asks for no proof, or in a form that would
 * give the password away; nothing was sent, unless `unanswered` says that the target asked for more before it answered: it
 * may then count a refused login.
 */
export type Proof =
  | { proof: "works"; note?: string }
  | { proof: "refused"; reason: string }
  | { proof: "unreachable"; reason: string }
  | { proof: "unanswered"; reason: string }
  | { proof: "not-verifiable"; reason: string; unanswered?: true };
