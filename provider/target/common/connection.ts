import { CoffreError } from "../../core/errors.js";
import type { TargetAddress } from "../port.js";
import { formatAddress } from "./address.js";

/**
 * How a connection of any kind may fail. `not-up`: nothing serves there yet, or it drops connections before it says a word,
 * so waiting can help. `silent`: the time was over. `lost`: it ended in the middle. `aborted`: by the caller.
 */
export type ConnectionFailure = "not-up" | "silent" | "lost" | "aborted";

/** A connection that failed, by its own fault. Nothing that was sent is in it. `Own`: what only this kind of connection knows. */
export class ConnectionError<Own extends string = never> extends Error {
  readonly failure: ConnectionFailure | Own;

  constructor(failure: ConnectionFailure | Own, message: string) {
    super(message);
    this.failure = failure;
  }
}

/** What {@link within} can end early. */
export interface Breakable {
  /** Breaks it at once; what waits for it fails with the reason. */
  giveUp(why: "silent" | "aborted"): void;
}

/** The failure of a connection that is given up. `connecting`: there is no TCP connection yet. */
export function givenUp(why: "silent" | "aborted", connecting: boolean): [ConnectionFailure, string] {
  if (why === "aborted") return ["aborted", "the call was interrupted"];
  return connecting ? ["not-up", "no connection came about in time"] : ["silent", "it didn't answer in time"];
}

/** Runs `work` on the connection; when the time is over or `signal` aborts, it is broken and `work` fails with that. */
export async function within<T>(
  connection: Breakable,
  { limitMs, signal }: { limitMs: number; signal?: AbortSignal | undefined },
  work: () => Promise<T>,
): Promise<T> {
  const abort = () => connection.giveUp("aborted");
  const timer = setTimeout(() => connection.giveUp("silent"), limitMs);
  signal?.addEventListener("abort", abort, { once: true });
  if (signal?.aborted) abort();
  try {
    return await work();
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

/** The error for each failure that all connections share. @param service what should answer there: `PostgreSQL`, `SSH` */
export function connectionError(
  failure: ConnectionFailure,
  why: string,
  { service, address, details = {} }: { service: string; address: TargetAddress; details?: Record<string, unknown> },
): CoffreError {
  const where = formatAddress(address);
  const known = { host: address.host, port: address.port, ...details };
  switch (failure) {
    case "not-up":
      return new CoffreError("UNREACHABLE", `Nothing serves ${service} at ${where}: ${why}`, {
        hint: "Check host, port and firewall; for a machine that is still starting, declare waitFor.timeoutSeconds.",
        details: { ...known, refusedConnect: true },
      });
    case "silent":
    case "lost":
      return new CoffreError("UNREACHABLE", `${service} at ${where} can't be reached: ${why}`, {
        hint: "Check that the machine is healthy and nothing between cuts connections; limits sets the time it has.",
        details: known,
      });
    case "aborted":
      return new CoffreError("INTERRUPTED", `The call to ${where} was interrupted`, { details: known });
  }
}

/**
 * A proof was sent, and what came in place of an answer to it is `cause`: the server may count a refused login. `Cause`: how
 * the connection or the server may have failed.
 */
export class UnansweredLogin<Cause extends Error> extends Error {
  override readonly name = "Unanswered";
  override readonly cause: Cause;

  constructor(cause: Cause) {
    super(cause.message);
    this.cause = cause;
  }
}

/** The error of a login that wasn't answered. @param reason in words, without a secret */
export function unansweredLogin(
  { cause }: UnansweredLogin<Error>,
  { service, address, reason }: { service: string; address: TargetAddress; reason: string },
): CoffreError {
  const interrupted = cause instanceof ConnectionError && cause.failure === "aborted";
  return new CoffreError(
    interrupted ? "INTERRUPTED" : "UNREACHABLE",
    `${service} at ${formatAddress(address)} didn't answer to a login: ${reason}`,
    {
      hint: "It may count as a refused one. Check that the server is healthy and nothing between cuts connections.",
      details: { host: address.host, port: address.port, unanswered: true },
    },
  );
}
