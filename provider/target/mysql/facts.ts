import * as z from "zod";
import { DISABLED_HASH } from "./hash-marks.js";
import { quoteText } from "./names.js";
import { NATIVE_PASSWORD } from "./packets.js";
import { oneLine } from "./statement.js";

/** What the server writes for true and false in JSON, after the functions that we use. */
const Flag = z
  .union([z.boolean(), z.number(), z.string()])
  .nullable()
  .transform((value) => value === true || Number(value) === 1);

/** One way to log in of several. Empty for the one that the account's other fields tell of. */
const Alternative = z.object({ plugin: z.string().optional(), authentication_string: z.string().optional() });

const Server = z.object({
  /** For example `10.11.19-MariaDB-log`. */
  version: z.string(),
  isReadOnly: Flag,
  /** Hashes are refused where a plugin would have to judge a password: `strict_password_validation`. */
  refusesHashes: Flag,
  /** It takes its changes from another server. */
  replicates: Flag,
  /** `user@host` of the account that is logged in. */
  me: z.string(),
  /** `user@host` as the server saw the login come. */
  seenAs: z.string(),
});

const Account = z.object({
  isLocked: Flag,
  /** ACCOUNT LOCK by Coffre, by the hash that it leaves. */
  isDisabled: Flag,
  isMade: Flag,
  /** Marked as expired by a person; a set takes that back. */
  isExpired: Flag,
  plugin: z.string().nullable(),
  alternatives: z.array(Alternative).nullable(),
  /** 0: none. 1: TLS. More: a certificate of the client's. */
  tls: z.number().nullable(),
  defaultRole: z.string().nullable(),
  roles: z.array(z.string()).nullable(),
});

/** What the admin sees of the server, of itself and of the account: one row, no hash and no password. */
const Facts = Server.extend({
  /** Null if there is no such account. */
  account: Account.nullable(),
  /** Accounts of the same name, or of none, that may stand before this one where a login comes from. */
  others: z.array(z.object({ user: z.string(), host: z.string() })).nullable(),
  /** The roles that are wanted and exist. */
  roles: z.array(z.object({ name: z.string(), mayGrant: Flag })).nullable(),
});
export type Facts = z.output<typeof Facts>;

/** What an account sees that changes itself. */
export type OwnFacts = z.output<typeof Server>;

interface Asked {
  username: string;
  host: string;
  roles: readonly string[];
}

const json = (query: string) => `JSON_EXTRACT((${query}), '$')`;

const SERVER = `
  'version', VERSION(),
  'isReadOnly', @@global.read_only + 0,
  'refusesHashes', @@global.strict_password_validation AND EXISTS (SELECT 1 FROM information_schema.PLUGINS
    WHERE PLUGIN_TYPE = 'PASSWORD VALIDATION' AND PLUGIN_STATUS = 'ACTIVE'),
  'replicates', EXISTS (SELECT 1 FROM information_schema.GLOBAL_STATUS
    WHERE VARIABLE_NAME = 'SLAVES_RUNNING' AND VARIABLE_VALUE + 0 > 0),
  'me', CURRENT_USER(),
  'seenAs', USER()`;

/** The query of {@link readFacts}. */
export function factsQuery({ username, host, roles }: Asked): string {
  const isIt = `User = ${quoteText(username)} AND Host = ${quoteText(host)}`;
  const hash = "JSON_VALUE(Priv, '$.authentication_string')";
  const wanted = roles.map((role) => quoteText(role)).join(", ");
  const account = `SELECT JSON_OBJECT(
      'isLocked', JSON_VALUE(Priv, '$.account_locked'),
      'isDisabled', UPPER(${hash}) = '${DISABLED_HASH}',
      'isMade', ${hash} LIKE '*%' AND BINARY ${hash} = BINARY LOWER(${hash}),
      'isExpired', JSON_VALUE(Priv, '$.password_last_changed') = 0,
      'plugin', JSON_VALUE(Priv, '$.plugin'),
      'alternatives', JSON_EXTRACT(Priv, '$.auth_or'),
      'tls', JSON_VALUE(Priv, '$.ssl_type') + 0,
      'defaultRole', JSON_VALUE(Priv, '$.default_role'),
      'roles', ${json(`SELECT JSON_ARRAYAGG(Role) FROM mysql.roles_mapping WHERE ${isIt}`)})
    FROM mysql.global_priv WHERE ${isIt}`;
  const others = `SELECT JSON_ARRAYAGG(JSON_OBJECT('user', User, 'host', Host)) FROM mysql.global_priv
    WHERE User IN (${quoteText(username)}, '') AND NOT (${isIt}) AND JSON_VALUE(Priv, '$.is_role') IS NULL`;
  const found = `SELECT JSON_ARRAYAGG(JSON_OBJECT('name', User, 'mayGrant', EXISTS (
      SELECT 1 FROM information_schema.APPLICABLE_ROLES WHERE ROLE_NAME = User AND IS_GRANTABLE = 'YES')))
    FROM mysql.global_priv WHERE Host = '' AND JSON_VALUE(Priv, '$.is_role') = 1 AND User IN (${wanted})`;
  return oneLine(`SELECT JSON_OBJECT(${SERVER},
    'account', ${json(account)}, 'others', ${json(others)}, 'roles', ${roles.length === 0 ? "NULL" : json(found)})`);
}

/** Reads the answer to {@link factsQuery}. */
export function readFacts([answer]: readonly (string | null)[]): Facts {
  return Facts.parse(JSON.parse(answer ?? "null"));
}

/** What {@link readOwnFacts} reads; needs no right. */
export const OWN_FACTS_QUERY = oneLine(`SELECT JSON_OBJECT(${SERVER})`);

/** Reads the answer to {@link OWN_FACTS_QUERY}. */
export function readOwnFacts([answer]: readonly (string | null)[]): OwnFacts {
  return Server.parse(JSON.parse(answer ?? "null"));
}

/** What an account's ways to log in are told by. */
export type Ways = Pick<NonNullable<Facts["account"]>, "plugin" | "alternatives">;

/** The ways to log in, in their order. */
export function pluginsOf({ plugin, alternatives }: Ways): { plugin: string; text: string }[] {
  const first = { plugin: plugin ?? NATIVE_PASSWORD, text: "" };
  if (alternatives === null || alternatives.length === 0) return [first];
  return alternatives.map(({ plugin: other, authentication_string: text = "" }) =>
    other === undefined ? first : { plugin: other, text },
  );
}

/** What the session may do, by the lines of SHOW GRANTS, which also tells of roles that are in force. */
export function readGrants(lines: readonly (string | null)[]): { mayChange: boolean; mayChooseDefaultRoles: boolean } {
  const has = (place: RegExp, right: string) =>
    lines.some((line) => {
      const [, rights = "", where = ""] = /^GRANT (.+?) ON (\S+) TO /.exec(line ?? "") ?? [];
      return place.test(where) && (rights === "ALL PRIVILEGES" || rights.split(", ").includes(right));
    });
  const system = /^(\*|`mysql`)\.\*$/;
  return {
    mayChange: has(/^\*\.\*$/, "CREATE USER") || has(system, "UPDATE"),
    mayChooseDefaultRoles: has(system, "UPDATE"),
  };
}
