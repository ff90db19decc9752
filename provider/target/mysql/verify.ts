import type { Secret } from "../../core/secret.js";
import { formatAddress } from "../common/address.js";
import { within } from "../common/connection.js";
import { tlsFor } from "../common/tls.js";
import { WireError } from "../common/wire.js";
import type { Proof, TargetAddress, TargetSpec } from "../port.js";
import { ERROR, reasonOf, ServerError, toCoffreError, Unanswered, Unprovable } from "./errors.js";
import { logIn } from "./login.js";
import type { MysqlTarget } from "./schema.js";
import { run } from "./statement.js";
import { MysqlWire } from "./wire.js";

/**
 * One login by `mysql_native_password` on a connection of its own, at a server whose certificate was checked or that is on this
 * machine. It counts if the server took it for the account that was set. @throws CoffreError INTERRUPTED; CONFIGURATION
 */
export async function proveAt(
  spec: TargetSpec,
  target: MysqlTarget,
  password: Secret,
  address: TargetAddress,
  signal?: AbortSignal,
): Promise<Proof> {
  const tls = await tlsFor(address, spec, target);
  const wire = new MysqlWire();
  let loggedIn = false;
  try {
    return await within(wire, { limitMs: spec.limits.verifyMs, signal }, async () => {
      await wire.connect(address, tls);
      const answer = await logIn(wire, { username: spec.username, password, tls: tls !== undefined });
      if (answer.outcome === "refused") return { proof: "refused", reason: sentence(address, "refused the password") };
      if (answer.outcome === "turned-away") return worksBut(answer.why);
      loggedIn = true;
      const who = await whoWasLetIn(wire);
      return who instanceof ServerError ? worksBut(who) : takenFor(who, { spec, target, address });
    });
  } catch (error) {
    return explain(error, { address, username: spec.username });
  } finally {
    wire.close({ loggedIn });
  }
}

/**
 * `user@host`, or the server's complaint that the password has expired, which nobody hears who doesn't know it.
 * @throws Unanswered: the password was right for some account, and nobody knows for which
 */
async function whoWasLetIn(wire: MysqlWire): Promise<string | ServerError> {
  try {
    const [who] = await run(wire, "SELECT CURRENT_USER()");
    return who ?? "";
  } catch (error) {
    if (error instanceof ServerError && error.code === ERROR.mustChangePassword) return error;
    throw error instanceof ServerError || error instanceof WireError ? new Unanswered(error) : error;
  }
}

function worksBut({ message, code }: ServerError): Proof {
  return { proof: "works", note: `The password works; the session is refused: ${message} (${code}).` };
}

function takenFor(who: string, seen: { spec: TargetSpec; target: MysqlTarget; address: TargetAddress }): Proof {
  const wanted = `${seen.spec.username}@${seen.target.accountHost}`;
  const at = who.lastIndexOf("@"); // hosts are in small letters in a description, users as they are
  if (who.slice(0, at) + who.slice(at).toLowerCase() === wanted) return { proof: "works" };
  return { proof: "not-verifiable", reason: sentence(seen.address, `took the login for ${who}, not for ${wanted}`) };
}

function explain(error: unknown, occasion: { address: TargetAddress; username: string }): Proof {
  const { address } = occasion;
  if (error instanceof Unprovable) return { proof: "not-verifiable", reason: sentence(address, error.message) };
  if (error instanceof ServerError && error.code === ERROR.hostNotPrivileged) {
    return { proof: "not-verifiable", reason: sentence(address, `lets nobody in from here (${error.message})`) };
  }
  const failure = error instanceof Unanswered ? error.cause : error;
  if (failure instanceof WireError && failure.failure === "aborted") throw toCoffreError(error, occasion);
  if (error instanceof Unanswered) {
    return { proof: "unanswered", reason: sentence(address, `didn't answer to the proof: ${reasonOf(error.cause)}`) };
  }
  if (error instanceof WireError || error instanceof ServerError) {
    return { proof: "unreachable", reason: `${formatAddress(address)}: ${reasonOf(error)}` };
  }
  throw error;
}

const sentence = (address: TargetAddress, what: string) => `MariaDB at ${formatAddress(address)} ${what}`;
