import { escapeLiteral } from "pg";
import * as z from "zod";
import type { AskedRoles } from "./overlap.js";
import { ServerError } from "./errors.js";
import { oneLine, type Prepared, run, runPrepared } from "./statement.js";
import type { PostgresWire } from "./wire.js";

/** A role that the account, or the one that it acts as, is to be a member of. */
const Group = z.object({
  name: z.string(),
  exists: z.boolean(),
  isMember: z.boolean(),
  isSuperuser: z.boolean(),
  /** The session's role has ADMIN OPTION on it, itself or by a role that it is in. */
  hasAdminOption: z.boolean(),
});

/** What the server says of itself, of the role that is logged in, and of the account: one row, no secret. */
const Facts = z.object({
  /** For example 180004. */
  version: z.number(),
  isStandby: z.boolean(),
  isReadOnly: z.boolean(),
  /** When the server last read its configuration, and with it the rules of logins; in its own words. */
  loadedAt: z.string(),
  /** `scram_iterations` (from PostgreSQL 16 on), else null. */
  iterations: z.number().nullable(),
  me: z.object({ name: z.string(), isSuperuser: z.boolean(), mayCreateRoles: z.boolean() }),
  /** Null if there is no such role. */
  account: z
    .object({
      mayLogIn: z.boolean(),
      isSuperuser: z.boolean(),
      isReplication: z.boolean(),
      isExpired: z.boolean(),
      /** ISO 8601; null: never. */
      expiresAt: z.string().nullable(),
      hasAdminOption: z.boolean(),
      comment: z.string().nullable(),
    })
    .nullable(),
  groups: z.array(Group),
  /** The role that logins act as. Null if there is none, or none is asked about. */
  group: z
    .object({ name: z.string(), mayLogIn: z.boolean(), isSuperuser: z.boolean(), hasAdminOption: z.boolean() })
    .nullable(),
  /** Those that take turns, of those that exist. */
  logins: z.array(
    z.object({
      name: z.string(),
      mayLogIn: z.boolean(),
      /** A member of the group. */
      isMember: z.boolean(),
      /** The role that its sessions begin as; null: itself. */
      actsAs: z.string().nullable(),
      comment: z.string().nullable(),
    }),
  ),
});
export type Facts = z.output<typeof Facts>;

/**
 * The query of {@link readFacts}: one row with one column. `pg_roles` and the comments of roles are readable by everybody.
 * 'MEMBER WITH ADMIN OPTION' is what the server itself asks before ALTER ROLE and GRANT (`user.c`).
 */
export function factsQuery(asked: AskedRoles): string {
  const { username, group = username } = asked;
  return factsText({ username: escapeLiteral(username), holder: escapeLiteral(group) }, asked);
}

/**
 * Asks for the facts of a role. One that stands for itself, and is in no group by declaration, is asked about by a
 * statement that the connection keeps: its plan costs more than its answer.
 * @throws as {@link run}
 */
export async function askFacts(wire: PostgresWire, asked: AskedRoles): Promise<Facts> {
  const { username, memberOf, group } = asked;
  if (memberOf.length > 0 || group !== undefined) return readFacts((await run(wire, factsQuery(asked))).value);
  try {
    return readFacts((await runPrepared(wire, PLAIN_FACTS, [username])).value);
  } catch (error) {
    const isForgotten = error instanceof ServerError && FORGOTTEN.includes(error.sqlState);
    if (!isForgotten) throw error;
    return readFacts((await run(wire, factsQuery(asked))).value);
  }
}

/** What stands between hands the connection's statements to another one: there is none of the name, or another's. */
const FORGOTTEN = ["26000", "42P05"];

/** @param names SQL that yields them; `holder`: who holds rights and objects */
function factsText(
  names: { username: string; holder: string },
  { memberOf, group, logins = [] }: Pick<AskedRoles, "memberOf" | "group" | "logins">,
): string {
  return oneLine(`
    SELECT json_build_object(
      'version', current_setting('server_version_num')::int,
      'isStandby', pg_is_in_recovery(),
      'isReadOnly', current_setting('transaction_read_only')::bool,
      'loadedAt', pg_conf_load_time()::text,
      'iterations', current_setting('scram_iterations', true)::int,
      'me', json_build_object('name', me.rolname, 'isSuperuser', me.rolsuper, 'mayCreateRoles', me.rolcreaterole),
      'account', CASE WHEN u.oid IS NOT NULL THEN json_build_object(
          'mayLogIn', u.rolcanlogin,
          'isSuperuser', u.rolsuper,
          'isReplication', u.rolreplication,
          'isExpired', coalesce(u.rolvaliduntil <= now(), false),
          'expiresAt', CASE WHEN isfinite(u.rolvaliduntil) THEN u.rolvaliduntil END,
          'hasAdminOption', pg_has_role(u.oid, 'MEMBER WITH ADMIN OPTION'),
          'comment', shobj_description(u.oid, 'pg_authid')) END,
      'groups', ${memberOf.length === 0 ? NONE : groupsQuery(memberOf)},
      'group', ${group === undefined ? "NULL" : GROUP},
      'logins', ${logins.length === 0 ? NONE : loginsQuery(logins)})
    FROM pg_catalog.pg_roles me LEFT JOIN pg_catalog.pg_roles u ON u.rolname = ${names.username}
    LEFT JOIN pg_catalog.pg_roles h ON h.rolname = ${names.holder}
    WHERE me.rolname = current_user`);
}

const NONE = "'[]'::json";

const PLAIN_FACTS: Prepared = {
  name: "coffre_facts",
  text: factsText({ username: "$1", holder: "$1" }, { memberOf: [] }),
};

/** `h` holds rights and objects: the account itself, or the role that it acts as. */
const GROUP = `CASE WHEN h.oid IS NOT NULL THEN json_build_object(
      'name', h.rolname,
      'mayLogIn', h.rolcanlogin,
      'isSuperuser', h.rolsuper,
      'hasAdminOption', pg_has_role(h.oid, 'MEMBER WITH ADMIN OPTION')) END`;

function loginsQuery(logins: readonly string[]): string {
  return `(SELECT coalesce(json_agg(json_build_object(
      'name', l.rolname,
      'mayLogIn', l.rolcanlogin,
      'isMember', EXISTS (SELECT FROM pg_catalog.pg_auth_members m WHERE m.roleid = h.oid AND m.member = l.oid),
      'actsAs', (SELECT substr(setting, 6) FROM unnest(l.rolconfig) setting WHERE setting LIKE 'role=%'),
      'comment', shobj_description(l.oid, 'pg_authid'))), ${NONE})
    FROM pg_catalog.pg_roles l WHERE l.rolname IN (${logins.map((name) => escapeLiteral(name)).join(", ")}))`;
}

function groupsQuery(groups: readonly string[]): string {
  return `(SELECT json_agg(json_build_object(
      'name', wanted,
      'exists', g.oid IS NOT NULL,
      'isMember', EXISTS (SELECT FROM pg_catalog.pg_auth_members m WHERE m.roleid = g.oid AND m.member = h.oid),
      'isSuperuser', coalesce(g.rolsuper, false),
      'hasAdminOption', coalesce(pg_has_role(g.oid, 'MEMBER WITH ADMIN OPTION'), false)))
    FROM unnest(ARRAY[${groups.map((name) => escapeLiteral(name)).join(", ")}]) wanted
    LEFT JOIN pg_catalog.pg_roles g ON g.rolname = wanted)`;
}

/** Reads the query's answer. */
export function readFacts(answer: string | null | undefined): Facts {
  return Facts.parse(JSON.parse(answer ?? "null"));
}

/** Whether the session's role may change the account's password (`AlterRole` in PostgreSQL's `user.c`). */
export function mayChange({ me, account, version }: Facts, username: string): boolean {
  if (me.isSuperuser || me.name === username) return true;
  if (account === null || account.isSuperuser || !me.mayCreateRoles) return false;
  return version >= 160_000 ? account.hasAdminOption : !account.isReplication;
}

/** Whether it may make another role a member of a group. Until version 15, CREATEROLE was enough for all but superusers. */
export function mayGrant(
  { me, version }: Facts,
  group: Pick<Facts["groups"][number], "hasAdminOption" | "isSuperuser">,
): boolean {
  if (me.isSuperuser) return true;
  return group.hasAdminOption || (version < 160_000 && me.mayCreateRoles && !group.isSuperuser);
}
