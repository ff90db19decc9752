/**
 * Every failure that Coffre reports, with the exit code that the CLI ends with.
 * A code is a promise: scripts and pipelines test it, so none is renamed or given another meaning.
 */
export const ERROR_CODES = {
  /** What was asked for doesn't exist. The only code that means *gone*. */
  NOT_FOUND: 3,
  /** It may exist, but the caller has no right to it. Never read as gone. */
  FORBIDDEN: 4,
  /** Two things claim one name, account, owner or revision. */
  CONFLICT: 5,
  /** A policy forbids the value, or two policies can't be met together. */
  POLICY: 2,
  /** Input that can't be right, found before anything was changed. */
  INVALID_INPUT: 2,
  /** Configuration is missing or contradicts itself. */
  CONFIGURATION: 2,
  /** The vault declares no such capability. */
  NOT_SUPPORTED: 2,
  /** No vault stands at the configured URL; only `coffre vault init` creates one. Not 3: nothing is known to be gone. */
  VAULT_MISSING: 1,
  /** Another vault answers at the URL than the one that state, or a reference, names. */
  WRONG_VAULT: 5,
  /** The vault is older than what was seen of it before: an older copy, or a restore. */
  ROLLED_BACK: 6,
  /** A lease, or the vault's write lock, is held by another process. */
  LOCKED: 5,
  /** The vault, or a file that was named for a key, a backup or a value, can't be written. */
  READ_ONLY: 1,
  /** No key slot opens with the key that was given. */
  WRONG_KEY: 4,
  /** The vault's format is newer than this version of Coffre. */
  NEWER_FORMAT: 1,
  /** The vault's file is cut, altered, or not a vault. */
  CORRUPT: 1,
  /** The vault's file lies on a network file system, where its locks can't be trusted. */
  NETWORK_FILE_SYSTEM: 1,
  /** No space left where the vault lies. */
  DISK_FULL: 1,
  /** A server didn't answer: no route, refused connection, time-out, name not found. */
  UNREACHABLE: 1,
  /** A server's certificate isn't trusted. */
  TLS_NOT_TRUSTED: 1,
  /** A server's SSH host key isn't known, or isn't the one that it must be. */
  HOST_KEY_NOT_TRUSTED: 1,
  /** A server answered something that can't be understood. */
  BAD_RESPONSE: 1,
  /** A login was refused. */
  LOGIN_REFUSED: 4,
  /** The target is in a state in which the change can't succeed or can't be proven. */
  TARGET_NOT_READY: 1,
  /** The target can't prove a password (for example `trust` authentication). */
  NOT_VERIFIABLE: 1,
  /** The budget of refused logins is spent. */
  BUDGET_SPENT: 6,
  /** A person has to decide; `coffre attention` lists what and why. */
  NEEDS_ATTENTION: 6,
  /** The operation was interrupted; running it again goes on. */
  INTERRUPTED: 1,
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** What a {@link CoffreError} is made of. No part ever holds a secret. */
export interface CoffreErrorOptions extends ErrorOptions {
  /** What to do next, one sentence in the imperative. */
  hint?: string;
  /** Facts for `--json`: ids, names, numbers. */
  details?: Record<string, string | number | boolean>;
}

/** The one error class of Coffre. Pulumi prints `message` on a terminal: it names ids and fields, never values. */
export class CoffreError extends Error {
  override readonly name = "CoffreError";
  readonly code: ErrorCode;
  /** What went wrong, one sentence without a full stop (others quote it), without the hint. */
  readonly problem: string;
  readonly hint: string | undefined;
  readonly details: Record<string, string | number | boolean>;

  constructor(code: ErrorCode, problem: string, options: CoffreErrorOptions = {}) {
    const { hint, details, ...rest } = options;
    super(hint === undefined ? `${code}: ${problem}` : `${code}: ${problem}\n  ${hint}`, rest);
    this.code = code;
    this.problem = problem;
    this.hint = hint;
    this.details = details ?? {};
  }

  /** The CLI's exit code for this error: 1 failure, 2 usage, 3 not found, 4 forbidden, 5 conflict, 6 attention needed. */
  get exitCode(): number {
    return ERROR_CODES[this.code];
  }
}

/** True if `error` is a {@link CoffreError} with one of `codes` (any, if none is named). */
export function isCoffreError(error: unknown, ...codes: ErrorCode[]): error is CoffreError {
  return error instanceof CoffreError && (codes.length === 0 || codes.includes(error.code));
}
