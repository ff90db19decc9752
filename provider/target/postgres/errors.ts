import { CoffreError } from "../../core/errors.js";
import type { TargetAddress } from "../port.js";
import { formatAddress } from "../common/address.js";
import { UnansweredLogin, unansweredLogin } from "../common/connection.js";
import { WireError, wireError } from "../common/wire.js";

/** What PostgreSQL answered to a login or a statement: its SQLSTATE and its sentence, without details, context or query. */
export class ServerError extends Error {
  override readonly name = "ServerError";
  /** Five characters, or empty where something else than PostgreSQL answered. */
  readonly sqlState: string;

  constructor(sqlState: string | undefined, message: string) {
    // A hook on the server may quote what it refused; a verifier isn't for logs.
    super(message.replace(/SCRAM-SHA-256\$[^\s'"]+/g, "[verifier]"));
    this.sqlState = sqlState ?? "";
  }
}

/** The proof was sent, and what came in place of an answer to it is `cause`: the server may count a refused login. */
export class Unanswered extends UnansweredLogin<WireError | ServerError> {}

/** The SQLSTATEs that Coffre tells apart (PostgreSQL's manual, appendix A). */
export const SQLSTATE = {
  wrongPassword: "28P01",
  /** No rule in pg_hba.conf; or, after the password, NOLOGIN. */
  notAllowed: "28000",
  invalidValue: "22023",
  noRight: "42501",
  dependentObjects: "2BP01",
  objectInUse: "55006",
} as const;

const STARTING_OR_STOPPING = /^57P0/;
const TOO_MANY = /^53/;
const OUT_OF_TIME = /^(55P03|57014|25P0[34])$/; // lock_timeout, statement_timeout, idle_in_transaction, transaction_timeout

const ASKED_FOR_SCRAM = "the account and its admin must be asked for SCRAM-SHA-256";

/** Who was doing what, for the sentences. */
export interface Occasion {
  address: TargetAddress;
  /** The role that logs in. */
  username: string;
}

/**
 * The one place where failures of the network, of TLS and of the server become {@link CoffreError}s. What isn't one of
 * them is a mistake of ours and stays what it is.
 */
export function toCoffreError(error: unknown, occasion: Occasion): unknown {
  if (error instanceof Unanswered) {
    const { address } = occasion;
    return unansweredLogin(error, { service: "PostgreSQL", address, reason: reasonOf(error.cause) });
  }
  if (error instanceof WireError)
    return wireError(error, { service: "PostgreSQL", address: occasion.address, isUsable: ASKED_FOR_SCRAM });
  if (error instanceof ServerError) return ofServer(error, occasion);
  return error;
}

/** One sentence about what went wrong, for answers that aren't errors. Nothing secret is in it. */
export function reasonOf(error: WireError | ServerError): string {
  if (error instanceof WireError) return error.message;
  if (OUT_OF_TIME.test(error.sqlState)) return `the server gave up waiting: ${error.message} (${error.sqlState})`;
  return `the server said: ${error.message}${error.sqlState === "" ? "" : ` (${error.sqlState})`}`;
}

function ofServer(error: ServerError, { address, username }: Occasion): CoffreError {
  const where = formatAddress(address);
  const details = { host: address.host, port: address.port, username, sqlState: error.sqlState };
  const said = `${error.message} (${error.sqlState || "no SQLSTATE"})`;
  if (error.sqlState === SQLSTATE.wrongPassword) {
    return new CoffreError("LOGIN_REFUSED", `PostgreSQL at ${where} refused the password of role "${username}"`, {
      hint: "Another password works there, or the role has expired or doesn't exist.",
      details,
    });
  }
  if (error.sqlState === SQLSTATE.noRight) {
    return new CoffreError("FORBIDDEN", `Role "${username}" has no right to this at ${where}: ${said}`, {
      hint: "Log in as a role that may, or grant it the right.",
      details,
    });
  }
  if (STARTING_OR_STOPPING.test(error.sqlState)) {
    return new CoffreError("UNREACHABLE", `PostgreSQL at ${where} isn't up: ${said}`, {
      hint: "Run again when the server is up; waitFor.timeoutSeconds waits for it.",
      details: { ...details, refusedConnect: error.sqlState === "57P03" },
    });
  }
  if (TOO_MANY.test(error.sqlState) || error.sqlState === "") {
    return new CoffreError("UNREACHABLE", `PostgreSQL at ${where} couldn't serve: ${said}`, {
      hint: "Check its load and max_connections, then run again.",
      details,
    });
  }
  return new CoffreError("TARGET_NOT_READY", `PostgreSQL at ${where} refused: ${said}`, {
    hint:
      error.sqlState === SQLSTATE.notAllowed
        ? `Give role "${username}" LOGIN and a line in pg_hba.conf that asks it for scram-sha-256.`
        : "Correct what the server names, then run again.",
    details,
  });
}
