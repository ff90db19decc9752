import type { Secret } from "../../core/secret.js";
import type { Proof, TargetAddress, TargetSpec } from "../port.js";
import { formatAddress } from "../common/address.js";
import { reasonOf, ServerError, SQLSTATE, toCoffreError, Unanswered } from "./errors.js";
import { begin, prove, untilReady } from "./login.js";
import { WHY_NO_PROOF } from "./provable.js";
import { ScramError } from "./scram.js";
import type { PostgresTarget } from "./schema.js";
import { tlsFor } from "../common/tls.js";
import { within } from "../common/connection.js";
import { WireError } from "../common/wire.js";
import { PostgresWire } from "./wire.js";

/** How long to wait, after the proof, for what the server says about the session itself. */
const NOTE_MS = 1_000;

/**
 * One SCRAM-SHA-256 exchange on a connection of its own. Only a server signature that was checked means *works*.
 * @throws CoffreError INTERRUPTED; CONFIGURATION
 */
export async function proveAt(
  spec: TargetSpec,
  target: PostgresTarget,
  password: Secret,
  address: TargetAddress,
  signal?: AbortSignal,
): Promise<Proof> {
  const tls = await tlsFor(address, spec, target);
  const wire = new PostgresWire();
  let asked = false;
  let loggedIn = false;
  try {
    return await within(wire, { limitMs: spec.limits.verifyMs, signal }, async () => {
      await wire.connect(address, tls);
      const question = await begin(wire, spec.username, target.database);
      asked = true;
      loggedIn = question === "nothing";
      if (question !== "scram") return { proof: "not-verifiable", reason: sentence(address, WHY_NO_PROOF[question]) };
      const outcome = await prove(wire, password);
      if (outcome === "refused") return { proof: "refused", reason: sentence(address, "refused the password") };
      if (outcome === "forged") {
        return { proof: "not-verifiable", reason: sentence(address, "didn't show that it knows the password") };
      }
      loggedIn = true;
      const note = await sessionNote(wire);
      return { proof: "works", ...(note === undefined ? {} : { note }) };
    });
  } catch (error) {
    return explain(error, { address, username: spec.username, asked });
  } finally {
    wire.close({ loggedIn });
  }
}

/** What the session is refused for after the proof: NOLOGIN, a missing database, too many connections. It isn't the password. */
async function sessionNote(wire: PostgresWire): Promise<string | undefined> {
  try {
    await within(wire, { limitMs: NOTE_MS }, () => untilReady(wire));
    return undefined;
  } catch (error) {
    if (error instanceof ServerError)
      return `The password works; the session is refused: ${error.message} (${error.sqlState}).`;
    return undefined;
  }
}

function explain(error: unknown, occasion: { address: TargetAddress; username: string; asked: boolean }): Proof {
  const { address, asked } = occasion;
  if (error instanceof ScramError) return { proof: "not-verifiable", reason: sentence(address, error.message) };
  if (error instanceof ServerError && error.sqlState === SQLSTATE.notAllowed && !asked) {
    return {
      proof: "not-verifiable",
      reason: sentence(address, `refuses the role before any question (${error.message})`),
    };
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

const sentence = (address: TargetAddress, what: string) => `PostgreSQL at ${formatAddress(address)} ${what}`;
