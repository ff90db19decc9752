import { setTimeout as delay } from "node:timers/promises";
import { escapeIdentifier, escapeLiteral } from "pg";
import type { Secret } from "../../core/secret.js";
import type { SetResult, TargetSpec } from "../port.js";
import { reasonOf, ServerError, SQLSTATE } from "./errors.js";
import { type Facts, factsQuery, readFacts } from "./facts.js";
import { rolesOf } from "./overlap.js";
import { hasMark, withMark, withoutMark } from "./role-marks.js";
import { LEAST_ITERATIONS, MOST_ITERATIONS, scramVerifier } from "./scram.js";
import type { PostgresTarget } from "./schema.js";
import { beginQuery, run, runEach } from "./statement.js";
import { WireError } from "../common/wire.js";
import type { PostgresWire } from "./wire.js";

const REPLICA_POLL_MS = 20;
/** Its NOLOGIN is Coffre's, so that a set takes it back once rotations overlap no more. */
const GROUP_MARKS = withMark(withMark(null, "made"), "disabled");

/** A verifier, and the number of iterations that it was made with. */
export interface Verifier {
  text: string;
  iterations: number;
}

/** By the number of iterations that the server was seen to have; unseen, by the one that nearly all have. */
export async function makeVerifier(password: Secret, seen: Facts | undefined): Promise<Verifier> {
  const iterations = seen ? iterationsOf(seen) : LEAST_ITERATIONS;
  return { text: await scramVerifier(password, { iterations }), iterations };
}

interface Asked {
  password: Secret;
  verifier: Verifier;
  /** `performance.now()` of the call, since time in the queue counts too. */
  startedAt: number;
  /**
   * What the look right before saw of a role that stands for itself. What doesn't fit it any more the server refuses, with
   * nothing changed.
   */
  seen: Facts | undefined;
}

/**
 * Sets the password by its verifier, in one transaction. `COMMIT` is a message of its own: until it is sent, whatever
 * fails has changed nothing for certain; from then on, only an answer tells.
 */
export async function setPassword(
  wire: PostgresWire,
  spec: TargetSpec,
  target: PostgresTarget,
  { password, verifier, startedAt, seen }: Asked,
): Promise<SetResult> {
  const serverLimitMs = spec.limits.setMs / 2;
  let inDoubt: string | undefined;
  try {
    const known = spec.actsAs === undefined ? seen : undefined;
    const facts = known ?? (await beginAndAsk(wire, spec, target, serverLimitMs));
    // A login that takes turns is always Coffre's to make; the role that it acts as is what the declaration speaks of.
    const declared = spec.actsAs === undefined ? facts.account : facts.group;
    if (declared === null && target.account?.create !== true) {
      if (!known) await run(wire, "ROLLBACK");
      return { result: "refused", reason: "the role doesn't exist and isn't to be created" };
    }
    const iterations = iterationsOf(facts);
    const isRight = iterations === verifier.iterations;
    const change = changeQuery(spec, facts, isRight ? verifier.text : await scramVerifier(password, { iterations }));
    if (known) {
      const [begun, changed] = await runEach(wire, beginQuery(serverLimitMs), change);
      // Outside a transaction the change would stand, whether its answer came or not.
      if (begun instanceof ServerError && !(changed instanceof ServerError)) inDoubt = "its transaction didn't begin";
      for (const answer of [begun, changed]) if (answer instanceof Error) throw answer;
    } else {
      await run(wire, change);
    }
    // The server may still work on a commit for its own limit; together they stay below the limit of the call.
    if (performance.now() - startedAt > serverLimitMs) {
      await run(wire, "ROLLBACK");
      return { result: "refused", reason: "the server was too slow; nothing was committed" };
    }
    inDoubt = "no answer to COMMIT";
    const { tag } = await run(wire, "COMMIT");
    if (tag !== "COMMIT") return { result: "refused", reason: "the server rolled the change back" };
    if (spec.verifyAddresses.length > 1) await awaitReplicas(wire, startedAt + spec.limits.setMs * 0.9).catch(() => {});
    return { result: "set", accountMade: facts.account === null || hasMark(facts.account.comment, "made") };
  } catch (error) {
    if (inDoubt === undefined && wire.usable) await run(wire, "ROLLBACK").catch(() => {});
    if (!(error instanceof ServerError || error instanceof WireError)) throw error;
    if (inDoubt !== undefined) return { result: "in-doubt", reason: `${inDoubt}: ${reasonOf(error)}` };
    return { result: refusesValue(error) ? "value-refused" : "refused", reason: reasonOf(error) };
  }
}

/** What nothing was seen of, or must not change until the set: in its own transaction. */
async function beginAndAsk(
  wire: PostgresWire,
  spec: TargetSpec,
  target: PostgresTarget,
  limitMs: number,
): Promise<Facts> {
  const { value } = await run(wire, beginQuery(limitMs) + factsQuery(rolesOf(spec, target.account?.memberOf)));
  return readFacts(value);
}

function iterationsOf({ iterations }: Facts): number {
  return Math.min(Math.max(iterations ?? LEAST_ITERATIONS, LEAST_ITERATIONS), MOST_ITERATIONS);
}

function changeQuery({ username, actsAs }: TargetSpec, facts: Facts, verifier: string): string {
  const { account, groups } = facts;
  const role = escapeIdentifier(username);
  const holder = escapeIdentifier(actsAs?.username ?? username);
  const comment = (text: string) => `COMMENT ON ROLE ${role} IS ${escapeLiteral(text)};`;
  const password = `PASSWORD ${escapeLiteral(verifier)};`;
  const statements = groups
    .filter(({ isMember }) => !isMember)
    .map(({ name }) => `GRANT ${escapeIdentifier(name)} TO ${holder};`);
  if (actsAs !== undefined) statements.unshift(...actingQueries(username, actsAs.username, facts));
  if (account === null) {
    statements.unshift(`CREATE ROLE ${role} LOGIN ${password}`, comment(withMark(null, "made")));
  } else if (!account.mayLogIn && hasMark(account.comment, "disabled")) {
    statements.unshift(`ALTER ROLE ${role} LOGIN ${password}`, comment(withoutMark(account.comment, "disabled")));
  } else {
    statements.unshift(`ALTER ROLE ${role} ${password}`);
  }
  return statements.join("\n");
}

/** What makes a login act as another role, so that whatever it makes belongs to that one, whichever login's turn it is. */
function actingQueries(username: string, group: string, { group: existing, logins }: Facts): string[] {
  const [role, holder] = [escapeIdentifier(username), escapeIdentifier(group)];
  const login = logins.find(({ name }) => name === username);
  return [
    ...(existing === null
      ? [`CREATE ROLE ${holder} NOLOGIN;`, `COMMENT ON ROLE ${holder} IS ${escapeLiteral(GROUP_MARKS)};`]
      : []),
    ...(login?.isMember === true ? [] : [`GRANT ${holder} TO ${role};`]),
    ...(login?.actsAs === group ? [] : [`ALTER ROLE ${role} SET role = ${escapeLiteral(group)};`]),
  ];
}

/** What hooks of password policies answer: `passwordcheck` for a value that it can judge by its verifier. */
function refusesValue(error: ServerError | WireError): boolean {
  if (error instanceof WireError) return false;
  return error.sqlState === SQLSTATE.invalidValue || error.sqlState === SQLSTATE.wrongPassword;
}

/**
 * Waits until the standbys that stream from here have replayed the change, since one that lags refuses the new password.
 * An admin who may not see them (no `pg_monitor`) waits for none.
 */
async function awaitReplicas(wire: PostgresWire, until: number): Promise<void> {
  const { value: position } = await run(wire, "SELECT pg_current_wal_lsn()");
  const behind = `SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND replay_lsn < ${escapeLiteral(position ?? "0/0")}`;
  while (performance.now() < until && (await run(wire, behind)).value !== "0") await delay(REPLICA_POLL_MS);
}
