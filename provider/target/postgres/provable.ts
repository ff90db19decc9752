import { CoffreError } from "../../core/errors.js";
import type { TargetAddress, TargetSpec } from "../port.js";
import { formatAddress } from "../common/address.js";
import { ServerError, SQLSTATE, toCoffreError } from "./errors.js";
import { begin, type Question } from "./login.js";
import type { PostgresTarget } from "./schema.js";
import { tlsFor } from "../common/tls.js";
import { within } from "../common/connection.js";
import { PostgresWire } from "./wire.js";

/** Why a server that asks this can't prove a password, as the end of a sentence about it. */
export const WHY_NO_PROOF: Record<Exclude<Question, "scram">, string> = {
  nothing: "lets the role in without a password (trust, peer or cert)",
  "clear-text": "asks for the password in clear text (password, ldap, pam or radius)",
  md5: "asks for an MD5 digest of the password",
  unknown: "asks for a kind of login that isn't SCRAM-SHA-256",
};

/**
 * Asks one address how it would want the account to log in, and goes away without an answer: the server counts that as
 * no failed login. What it asks while the account doesn't exist is what it asks of everybody.
 * @throws CoffreError NOT_VERIFIABLE if no set could be proven there; UNREACHABLE; TLS_NOT_TRUSTED
 */
export async function assertProvable(spec: TargetSpec, target: PostgresTarget, address: TargetAddress): Promise<void> {
  const wire = new PostgresWire();
  let question: Question | undefined;
  try {
    question = await within(wire, { limitMs: spec.limits.verifyMs }, async () => {
      await wire.connect(address, await tlsFor(address, spec, target));
      return begin(wire, spec.username, target.database);
    });
  } catch (error) {
    const noRule = error instanceof ServerError && error.sqlState === SQLSTATE.notAllowed;
    if (noRule) throw notProvable(spec, address, `refuses the role before any question (${error.message})`);
    throw toCoffreError(error, { address, username: spec.username });
  } finally {
    wire.close({ loggedIn: question === "nothing" });
  }
  // An MD5 question is put only to a role whose stored password is MD5's; what is set here is SCRAM's, and asked as such.
  if (question !== "scram" && question !== "md5") throw notProvable(spec, address, WHY_NO_PROOF[question]);
}

function notProvable(spec: TargetSpec, address: TargetAddress, why: string): CoffreError {
  return new CoffreError(
    "NOT_VERIFIABLE",
    `PostgreSQL at ${formatAddress(address)} can't prove a password of role "${spec.username}": it ${why}`,
    {
      hint: 'Give the role a line with scram-sha-256 in pg_hba.conf, or declare verify: "none" to do without a proof.',
      details: { account: spec.account, host: address.host, port: address.port },
    },
  );
}
