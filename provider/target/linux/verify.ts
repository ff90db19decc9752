import type { Secret } from "../../core/secret.js";
import type { Proof, TargetAddress, TargetSpec } from "../port.js";
import { formatAddress } from "../common/address.js";
import { within } from "../common/connection.js";
import { Connection, SshError } from "./connection.js";
import { toCoffreError } from "./errors.js";
import { isUnpinned, trustFor } from "./host-key.js";
import { passwordLogin, type PasswordLogin } from "./login.js";
import type { LinuxTarget } from "./schema.js";

/** What PAM says, through OpenSSH, to who gave the right password for an account that has ended, before it hangs up. */
const EXPIRED = /^your account has expired; please contact your system administrator\.?\s*$/im;

/**
 * One login on a connection of its own: without a key, without an agent, and only after no credentials at all were refused.
 * @throws CoffreError INTERRUPTED; CONFIGURATION
 */
export async function proveAt(
  spec: TargetSpec,
  target: LinuxTarget,
  password: Secret,
  address: TargetAddress,
  signal?: AbortSignal,
): Promise<Proof> {
  if (isUnpinned(spec, target)) {
    return { proof: "not-verifiable", reason: sentence(address, "hasn't shown a host key yet that it is held to") };
  }
  const connection = new Connection();
  let before = 0; // what was said before the password was sent answers nothing: a banner may hold any words
  const login = passwordLogin(spec.username, password, {
    leave: () => connection.giveUp("aborted"),
    sent: () => (before = connection.banner.length),
  });
  const occasion = { address, username: spec.username };
  try {
    const trust = await trustFor(spec, target);
    const end = await within(connection, { limitMs: spec.limits.verifyMs, signal }, () =>
      connection.open(address, spec.username, trust, login.next),
    );
    return judge(address, end, login, connection.offered);
  } catch (error) {
    const settled = settledBy(address, login, connection.banner.slice(before));
    if (settled) return settled;
    if (!(error instanceof SshError)) throw error;
    const unanswered = login.state === "sent";
    if (error.failure === "aborted") throw toCoffreError(error, { ...occasion, unanswered });
    if (unanswered && error.failure === "too-many")
      return { proof: "refused", reason: sentence(address, "refused the password, and hung up") };
    if (unanswered) {
      return { proof: "unanswered", reason: sentence(address, `didn't answer to the password: ${error.message}`) };
    }
    if (error.failure === "other-key" || error.failure === "unknown-key") {
      return { proof: "not-verifiable", reason: sentence(address, `isn't trusted: ${error.message}`) };
    }
    return { proof: "unreachable", reason: `${formatAddress(address)}: ${error.message}` };
  } finally {
    connection.close();
  }
}

function judge(address: TargetAddress, end: "in" | "stopped", login: PasswordLogin, offered: readonly string[]): Proof {
  if (end === "in") {
    if (login.state === "sent") return { proof: "works" };
    return { proof: "not-verifiable", reason: sentence(address, "lets the account in without a password") };
  }
  if (login.state === "refused") return { proof: "refused", reason: sentence(address, "refused the password") };
  if (login.state === "accepted")
    return { proof: "works", note: "The password works; another factor is wanted beside it." };
  const methods = offered.join(", ") || "nothing";
  return { proof: "not-verifiable", reason: sentence(address, `takes no passwords of the account (only ${methods})`) };
}

/** What is known although the connection ended before the login did. */
function settledBy(address: TargetAddress, { state }: PasswordLogin, said: string): Proof | undefined {
  if (state === "must-change")
    return { proof: "works", note: "The password works; the account must change it at its next login." };
  if (state === "more")
    return {
      proof: "not-verifiable",
      reason: sentence(address, "asks for more than a password before it answers"),
      unanswered: true,
    };
  if (state === "sent" && EXPIRED.test(said))
    return { proof: "works", note: "The password works; the account has expired." };
  return undefined;
}

const sentence = (address: TargetAddress, what: string) => `SSH at ${formatAddress(address)} ${what}`;
