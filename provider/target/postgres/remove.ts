import { escapeIdentifier, escapeLiteral } from "pg";
import { CoffreError } from "../../core/errors.js";
import type { TargetSpec } from "../port.js";
import { formatAddress } from "../common/address.js";
import { ServerError, SQLSTATE } from "./errors.js";
import { type Facts, factsQuery, readFacts } from "./facts.js";
import { withMark } from "./role-marks.js";
import { beginQuery, run } from "./statement.js";
import type { PostgresWire } from "./wire.js";

/**
 * Disables or drops the role, and first the logins that take turns for it; a missing one is a success.
 * @throws CoffreError TARGET_NOT_READY, ServerError, WireError
 */
export async function removeAccount(wire: PostgresWire, spec: TargetSpec, how: "disable" | "drop"): Promise<void> {
  const logins = spec.overlap?.logins.map(({ username }) => username) ?? [];
  await inTransaction(wire, spec, async () => {
    for (const username of [...logins, spec.username]) {
      const { account } = readFacts((await run(wire, factsQuery({ username, memberOf: [] }))).value);
      if (account !== null && how === "drop") await drop(wire, { ...spec, username });
      if (account !== null && how === "disable" && account.mayLogIn)
        await run(wire, disable(username, "NOLOGIN", account));
    }
  });
}

/**
 * A login whose turn is over: NOLOGIN, and no password, so that the one that it had is dead even if somebody allows it to
 * log in again. Safe to repeat; a missing one is a success. @throws as {@link removeAccount}
 */
export async function endLogin(wire: PostgresWire, spec: TargetSpec): Promise<void> {
  const { username } = spec;
  await inTransaction(wire, spec, async () => {
    const { account } = readFacts((await run(wire, factsQuery({ username, memberOf: [] }))).value);
    if (account !== null) await run(wire, disable(username, "NOLOGIN PASSWORD NULL", account));
  });
}

async function drop(wire: PostgresWire, spec: TargetSpec): Promise<void> {
  try {
    await run(wire, `DROP ROLE ${escapeIdentifier(spec.username)}`);
  } catch (error) {
    throw error instanceof ServerError ? explain(error, spec) : error;
  }
}

function disable(username: string, change: string, { comment }: NonNullable<Facts["account"]>): string {
  const role = escapeIdentifier(username);
  const marked = escapeLiteral(withMark(comment, "disabled"));
  return `ALTER ROLE ${role} ${change}; COMMENT ON ROLE ${role} IS ${marked}`;
}

async function inTransaction(wire: PostgresWire, spec: TargetSpec, work: () => Promise<void>): Promise<void> {
  try {
    await run(wire, beginQuery(spec.limits.setMs / 2));
    await work();
    await run(wire, "COMMIT");
  } catch (error) {
    if (wire.usable) await run(wire, "ROLLBACK").catch(() => {});
    throw error;
  }
}

function explain(error: ServerError, spec: TargetSpec): Error {
  const details = { account: spec.account, sqlState: error.sqlState };
  const role = `Role "${spec.username}" at ${formatAddress(spec.address)}`;
  if (error.sqlState === SQLSTATE.dependentObjects) {
    return new CoffreError(
      "TARGET_NOT_READY",
      `${role} isn't dropped: objects belong to it, or rights were granted to it`,
      {
        hint: `In each database run REASSIGN OWNED BY "${spec.username}" TO another role, then DROP OWNED BY it; or declare onDelete: "disable".`,
        details,
      },
    );
  }
  if (error.sqlState === SQLSTATE.objectInUse) {
    return new CoffreError("TARGET_NOT_READY", `${role} isn't dropped: it is the role that is logged in`, {
      hint: 'Use an admin of another name, or declare onDelete: "disable".',
      details,
    });
  }
  return error;
}
