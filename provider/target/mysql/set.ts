import type { Secret } from "../../core/secret.js";
import { WireError } from "../common/wire.js";
import type { SetResult, TargetSpec } from "../port.js";
import { ERROR, reasonOf, ServerError } from "./errors.js";
import { type Facts, factsQuery, pluginsOf, readFacts, type Ways } from "./facts.js";
import { spellHash } from "./hash-marks.js";
import { quoteAccount, quoteName } from "./names.js";
import { nativeHash } from "./native-password.js";
import { NATIVE_PASSWORD } from "./packets.js";
import type { MysqlTarget } from "./schema.js";
import { limited, run } from "./statement.js";
import type { MysqlWire } from "./wire.js";

/** Answers after which nothing has changed for certain. Any other may come of something that happened after the change. */
const DEFINITE: readonly number[] = [
  ERROR.databaseDenied,
  ERROR.syntax,
  ERROR.noSuchAccount,
  ERROR.tableAccessDenied,
  ERROR.columnAccessDenied,
  ERROR.lockWaitTimeout,
  ERROR.needsPrivilege,
  ERROR.optionPrevents,
  ERROR.hashHasWrongLength,
  ERROR.accountOperationFailed,
  ERROR.validationRefused,
  ERROR.mustChangePassword,
  ERROR.readOnly,
  ERROR.roleRefused,
];

interface Setting {
  spec: TargetSpec;
  target: MysqlTarget;
  password: Secret;
  /** `performance.now()` of the call, since time in the queue counts too. */
  startedAt: number;
}

/**
 * Sets the password by its hash, in one statement that takes effect or not. What else the account is to have comes before
 * it; only for an account that is created, after it.
 */
export async function setPassword(wire: MysqlWire, setting: Setting): Promise<SetResult> {
  const { spec, target, password } = setting;
  const named = { username: spec.username, host: target.accountHost };
  const account = quoteAccount(named);
  const hash = nativeHash(password);
  let changing = false;
  try {
    const { memberOf = [], create = false } = target.account ?? {};
    const facts = readFacts(await run(wire, factsQuery({ ...named, roles: memberOf })));
    if (facts.account === null && !create) {
      return { result: "refused", reason: "the account doesn't exist and isn't to be created" };
    }
    const made = facts.account === null || facts.account.isMade;
    const grants = roleStatements(target, facts, account);
    const spelled = spellHash(hash, { made });
    if (facts.account !== null) for (const grant of grants) await run(wire, limitedBy(setting, grant));
    const last = limitedBy(
      setting,
      facts.account === null ? creation(account, spelled) : change(account, facts.account, spelled),
    );
    changing = true;
    await run(wire, last);
    if (facts.account === null) for (const grant of grants) await run(wire, limitedBy(setting, grant));
    return { result: "set", accountMade: made };
  } catch (error) {
    return failedSet(error, changing);
  }
}

/** Sets the password of the account that is logged in: the one way that needs no right. */
export async function setOwnPassword(wire: MysqlWire, setting: Setting): Promise<SetResult> {
  let changing = false;
  try {
    const statement = limitedBy(setting, `SET PASSWORD = '${nativeHash(setting.password)}'`);
    changing = true;
    await run(wire, statement);
    return { result: "set", accountMade: false };
  } catch (error) {
    return failedSet(error, changing);
  }
}

/** The server may work for what is left of half of the call's limit, so that it has stopped when the call gives up. */
function limitedBy({ spec, startedAt }: Setting, sql: string): string {
  const leftMs = spec.limits.setMs / 2 - (performance.now() - startedAt);
  if (leftMs < 1) throw new TooSlow();
  return limited(leftMs, sql);
}

class TooSlow extends Error {
  override readonly name = "TooSlow";
}

function failedSet(error: unknown, changing: boolean): SetResult {
  if (error instanceof TooSlow) {
    return { result: changing ? "in-doubt" : "refused", reason: "the server was too slow" };
  }
  if (!(error instanceof ServerError || error instanceof WireError)) throw error;
  const isDefinite = !changing || (error instanceof ServerError && DEFINITE.includes(error.code));
  return { result: isDefinite ? "refused" : "in-doubt", reason: reasonOf(error) };
}

function creation(account: string, hash: string): string {
  return `CREATE USER ${account} IDENTIFIED VIA ${NATIVE_PASSWORD} USING '${hash}'`;
}

/** Other ways to log in stay as they are; a lock of Coffre's own is taken back. */
function change(account: string, { isDisabled, ...found }: NonNullable<Facts["account"]>, hash: string): string {
  return `ALTER USER ${account} ${identifiedVia(found, hash)}${isDisabled ? " ACCOUNT UNLOCK" : ""}`;
}

/** The ways to log in, in their order, with this hash. */
export function identifiedVia(account: Ways, hash: string): string {
  const ways = pluginsOf(account).map(({ plugin, text }) => {
    const value = plugin === NATIVE_PASSWORD ? hash : text;
    return `${quoteName(plugin)}${value === "" ? "" : ` USING '${value.replaceAll("'", "''")}'`}`;
  });
  return `IDENTIFIED VIA ${ways.join(" OR ")}`;
}

function roleStatements({ account = {} }: MysqlTarget, facts: Facts, name: string): string[] {
  const { memberOf = [], defaultRole } = account;
  const missing = memberOf.filter((role) => facts.account?.roles?.includes(role) !== true);
  const statements = missing.map((role) => `GRANT ${quoteName(role)} TO ${name}`);
  if (defaultRole !== undefined && facts.account?.defaultRole !== defaultRole) {
    statements.push(`SET DEFAULT ROLE ${quoteName(defaultRole)} FOR ${name}`);
  }
  return statements;
}
