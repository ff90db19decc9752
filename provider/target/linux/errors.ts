import { CoffreError } from "../../core/errors.js";
import type { TargetAddress } from "../port.js";
import { formatAddress } from "../common/address.js";
import { connectionError } from "../common/connection.js";
import { SshError } from "./connection.js";

/** What sudo, a tool or the machine's state answered instead of doing it: a definite no, and nothing was changed. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly code: "FORBIDDEN" | "TARGET_NOT_READY";
  readonly hint: string;

  constructor(code: Refusal["code"], message: string, hint: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

/** Who was doing what, for the sentences. */
export interface Occasion {
  address: TargetAddress;
  /** The account that logs in. */
  username: string;
  /** A password or a key was sent, and no answer came. */
  unanswered?: boolean;
  /** The password was right, and more is wanted. */
  accepted?: boolean;
}

/** The one place where failures of the network and of the machine become {@link CoffreError}s; others are mistakes of ours. */
export function toCoffreError(
  error: unknown,
  { address, username, unanswered = false, accepted = false }: Occasion,
): unknown {
  const where = formatAddress(address);
  const known = { ...(unanswered ? { unanswered } : {}), ...(accepted ? { accepted } : {}) };
  const details = { host: address.host, port: address.port, ...known };
  if (error instanceof Refusal) {
    const { code, message, hint } = error;
    return new CoffreError(code, `${username} at ${where}: ${message}`, { hint, details: { ...details, username } });
  }
  if (!(error instanceof SshError)) return error;
  switch (error.failure) {
    case "not-ssh":
      return new CoffreError("UNREACHABLE", `What answers at ${where} isn't usable: ${error.message}`, {
        hint: "Check host and port, and that the server offers algorithms of today.",
        details,
      });
    case "unknown-key":
    case "other-key":
      return new CoffreError("HOST_KEY_NOT_TRUSTED", `The host key of ${where} isn't trusted: ${error.message}`, {
        hint:
          "If the machine was made anew, declare its new key, or with trustOnFirstUse change identity; otherwise somebody " +
          "may answer in its place. No password was sent.",
        details,
      });
    case "too-many":
      return connectionError("lost", error.message, { service: "SSH", address, details });
    case "not-up":
    case "silent":
    case "lost":
    case "aborted":
      return connectionError(error.failure, error.message, { service: "SSH", address, details });
  }
}
