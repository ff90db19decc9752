import { CoffreError } from "../../core/errors.js";
import type { TargetSpec } from "../port.js";
import { formatAddress } from "../common/address.js";
import { within } from "../common/connection.js";
import { Connection } from "./connection.js";
import { toCoffreError } from "./errors.js";
import type { Trust } from "./host-key.js";
import { ONLY_ASK } from "./login.js";

/** The two ways in which SSH takes a password. */
const TAKES_PASSWORDS = ["password", "keyboard-interactive"];

/**
 * Asks how the account may log in, and goes away: OpenSSH counts that as no failed login. Only for accounts that exist, since
 * a question about another is written down as a failure.
 * @throws CoffreError NOT_VERIFIABLE if no set could be proven; UNREACHABLE; HOST_KEY_NOT_TRUSTED
 */
export async function assertProvable(spec: TargetSpec, trust: Trust): Promise<void> {
  const connection = new Connection();
  try {
    const end = await within(connection, { limitMs: spec.limits.verifyMs }, () =>
      connection.open(spec.address, spec.username, trust, ONLY_ASK),
    );
    if (end === "in") throw notProvable(spec, "lets the account in without a password");
    assertOffered(spec, connection.offered);
  } catch (error) {
    throw toCoffreError(error, { address: spec.address, username: spec.username });
  } finally {
    connection.close();
  }
}

/** @throws CoffreError NOT_VERIFIABLE if no password is among the methods */
export function assertOffered(spec: TargetSpec, methods: readonly string[]): void {
  if (methods.some((method) => TAKES_PASSWORDS.includes(method))) return;
  throw notProvable(spec, `takes no passwords (only ${methods.join(", ") || "nothing"})`);
}

function notProvable(spec: TargetSpec, why: string): CoffreError {
  const { host, port } = spec.address;
  return new CoffreError(
    "NOT_VERIFIABLE",
    `SSH at ${formatAddress(spec.address)} can't prove a password of account "${spec.username}": it ${why}`,
    {
      hint: 'Set PasswordAuthentication yes in sshd_config, or declare verify: "none" to do without a proof.',
      details: { account: spec.account, host, port },
    },
  );
}
