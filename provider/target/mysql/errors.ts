import { CoffreError } from "../../core/errors.js";
import { formatAddress } from "../common/address.js";
import { UnansweredLogin, unansweredLogin } from "../common/connection.js";
import { WireError, wireError } from "../common/wire.js";
import type { TargetAddress } from "../port.js";

/** What the server answered to a login or a statement: the number of its error, and its sentence without hashes. */
export class ServerError extends Error {
  override readonly name = "ServerError";
  readonly code: number;

  constructor({ code, message }: { code: number; message: string }) {
    // A syntax error quotes the statement; a hash isn't for logs.
    super(message.replace(/\*?[0-9a-f]{16,}/gi, "[hash]"));
    this.code = code;
  }
}

/** A login, or what it was to prove, isn't possible in a safe form; the password wasn't given away. Its message ends a sentence about the server. */
export class Unprovable extends Error {
  override readonly name = "Unprovable";
}

/** The proof was sent, and what came in place of an answer to it is `cause`: the server may count a refused login. */
export class Unanswered extends UnansweredLogin<WireError | ServerError> {}

/** The errors that Coffre tells apart (MariaDB's manual, "MariaDB Error Code Reference"). */
export const ERROR = {
  tooManyConnections: 1040,
  databaseDenied: 1044,
  accessDenied: 1045,
  syntax: 1064,
  hostBlocked: 1129,
  hostNotPrivileged: 1130,
  noSuchAccount: 1133,
  tableAccessDenied: 1142,
  columnAccessDenied: 1143,
  tooManyOfUser: 1203,
  lockWaitTimeout: 1205,
  userLimitReached: 1226,
  needsPrivilege: 1227,
  optionPrevents: 1290,
  hashHasWrongLength: 1372,
  accountOperationFailed: 1396,
  validationRefused: 1819,
  mustChangePassword: 1820,
  readOnly: 1836,
  expiredPassword: 1862,
  roleRefused: 1959,
  tlsRequired: 3159,
  userBlocked: 4150,
  accountLocked: 4151,
} as const;

/** Answers that come after the password was found right: the account may not go on all the same (`acl_authenticate` in `sql_acl.cc`). */
export const AFTER_PROOF: readonly number[] = [
  ERROR.tooManyConnections,
  ERROR.databaseDenied,
  ERROR.tooManyOfUser,
  ERROR.userLimitReached,
  ERROR.expiredPassword,
  ERROR.accountLocked,
];

const NO_RIGHT: readonly number[] = [
  ERROR.databaseDenied,
  ERROR.tableAccessDenied,
  ERROR.columnAccessDenied,
  ERROR.needsPrivilege,
  ERROR.roleRefused,
];
const BUSY: readonly number[] = [
  ERROR.tooManyConnections,
  ERROR.tooManyOfUser,
  ERROR.userLimitReached,
  ERROR.lockWaitTimeout,
  ERROR.hostBlocked,
];

/** Who was doing what, for the sentences. */
export interface Occasion {
  address: TargetAddress;
  /** The user that logs in. */
  username: string;
}

/**
 * The one place where failures of the network, of TLS and of the server become {@link CoffreError}s. What isn't one of
 * them is a mistake of ours and stays what it is.
 */
export function toCoffreError(error: unknown, occasion: Occasion): unknown {
  const { address, username } = occasion;
  const where = formatAddress(address);
  const details = { host: address.host, port: address.port };
  if (error instanceof WireError) {
    return wireError(error, { service: "MariaDB", address, isUsable: "a MariaDB server must answer there" });
  }
  if (error instanceof Unprovable) {
    return new CoffreError("NOT_VERIFIABLE", `The server at ${where} ${error.message}`, {
      hint: `Let ${username} log in by mysql_native_password, over TLS or on the machine itself.`,
      details: { ...details, username },
    });
  }
  if (error instanceof Unanswered) {
    return unansweredLogin(error, { service: "MariaDB", address, reason: reasonOf(error.cause) });
  }
  return error instanceof ServerError ? ofServer(error, occasion) : error;
}

/** One sentence about what went wrong, for answers that aren't errors. Nothing secret is in it. */
export function reasonOf(error: WireError | ServerError): string {
  return error instanceof WireError ? error.message : `the server said: ${error.message} (${error.code})`;
}

function ofServer(error: ServerError, { address, username }: Occasion): CoffreError {
  const where = formatAddress(address);
  const details = { host: address.host, port: address.port, username, errorCode: error.code };
  const said = `${error.message} (${error.code})`;
  if (error.code === ERROR.accessDenied) {
    return new CoffreError("LOGIN_REFUSED", `MariaDB at ${where} refused the password of user "${username}"`, {
      hint: "Another password works there, or the account doesn't exist for this host, or it requires TLS.",
      details,
    });
  }
  if (NO_RIGHT.includes(error.code)) {
    return new CoffreError("FORBIDDEN", `User "${username}" has no right to this at ${where}: ${said}`, {
      hint: "Grant it CREATE USER ON *.* and SELECT ON mysql.global_priv (docs/targets/mysql.md, rights of the admin).",
      details,
    });
  }
  if (BUSY.includes(error.code)) {
    return new CoffreError("UNREACHABLE", `MariaDB at ${where} couldn't serve: ${said}`, {
      hint: "Check its load, locks and limits, then run again.",
      details,
    });
  }
  return new CoffreError("TARGET_NOT_READY", `MariaDB at ${where} refused: ${said}`, {
    hint: "Correct what the server names, then run again.",
    details,
  });
}
