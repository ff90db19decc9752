import type { TargetSpec } from "../port.js";
import { factsQuery, readFacts } from "./facts.js";
import { DISABLED_HASH, spellHash } from "./hash-marks.js";
import { quoteAccount } from "./names.js";
import { NATIVE_PASSWORD } from "./packets.js";
import type { MysqlTarget } from "./schema.js";
import { identifiedVia } from "./set.js";
import { limited, run } from "./statement.js";
import type { MysqlWire } from "./wire.js";

/** Disables or drops the account; a missing one is a success. @throws ServerError, WireError */
export async function removeAccount(
  wire: MysqlWire,
  { spec, target }: { spec: TargetSpec; target: MysqlTarget },
  how: "disable" | "drop",
): Promise<void> {
  const named = { username: spec.username, host: target.accountHost };
  const statement = (sql: string) => limited(spec.limits.setMs / 2, sql);
  if (how === "drop") {
    await run(wire, statement(`DROP USER IF EXISTS ${quoteAccount(named)}`));
    return;
  }
  const { account } = readFacts(await run(wire, factsQuery({ ...named, roles: [] })));
  if (account === null || account.isLocked) return; // a lock of somebody else's stays theirs
  const hash = spellHash(DISABLED_HASH, { made: account.isMade });
  const isOurKind = (account.plugin ?? NATIVE_PASSWORD) === NATIVE_PASSWORD;
  const unusable = isOurKind ? ` ${identifiedVia(account, hash)}` : "";
  await run(wire, statement(`ALTER USER ${quoteAccount(named)}${unusable} ACCOUNT LOCK`));
}
