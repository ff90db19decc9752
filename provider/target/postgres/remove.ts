import { escapeIdentifier, escapeLiteral } from "pg";
import { CoffreError } from "../../core/errors.js";
import type { TargetSpec } from "../port.js";
import { formatAddress } from "../common/address.js";
import { ServerError, SQLSTATE } from "./errors.js";
import { factsQuery, readFacts } from "./facts.js";
import { withMark } from "./role-marks.js";
import { beginQuery, run } from "./statement.js";
import type { PostgresWire } from "./wire.js";

/** Disables or drops the role; a missing one is a success. @throws CoffreError TARGET_NOT_READY, ServerError, WireError */
export async function removeAccount(wire: PostgresWire, spec: TargetSpec, how: "disable" | "drop"): Promise<void> {
  const role = escapeIdentifier(spec.username);
  try {
    const begun = await run(wire, beginQuery(spec.limits.setMs / 2) + factsQuery(spec.username, []));
    const { account } = readFacts(begun.value);
    if (account !== null && how === "drop") await run(wire, `DROP ROLE ${role}`);
    if (account !== null && how === "disable" && account.mayLogIn) {
      const comment = escapeLiteral(withMark(account.comment, "disabled"));
      await run(wire, `ALTER ROLE ${role} NOLOGIN; COMMENT ON ROLE ${role} IS ${comment}`);
    }
    await run(wire, "COMMIT");
  } catch (error) {
    if (wire.usable) await run(wire, "ROLLBACK").catch(() => {});
    throw error instanceof ServerError ? explain(error, spec) : error;
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
